"""What is deprecated in the sources of a distribution."""

import ast
from collections.abc import Iterator
from pathlib import Path

from deeper_core import Deprecation
from deeper_core.deprecations import parse_version

_HELPERS = {"deprecated", "deprecated_names"}


def deprecations(folder: Path) -> Iterator[tuple[str, Deprecation]]:
    """Yield the place of each message to `deprecated` and `deprecated_names` below ``folder``, and what it says.

    Raises ValueError where it is not written there in full, and where it has another form.
    """
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _HELPERS:
                place = f"{file.relative_to(folder)}:{node.lineno}"
                for message in _messages(node):
                    words = message.value if isinstance(message, ast.Constant) else None
                    yield place, Deprecation.parse(words if isinstance(words, str) else f"no words in {place}")


def overdue(folder: Path, version: str) -> list[str]:
    """What should be gone in this version, a sentence each."""
    now = parse_version(version)
    return sorted(
        f"{place} is to be gone in {'.'.join(map(str, each.gone_in))}: delete it ({each.instead})"
        for place, each in deprecations(folder)
        if each.gone_in <= now
    )


def _messages(call: ast.Call) -> Iterator[ast.expr]:
    given = call.args[-1] if call.args else ast.Constant(None)
    if isinstance(given, ast.Dict):
        for value in given.values:
            yield value.elts[-1] if isinstance(value, ast.Tuple) and value.elts else value
    else:
        yield given
