"""The public names of a distribution with their signatures, as of a certain text of its changelog.

Whatever a caller can see is a line of ``public-names.txt``. The head of the file says for which text of the newest part
of the changelog it was written, and it is written anew only after that has changed: so no name comes, goes or changes
without a word.
"""

import hashlib
import re
from dataclasses import dataclass

import griffe

from tests.distributions.changelogs import newest
from tests.distributions.doors import declared, doors, folder_of, heading, members, names

COMMAND = "uv run python -m tests.distributions"
_HEAD = """\
# The public names of {distribution}. Written by `{command}`.
# changelog {changelog}
# names {names}
"""
_HEAD_PATTERN = re.compile(r"# .*\n# changelog (?P<changelog>\w+)\n# names (?P<names>\w+)\n")


class Unsaid(Exception):
    """The public names have changed, and the changelog has not."""


@dataclass(frozen=True)
class Snapshot:
    """The lines, and the digest of the part of the changelog that they were written after."""

    lines: str
    changelog: str


def public_names(distribution: str) -> str:
    """A line for each public name and each public member, in the order of the alphabet."""
    lines: dict[str, str] = {}
    for door in doors(distribution):
        public = names(door)
        paths = {what.path for what in public.values()}
        for name, what in public.items():
            path = f"{door.path}.{name}"
            if not isinstance(what, griffe.Class):
                lines[path] = declared(path, what)
                continue
            lines[path] = heading(path, what)
            lines |= {f"{path}.{each}": declared(f"{path}.{each}", of) for each, of in members(what, paths).items()}
    return "".join(f"{lines[path]}\n" for path in sorted(lines))


def render(distribution: str, lines: str, changelog: str) -> str:
    """The text of the file."""
    head = _HEAD.format(distribution=distribution, command=COMMAND, changelog=changelog, names=_digest(lines))
    return head + lines


def parse(text: str) -> Snapshot:
    """What the file says.

    Raises ValueError where somebody else than the command has written it.
    """
    head = _HEAD_PATTERN.match(text)
    lines = text[head.end() :] if head else ""
    if head is None or _digest(lines) != head["names"]:
        raise ValueError(f"This file was changed by hand. Restore it, and run: {COMMAND}")
    return Snapshot(lines, head["changelog"])


def renewed(distribution: str, text: str | None, lines: str, changelog: str) -> str:
    """The file for these names and this text of the changelog, which is the old one if no name has changed.

    Raises Unsaid.
    """
    old = None if text is None else parse(text)
    if text is not None and old is not None:
        if old.lines == lines:
            return text
        if old.changelog == changelog:
            raise Unsaid(
                f"The public names of {distribution} have changed:\n{changes(old.lines, lines)}\n"
                f"Say so in the newest part of packages/{distribution.removeprefix('deeper-')}/CHANGELOG.md "
                f"(Added, Changed, Deprecated, Removed), then run: {COMMAND}"
            )
    return render(distribution, lines, changelog)


def changes(old: str, new: str) -> str:
    """The lines that have gone, and those that have come."""
    gone, come = set(old.splitlines()) - set(new.splitlines()), set(new.splitlines()) - set(old.splitlines())
    return "\n".join([*(f"- {line}" for line in sorted(gone)), *(f"+ {line}" for line in sorted(come))])


def write(distribution: str) -> None:
    """Write the file anew, if the names have changed, and the changelog with them."""
    file = folder_of(distribution) / "public-names.txt"
    text = file.read_text("utf-8") if file.exists() else None
    file.write_text(renewed(distribution, text, public_names(distribution), newest(distribution).digest()), "utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
