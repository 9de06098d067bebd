"""JSON Schemas of the types that go over the wire, as msgspec reads and writes them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from inspect import cleandoc
from typing import cast, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct, inspect
from msgspec.inspect import DateTimeType, StructType

Json = dict[str, object]

_REFERENCE = "#/components/schemas/{name}"


class Schemas:
    """The schemas of what is ``read``, of what is ``written``, and of what is both.

    ``components`` has those of structs and enumerations, by their names, and those of the unions that ``named`` names.
    """

    def __init__(self, read: Iterable[object], written: Iterable[object], named: Mapping[object, str]) -> None:
        read = list(read)
        kinds = list(dict.fromkeys([*read, *written]))
        found = msgspec.json.schema_components(kinds, schema_hook=_schema_hook, ref_template=_REFERENCE)
        schemas, self.components = cast("tuple[tuple[Json, ...], dict[str, Json]]", found)
        self._schemas = dict(zip(kinds, schemas, strict=True))
        also_read = {struct.cls for struct in _structs(inspect.multi_type_info(read))}
        for struct in _structs(inspect.multi_type_info(kinds)):
            self._complete(struct, only_written=struct.cls not in also_read)
        for kind, name in named.items():
            # Their tags tell the parts apart: it is never more than one of them.
            parts = {("oneOf" if key == "anyOf" else key): said for key, said in self._schemas[kind].items()}
            self.components[name] = {"title": name, **parts}
            self._schemas[kind] = {"$ref": _REFERENCE.format(name=name)}

    def of(self, kind: object) -> Json:
        """Return the schema of one of the types."""
        return self._schemas[kind]

    def _complete(self, struct: StructType, *, only_written: bool) -> None:
        """Say what msgspec does not: that moments are moments, and that what is always written is always there."""
        component = self._component(struct.cls)
        component["description"] = cleandoc(str(component.get("description", "")))
        properties = cast("dict[str, Json]", component["properties"])
        for field in struct.fields:
            schema = properties[field.encode_name]
            if any(isinstance(kind, DateTimeType) for kind in _options(field.type)):
                options = cast("list[Json]", schema.get("anyOf", [schema]))
                next(option for option in options if option["type"] == "string")["format"] = "date-time"
        if only_written and not (get_origin(struct.cls) or struct.cls).__struct_config__.omit_defaults:
            required = cast("list[str]", component["required"])
            required += [field.encode_name for field in struct.fields if _has_default(field)]

    def _component(self, kind: type[Struct]) -> Json:
        # Where two have one name, msgspec calls both by their modules, too.
        full, short = f"{kind.__module__}.{kind.__qualname__}", re.sub(r"\W", "_", _name(kind))
        return self.components[full if full in self.components else short]


def _name(kind: type[Struct]) -> str:
    arguments = [each.__name__ for each in get_args(kind)]
    return f"{kind.__name__}[{', '.join(arguments)}]" if arguments else kind.__name__


def _schema_hook(kind: type) -> Json:
    if kind is object:
        return {"description": "Anything."}
    raise NotImplementedError


def _structs(kinds: Iterable[inspect.Type]) -> Iterator[StructType]:
    """Yield the structs in ``kinds``, at whatever depth, each once."""
    seen: set[type] = set()
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        match kind:
            case StructType():
                if kind.cls not in seen:
                    seen.add(kind.cls)
                    yield kind
                    waiting += [field.type for field in kind.fields]
            case inspect.Metadata():
                waiting.append(kind.type)
            case inspect.UnionType():
                waiting += kind.types
            case inspect.ListType() | inspect.VarTupleType() | inspect.SetType():
                waiting.append(kind.item_type)
            case _:
                pass


def _options(kind: inspect.Type) -> Iterator[inspect.Type]:
    match kind:
        case inspect.Metadata():
            yield from _options(kind.type)
        case inspect.UnionType():
            for each in kind.types:
                yield from _options(each)
        case _:
            yield kind


def _has_default(field: inspect.Field) -> bool:
    return not field.required and (field.default, field.default_factory) != (NODEFAULT, NODEFAULT)
