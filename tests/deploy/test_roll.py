"""deploy/roll.py, with a docker that only keeps count."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.stacks import ROOT
from tests.fakes.exchanges import Json

_PROGRAM: Final = ROOT / "deploy" / "roll.py"


class Engine:
    """A docker command in a folder of its own, and what it knows."""

    def __init__(self, folder: Path, replicas: dict[str, bool]) -> None:
        self._file = folder / "state"
        self._path = folder / "bin"
        self._path.mkdir()
        command = f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m tests.deploy.fake_docker {self._file} "$@"\n'
        (self._path / "docker").write_text(command)
        (self._path / "docker").chmod(0o755)
        self._file.write_text(
            json.dumps({"replicas": replicas, "image": "new", "calls": [], "fail": "", "interrupted": ""})
        )

    def roll(self, *, fail: str = "", interrupted: str = "") -> "subprocess.CompletedProcess[str]":
        """Run the program; one command of compose or docker may fail, or meet Ctrl-C."""
        self._file.write_text(json.dumps(self.state() | {"fail": fail, "interrupted": interrupted, "calls": []}))
        return subprocess.run(
            [sys.executable, str(_PROGRAM)],
            env={"PATH": f"{self._path}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def state(self) -> Json:
        return json.loads(self._file.read_text())

    def running(self) -> list[str]:
        """The images of those that run."""
        return [each.partition("-")[0] for each, runs in self.state()["replicas"].items() if runs]


@pytest.mark.parametrize("count", [1, 3])
def test_all_are_replaced_one_by_one(tmp_path: Path, count: int):
    engine = Engine(tmp_path, {f"old-{n}": True for n in range(count)})
    done = engine.roll()
    assert done.returncode == 0, done.stderr
    assert engine.running() == ["new"] * count
    calls = [call.split()[0] for call in engine.state()["calls"] if not call.startswith(("ps", "inspect"))]
    assert calls == ["run", "rm"] + ["up", "stop", "rm"] * count


def test_one_that_has_ended_is_not_started_again_in_place_of_a_new_one(tmp_path: Path):
    engine = Engine(tmp_path, {"old-0": True, "old-1": False, "old-2": True})
    assert engine.roll().returncode == 0
    assert engine.running() == ["new", "new"]


def test_no_migration_of_the_version_before_is_started_with_new_ones(tmp_path: Path):
    engine = Engine(tmp_path, {"old-0": True})
    engine.roll()
    calls = [call for call in engine.state()["calls"] if call.startswith(("rm --force", "up"))]
    assert calls[0].split() == ["rm", "--force", "api", "migrate"]
    assert calls[1].startswith("up")


@pytest.mark.parametrize("how", [{"fail": "up"}, {"interrupted": "up"}, {"fail": "run"}])
def test_a_new_one_that_does_not_get_healthy_is_taken_away_and_the_old_ones_stay(tmp_path: Path, how: dict[str, str]):
    engine = Engine(tmp_path, {"old-0": True, "old-1": True})
    for _ in range(2):
        done = engine.roll(**how)
        assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
        assert "What runs goes on" in done.stderr
        assert engine.running() == ["old", "old"]
    assert engine.roll().returncode == 0
    assert engine.running() == ["new", "new"]


def test_where_nothing_runs_or_docker_is_not_there_that_is_said(tmp_path: Path):
    engine = Engine(tmp_path, {})
    assert "No replica runs" in engine.roll().stderr
    (tmp_path / "bin" / "docker").unlink()
    done = subprocess.run(
        [sys.executable, str(_PROGRAM)], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("no docker command"), "Traceback" in done.stderr) == (1, 1, False)
