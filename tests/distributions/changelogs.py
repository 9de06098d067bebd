"""The changelogs of the distributions, in the form of keepachangelog.com."""

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from datetime import date

from tests.distributions.doors import folder_of

_KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
_SECTION = re.compile(r"## \[(?P<version>\d+\.\d+\.\d+)\] - (?P<when>unreleased|\d{4}-\d{2}-\d{2})")
# https://semver.org, without what may follow the three numbers
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


@dataclass
class Section:
    """What changed in one version, by kind; ``released`` is None before that."""

    version: str
    released: date | None
    changes: dict[str, list[str]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def digest(self) -> str:
        """What changes with any change of the section."""
        return hashlib.sha256("\n".join(self.lines).strip().encode()).hexdigest()[:16]


def version_of(distribution: str) -> str:
    """The version, which pyproject.toml alone says."""
    return str(tomllib.loads((folder_of(distribution) / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def newest(distribution: str) -> Section:
    """What is told of the present version."""
    return parse((folder_of(distribution) / "CHANGELOG.md").read_text("utf-8"))[0]


def parse(text: str) -> list[Section]:
    """The sections of a changelog, the newest first.

    Raises ValueError where it is not in the form.
    """
    first, *lines = text.splitlines()
    if first != "# Changelog":
        raise ValueError("Expected to begin with '# Changelog'")
    sections: list[Section] = []
    for line in lines:
        if line.startswith("## "):
            sections.append(_section(line))
        elif sections:
            sections[-1].lines.append(line)
            _read(line, sections[-1])
    for section in sections:
        if not section.changes or not all(section.changes.values()):
            raise ValueError(f"Expected changes in each part of {section.version}")
    numbers = [tuple(map(int, section.version.split("."))) for section in sections]
    if not numbers or numbers != sorted(set(numbers), reverse=True):
        raise ValueError("Expected versions, each once, the newest first")
    days = [section.released for section in sections[1 if sections[0].released is None else 0 :]]
    if None in days or days != sorted(days, key=str, reverse=True):
        raise ValueError("Expected the days of all versions but the newest, in their order")
    return sections


def _section(line: str) -> Section:
    found = _SECTION.fullmatch(line)
    if found is None or not _VERSION.fullmatch(found["version"]):
        raise ValueError(f"Expected '## [1.2.3] - 2026-11-23', or 'unreleased' for the day, got {line!r}")
    return Section(found["version"], None if found["when"] == "unreleased" else date.fromisoformat(found["when"]))


def _read(line: str, section: Section) -> None:
    if line.startswith("### "):
        kind = line.removeprefix("### ")
        if kind not in _KINDS or kind in section.changes:
            raise ValueError(f"Expected one of {_KINDS} once in {section.version}, got {line!r}")
        section.changes[kind] = []
    elif line.startswith("- ") and section.changes:
        section.changes[list(section.changes)[-1]].append(line.removeprefix("- "))
    elif line and not (line.startswith("  ") and section.changes):
        raise ValueError(f"Expected a list below '### Added' or the like in {section.version}, got {line!r}")
