"""The web client's own tools, run as its developers run them: its build, and its tests in a real browser."""

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import msgspec

from deeper_api.web.sources import read_sources
from tests.fakes.exchanges import Json

WEB = Path(__file__).parents[2] / "web"
SPECS = tuple(sorted(path.name for path in (WEB / "e2e").glob("*.spec.ts")))

_BIN = Path(sys.executable).parent
_CHROMIUM = Path("/usr/bin/chromium")
# Colours, and what Chromium says of a machine without a desktop.
_NOISE = re.compile(r"\x1b\[\d+m|^.*\[pid=\d+\].*\n|^\s*<launch(?:ing|ed)> .*\n", re.MULTILINE)


def missing() -> str | None:
    """Say what is not installed of that which the tests of the client need."""
    if not (_BIN / "node").exists() or not (_BIN / "npm").exists():
        return "no Node.js in the environment (uv sync --group test)"
    return None


def missing_browser() -> str | None:
    """As `missing`, for those that need a browser."""
    return missing() or (None if _CHROMIUM.exists() else "no chromium (apt-get install chromium)")


def run(*command: str, seconds: float) -> "subprocess.CompletedProcess[str]":
    """Run a command in the client's folder with the environment's own Node.js; both outputs are in ``stdout``."""
    # The shell knows the PATH that it has to come before.
    shell = ["/bin/sh", "-c", 'PATH="$0:$PATH" NEXT_TELEMETRY_DISABLED=1 exec "$@"', str(_BIN), *command]
    return subprocess.run(
        shell,
        cwd=WEB,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds,
    )


@contextmanager
def alone(lock: Path) -> Generator[None]:
    """Keep the other processes of this test run out."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install() -> None:
    """Install what the lock file says, unless that is what is there."""
    # npm writes down what it installed, when it is done.
    installed, locked = WEB / "node_modules" / ".package-lock.json", WEB / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < locked.stat().st_mtime:
        _must(run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline", seconds=300))


def build() -> None:
    """Build the export, unless it is one of these sources."""
    digest = read_sources(WEB).digest
    stamp = WEB / "out" / ".built"
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(WEB / "out", ignore_errors=True)
        _must(run("npm", "run", "build:export", seconds=300))
        stamp.write_text(digest)


def build_server() -> None:
    """Build the server of pages, as a container has it."""
    _must(run("npm", "run", "build", seconds=300))


def browse(report: Path, output: str, *specs: str, variables: Mapping[str, str] | None = None) -> None:
    """Run tests in the browser, all unless some are named, and have what became of them written to ``report``."""
    given = {"E2E_REPORT": str(report), "E2E_OUTPUT": output, **(variables or {})}
    command = ("env", *(f"{name}={value}" for name, value in given.items()), "npx", "playwright", "test", *specs)
    done = run(*command, seconds=1_200)
    assert report.exists(), done.stdout


def failures(report: Path, spec: str) -> list[str]:
    """Return what failed in a file of tests, in words; fails if nothing of it ran."""
    content = msgspec.json.decode(report.read_bytes(), type=Json)
    faults = [str(error.get("message")) for error in cast("list[Json]", content["errors"])]
    found = False
    for suite in cast("list[Json]", content["suites"]):
        if suite["file"] == spec:
            found = True
            faults += _failed(suite)
    assert found or faults, f"nothing of {spec} ran"
    return faults


def _failed(suite: Json) -> list[str]:
    faults: list[str] = []
    for case in cast("list[Json]", suite.get("specs", [])):
        if not case["ok"]:
            results = [
                result for test in cast("list[Json]", case["tests"]) for result in cast("list[Json]", test["results"])
            ]
            messages = [str(error["message"]) for result in results for error in cast("list[Json]", result["errors"])]
            faults.append(_NOISE.sub("", "\n".join([str(case["title"]), *messages])))
    for inner in cast("list[Json]", suite.get("suites", [])):
        faults += _failed(inner)
    return faults


def _must(done: "subprocess.CompletedProcess[str]") -> None:
    assert done.returncode == 0, done.stdout
