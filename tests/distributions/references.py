"""API.md of a distribution: its public names by the modules that define them, with signatures and docstrings."""

import re
from collections.abc import Iterator

import griffe

from tests.distributions.doors import Public, declared, doors, heading, members, names

_WIDTH = 100
_HEADER = """\
# API of {distribution}

<!-- Made of the docstrings by `uv run python -m tests.distributions`; do not edit. -->
"""


def reference(distribution: str) -> str:
    """The whole text of API.md."""
    parts = [_HEADER.format(distribution=distribution)]
    for door in doors(distribution):
        parts.append(f"## `{door.path}`\n")
        parts += _text(door)
        public = names(door)
        homes: dict[str, list[str]] = {}
        for name, what in public.items():
            homes.setdefault(what.module.path, []).append(name)
        paths = {what.path for what in public.values()}
        for home, held in sorted(homes.items()):
            module = public[held[0]].module
            if module.path != door.path:
                parts.append(f"### {home.removeprefix(f'{door.path}.')}\n")
                parts += _text(module)
            for name in sorted(held, key=lambda each: public[each].lineno or 0):
                parts += _entry(name, public[name], paths)
    return "\n".join(parts)


def _entry(name: str, what: Public, public: set[str]) -> Iterator[str]:
    yield f"#### `{name}`\n"
    if not isinstance(what, griffe.Class):
        yield _block([*_comments(what), *_wrapped(declared(name, what))])
        yield from _text(what)
        return
    held = members(what, public)
    fields = [each for each in held.items() if isinstance(each[1], griffe.Attribute)]
    lines = [heading(name, what)]
    for field, attribute in fields:
        lines += [f"    {line}" for line in (*_comments(attribute), declared(field, attribute))]
    yield _block(lines)
    yield from _text(what)
    for method, function in held.items():
        if isinstance(function, griffe.Function) and (function.docstring or method == "__init__"):
            yield _block(_wrapped(declared(method, function)))
            yield from _text(function)
        elif function.docstring and "property" in function.labels:
            yield f"`{method}`: {_joined(function.docstring.value)}\n"


def _block(lines: list[str]) -> str:
    return "\n".join(["```python", *lines, "```", ""])


def _wrapped(declaration: str) -> list[str]:
    """A declaration, with a line for each parameter where it would be too long, as a formatter has it."""
    before, bracket, rest = declaration.partition("(")
    if len(declaration) <= _WIDTH or "def " not in before:
        return [declaration]
    parameters, depth = [""], 0
    for character in rest:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            break
        if character == "," and depth == 0:
            parameters.append("")
        else:
            parameters[-1] += character
    return [before + bracket, *(f"    {each.strip()}," for each in parameters), rest[len(",".join(parameters)) :]]


def _comments(what: Public) -> list[str]:
    """The comment above a constant or a field, which says where it comes from."""
    if not isinstance(what, griffe.Attribute) or what.lineno is None:
        return []
    found: list[str] = []
    for line in reversed(_lines(what)[: what.lineno - 1]):
        if not line.strip().startswith("# "):
            break
        found.insert(0, line.strip())
    return found


def _lines(what: griffe.Attribute) -> list[str]:
    path = what.filepath
    assert not isinstance(path, list), f"{what.path} is in a namespace package"
    return what.lines_collection[path]


def _text(what: Public | griffe.Module) -> Iterator[str]:
    """A docstring as Markdown: its sections in Google's style become lists, what is indented becomes code."""
    for section in what.docstring.parse("google", warnings=False) if what.docstring else ():
        match section:
            case griffe.DocstringSectionText():
                yield _markdown(section.value)
            case griffe.DocstringSectionRaises():
                yield "Raises:\n"
                yield "".join(f"- `{each.annotation}`: {_joined(each.description)}\n" for each in section.value)
            case _:
                raise NotImplementedError(f"{what.path} has a section {section.kind}")


def _markdown(text: str) -> str:
    # A literal block of reStructuredText is the same in Markdown, but for its two colons.
    return re.sub(r"(?m)^::$\n", "", text).replace("::\n", ":\n").replace("``", "`") + "\n"


def _joined(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")
