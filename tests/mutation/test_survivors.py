from importlib.util import find_spec
from pathlib import Path

from tests.mutation.survivors import argued


def source_of(function: str) -> str:
    """The module that the function is in."""
    package, module, *_ = function.rpartition(".")[0].split(".")
    names = [package, module]
    while (spec := find_spec(".".join(names))) is not None and spec.submodule_search_locations is not None:
        names.append(function.split(".")[len(names)])
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text("utf-8")


def test_every_survivor_that_is_argued_is_a_change_of_lines_that_are_there():
    gone = []
    for survivor in argued():
        lines = {line.strip() for line in source_of(survivor.function).splitlines()}
        gone += [line for line in survivor.change.splitlines() if line[0] == "-" and line[2:] not in lines]
    assert gone == []


def test_no_survivor_is_argued_twice():
    assert len(set(argued())) == len(argued())
