"""Lists of tables: each field is checked by itself, so that everything that is wrong is named."""

from typing import cast

import msgspec
from msgspec import NODEFAULT, Struct

from deeper_api.config.settings import Setting, fields_of


def read_tables(kind: type[Struct], value: object, source: str, faults: list[str]) -> tuple[Struct, ...]:
    """Return ``value``, a list of tables or the JSON of one, as structs of ``kind``.

    What is wrong is added to ``faults``, a sentence each that begins with ``source`` and says nothing of the value;
    tables with faults are left out.
    """
    tables = _decode(value, source, faults)
    fields = fields_of(kind)
    found = [_read(kind, fields, table, f"{source}[{index}]", faults) for index, table in enumerate(tables)]
    return tuple(table for table in found if table is not None)


def _decode(value: object, source: str, faults: list[str]) -> list[object]:
    if isinstance(value, str):
        try:
            value = cast("object", msgspec.json.decode(value)) if value.strip() else []
        except (msgspec.DecodeError, RecursionError):
            faults.append(f"{source}: Expected JSON, a list of objects")
            return []
    if isinstance(value, list | tuple):
        return list(cast("list[object]", value))
    faults.append(f"{source}: Expected a list of tables")
    return []


def _read(
    kind: type[Struct], fields: dict[str, Setting], table: object, source: str, faults: list[str]
) -> Struct | None:
    if isinstance(table, kind):
        return table
    if not isinstance(table, dict):
        faults.append(f"{source}: Expected a table")
        return None
    given = cast("dict[str, object]", table)
    wrong = [f"{source}: {name} is no setting of it" for name in given if name not in fields]
    values: dict[str, object] = {}
    for name, field in fields.items():
        if name not in given:
            wrong += [f"{source}: {name} is missing"] if field.default is NODEFAULT else []
            continue
        try:
            values[name] = msgspec.convert(given[name], field.type)
        except msgspec.ValidationError as error:
            wrong.append(f"{source}.{name}: {field.words or error}")
    faults += wrong
    return None if wrong else msgspec.convert(values, kind)
