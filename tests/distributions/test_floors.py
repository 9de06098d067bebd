"""Versions of libraries below which this server has holes that they have mended since."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

# With what was wrong, or is, in others.
FLOORS: Final[Mapping[str, str]] = {
    "aiohttp": ">=3.14.3",  # a reply of a model server makes its parser use memory that it has freed
    "argon2-cffi": "==25.1.*",  # passlib cannot read the version of later ones
    "granian": ">=2.8.7",  # one handshake for a WebSocket ends a worker
    "litestar": ">=2.22",
    "passlib": "==1.7.4",
    "psycopg": ">=3.3.9",  # whoever is cancelled while the database hangs is never told
    "psycopg-pool": ">=3.3.3",  # likewise while it waits for a connection
    "python-jose": "==3.5.0",  # what it does with hostile tokens is known
}
LOCKED: Final[list[dict[str, Any]]] = tomllib.loads(Path("uv.lock").read_text("utf-8"))["package"]
DECLARED: Final = [
    Requirement(each)
    for file in Path("packages").glob("*/pyproject.toml")
    for each in tomllib.loads(file.read_text("utf-8"))["project"]["dependencies"]
]


@pytest.mark.parametrize("name", FLOORS)
def test_no_library_is_older_than_it_may_be(name: str):
    [version] = [package["version"] for package in LOCKED if package["name"] == name]
    assert Version(version) in SpecifierSet(FLOORS[name])


@pytest.mark.parametrize("name", FLOORS)
def test_what_is_installed_elsewhere_is_not_older_either(name: str):
    given = [requirement.specifier for requirement in DECLARED if requirement.name == name]
    assert given
    for specifier in given:
        # A version that has to be exactly this one, or else the least that is taken.
        [least] = [Version(each.version.removesuffix(".*")) for each in specifier if each.operator in {"==", ">="}]
        assert least in SpecifierSet(FLOORS[name])


def test_whatever_is_downloaded_is_what_was_looked_at():
    files = [
        file
        for package in LOCKED
        if "registry" in package["source"]
        for file in [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
    ]
    assert len(files) > 100
    assert [file["url"] for file in files if not file.get("hash", "").startswith("sha256:")] == []
