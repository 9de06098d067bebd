"""The public names of the distributions, read from their sources without importing them.

A door is a module through which names are handed out: one that says so with ``__all__``.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import griffe

ROOT = Path(__file__).parents[2]
# What is imported, by distribution.
PACKAGES = {
    "deeper-core": "deeper_core",
    "deeper-model": "deeper_model",
    "deeper-auth": "deeper_auth",
    "deeper-api": "deeper_api",
}
# Inside of the server, ``__all__`` is for the server itself, but for what starts it.
_OF_THE_SERVER = {"deeper_api.app", "deeper_api.config"}

Public = griffe.Class | griffe.Function | griffe.Attribute | griffe.TypeAlias


def folder_of(distribution: str) -> Path:
    """The folder of a distribution."""
    return ROOT / "packages" / distribution.removeprefix("deeper-")


@cache
def _sources() -> griffe.ModulesCollection:
    loader = griffe.GriffeLoader(search_paths=[folder_of(each) / "src" for each in PACKAGES])
    for package in PACKAGES.values():
        loader.load(package)
    loader.resolve_aliases(implicit=False, external=False)
    return loader.modules_collection


def doors(distribution: str) -> list[griffe.Module]:
    """The public modules of a distribution, the package itself first."""
    found = [module for module in _modules(_sources()[PACKAGES[distribution]]) if module.exports is not None]
    return [module for module in found if distribution != "deeper-api" or module.path in _OF_THE_SERVER]


def _modules(module: griffe.Module) -> Iterator[griffe.Module]:
    yield module
    for name in sorted(module.modules):
        below = module.members[name]
        if isinstance(below, griffe.Module):
            yield from _modules(below)


def names(door: griffe.Module) -> dict[str, Public]:
    """What the door hands out, by name, each as it is where it is defined."""
    found: dict[str, Public] = {}
    for name in sorted(str(each) for each in door.exports or ()):
        member = door.members[name]
        target = member.final_target if isinstance(member, griffe.Alias) else member
        if isinstance(target, griffe.Module):  # a function that is called as its module
            target = target.members[name]
        assert isinstance(target, Public), f"{door.path}.{name} is a {target.kind}"
        found[name] = target
    return found


def members(of: griffe.Class, public: set[str]) -> dict[str, griffe.Function | griffe.Attribute]:
    """The public members of a class in their order, with those of bases that are not public themselves."""
    found: dict[str, griffe.Function | griffe.Attribute] = {}
    hidden = [base for base in of.mro() if base.path.startswith("deeper_") and base.path not in public]
    for owner in (*reversed(hidden), of):
        own = {
            name: each for name, each in owner.members.items() if isinstance(each, griffe.Function | griffe.Attribute)
        }
        found |= {name: member for name, member in own.items() if _is_public(name, owner)}
    return found


def _is_public(name: str, owner: griffe.Class) -> bool:
    if name == "__init__":  # that of a dataclass repeats its fields
        return "dataclass" not in owner.labels
    # Cases of the conformance suite come and go, and nobody calls them.
    return not name.startswith(("_", "test_")) or name in {"__call__", "__aenter__", "__aexit__"}


def declared(name: str, what: griffe.Function | griffe.Attribute | griffe.TypeAlias) -> str:
    """How it is declared, on one line."""
    if isinstance(what, griffe.Function):
        kinds = [label for label in ("staticmethod", "classmethod") if label in what.labels]
        start = "async def" if "async" in what.labels else "def"
        return " ".join((*(f"@{kind}" for kind in kinds), start, what.signature(return_type=True, name=name)))
    if isinstance(what, griffe.TypeAlias):
        return f"type {name} = {what.value}"
    if "property" in what.labels:
        return f"{name}: {what.annotation}  # property"
    annotation = "" if what.annotation is None else f": {what.annotation}"
    # The value of what a constructor sets is an expression of the constructor's.
    is_set = what.value is not None and what.labels != {"instance-attribute"}
    return f"{name}{annotation}" + (f" = {what.value}" if is_set else "")


def heading(name: str, of: griffe.Class) -> str:
    """How a class begins, on one line: its bases, and what it says to them."""
    given = [str(base) for base in of.bases] + [f"{key}={value}" for key, value in of.keywords.items()]
    return f"class {name}({', '.join(given)})" if given else f"class {name}"
