"""The distributions as they are published, and environments with nothing but one of them and what it needs."""

import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.distributions.doors import ROOT

# Each package with those of ours that it needs.
NEEDS = {
    "deeper-core": [],
    "deeper-model": ["deeper-core"],
    "deeper-auth": ["deeper-core"],
    "deeper-api": ["deeper-auth", "deeper-core", "deeper-model"],
}


def uv(*arguments: str, environment: Path | None = None, folder: Path = ROOT) -> str:
    """Run uv, from its cache if that will do, and return what it wrote to standard output."""
    ran = subprocess.CompletedProcess[str]([], 1)
    for offline in (["--offline"], []):
        variables = [] if environment is None else [f"UV_PROJECT_ENVIRONMENT={environment}"]
        command = ["env", "--unset=VIRTUAL_ENV", *variables, "uv", *arguments, *offline]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, timeout=110)
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
            timeout=280,
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
    wheels = [str(built.wheel(each)) for each in (package, *NEEDS[package])]
    uv("pip", "install", "--no-deps", "--quiet", "--python", str(folder), *wheels)
    uv("pip", "check", "--python", str(folder))
    return Installed(folder)
