"""Which words a field of a body may hold: msgspec says that one is wrong, but not which are right."""

import re
from collections.abc import Iterator

from msgspec import inspect

# One step of a path such as ``$.messages[0].role``: a field, or an element of an array.
_STEP = re.compile(r"\.(?P<field>\w+)|\[")


def choices_at(kind: object, path: str) -> list[str]:
    """Return the words that are allowed at ``path`` in a value of type ``kind``; none if it takes no words."""
    here = list(_plain(inspect.type_info(kind)))
    for step in _STEP.finditer(path):
        here = [below for each in here for below in _below(each, step["field"])]
    return sorted(word for each in here for word in _words(each))


def _below(kind: inspect.Type, field: str | None) -> Iterator[inspect.Type]:
    match kind:
        case inspect.StructType() if field is not None:
            if field == kind.tag_field:
                yield inspect.LiteralType((kind.tag,))
            for each in kind.fields:
                if each.encode_name == field:
                    yield from _plain(each.type)
        case inspect.VarTupleType() | inspect.ListType() if field is None:
            yield from _plain(kind.item_type)
        case _:
            pass


def _plain(kind: inspect.Type) -> Iterator[inspect.Type]:
    """Yield the types of which a value may be, without what is said about them."""
    match kind:
        case inspect.Metadata():
            yield from _plain(kind.type)
        case inspect.UnionType():
            for each in kind.types:
                yield from _plain(each)
        case _:
            yield kind


def _words(kind: inspect.Type) -> list[str]:
    match kind:
        case inspect.LiteralType():
            return [repr(value) for value in kind.values]
        case inspect.EnumType():
            return [repr(member.value) for member in kind.cls]
        case _:
            return []
