"""A flat view of the configuration: one `Setting` for each leaf field, with its names and its secrecy."""

import re
from collections.abc import Iterator
from typing import Literal, cast

import msgspec
from msgspec import Struct

from deeper_api.config.sections import AppConfig

MASK = "********"
# How a URL begins, and all of libpq's key-value form: a word in it that is no pair may be the rest of a password.
_URL = re.compile(r"\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PAIRS = re.compile(r"\s*(?:\w+\s*=\s*(?:'(?:\\.|[^'\\])*'|(?:\\.|[^\s\\'])*)(?:\s+|$))+", re.DOTALL)
# Both hide rather too much than too little. The first goes up to the last @, because one may stand unescaped in a
# password or in a user's name; the second is a parameter of a URL or of libpq's key-value form, quoted or not, with all
# that follows up to a blank.
_PASSWORD_BEFORE_HOST = re.compile(r"(?<=://)(?P<user>[^:]*):.*@", re.DOTALL)
_PASSWORD_PARAMETER = re.compile(
    r"(?P<name>(?:password|secret|token|key)\s*=\s*)(?:'(?:\\.|[^'\\])*'?|(?:\\.|[^\s\\])*)",
    re.DOTALL | re.IGNORECASE,
)


Table = type[Struct]


class Setting(Struct, frozen=True, kw_only=True):
    """One leaf of the configuration: ``path`` such as ``("server", "port")``.

    ``table`` is what each of its values is, if it is a list of tables; an environment gives that as JSON.
    """

    path: tuple[str, ...]
    type: object
    default: object
    description: str
    secrecy: Literal["all", "url", "parts"] | None
    table: Table | None

    @property
    def key(self) -> str:
        """The name in the file: ``server.port``."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The name in the environment: ``DEEPER_SERVER_PORT``."""
        return "_".join(("DEEPER", *self.path)).upper()

    @property
    def is_list(self) -> bool:
        """Whether the environment gives it as a comma-separated list."""
        return isinstance(self.default, tuple) and self.table is None

    @property
    def words(self) -> str:
        """What may be given, for people who know no Python; empty where msgspec says it better."""
        match msgspec.json.schema(self.type):
            case {"enum": words}:
                return f"Expected one of {', '.join(map(repr, cast('list[str]', words)))}"
            case {"type": "boolean"}:
                return "Expected true or false"
            case {"type": "integer", "minimum": least, "maximum": most}:
                return f"Expected a whole number from {least} to {most}"
            case {"type": "number", "minimum": least, "maximum": most}:
                return f"Expected a number from {least} to {most}"
            case {"type": "number", "exclusiveMinimum": bound, "maximum": most}:
                return f"Expected a number above {bound} and up to {most}"
            case _:
                return ""

    def show(self, value: object) -> str:
        """Return ``value`` as text that is safe to print."""
        if self.secrecy == "all":
            return MASK if value else ""
        if self.table is not None:
            return _show_tables(cast("tuple[Struct, ...]", value)) if value else ""
        text = ",".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else str(value)
        if isinstance(value, bool):
            text = text.lower()
        return _without_password(text) if self.secrecy == "url" else text


def settings() -> Iterator[Setting]:
    """Yield every setting, in the order of declaration."""
    yield from _walk(AppConfig, ())


def fields_of(table: type[Struct]) -> dict[str, Setting]:
    """Return the fields of a table as settings by their names."""
    return {".".join(setting.path): setting for setting in _walk(table, ())}


def _show_tables(tables: tuple[Struct, ...]) -> str:
    shown: list[dict[str, object]] = []
    for table in tables:
        fields = fields_of(type(table))
        values = {name: cast("object", getattr(table, name)) for name in fields}
        shown.append(
            {name: fields[name].show(value) if fields[name].secrecy else value for name, value in values.items()}
        )
    return msgspec.json.encode(shown).decode()


def _without_password(address: str) -> str:
    if address and not _URL.match(address) and not _PAIRS.fullmatch(address):
        return MASK  # who knows what it is: a URL without its scheme, or a password in the wrong place
    address = _PASSWORD_BEFORE_HOST.sub(rf"\g<user>:{MASK}@", address)
    return _PASSWORD_PARAMETER.sub(rf"\g<name>{MASK}", address)


def _walk(section: type[Struct], above: tuple[str, ...]) -> Iterator[Setting]:
    for field in msgspec.structs.fields(section):
        path = (*above, field.name)
        kind: object = field.type
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            yield from _walk(field.type, path)
            continue
        inner = msgspec.inspect.type_info(kind)
        metadata = cast("dict[str, str]", inner.extra or {}) if isinstance(inner, msgspec.inspect.Metadata) else {}
        schema = msgspec.json.schema(kind)
        yield Setting(
            path=path,
            type=kind,
            default=field.default,
            description=str(schema["description"]),
            secrecy=cast("Literal['all', 'url', 'parts'] | None", metadata.get("secrecy")),
            table=_table_in(inner),
        )


def _table_in(kind: msgspec.inspect.Type) -> Table | None:
    while isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    if isinstance(kind, msgspec.inspect.VarTupleType) and isinstance(kind.item_type, msgspec.inspect.StructType):
        return kind.item_type.cls
    return None


def value_of(config: AppConfig, setting: Setting) -> object:
    """Return what ``config`` holds for ``setting``."""
    value: object = config
    for name in setting.path:
        value = getattr(value, name)
    return value
