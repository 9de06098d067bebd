"""Programs that end with us, however we end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deeper_api.web.programs import heard, running
from tests.fixtures.postgres import wait_until

# Starts what starts others, as npm does, and says who they are.
FAMILY = ["sh", "-c", "trap '' TERM; sleep 1000 & sh -c 'sleep 1000 & echo $! > grandchild; wait' & wait"]
OWNER = """
import sys, time
from pathlib import Path
from deeper_api.web.programs import running
with running(sys.argv[1:], folder=Path.cwd(), environment={"PATH": "/usr/bin:/bin"}):
    time.sleep(1000)
"""
ENVIRONMENT = {"PATH": os.defpath}


def grandchild(folder: Path) -> Path:
    """The place of what was started last, once it is there."""
    said = folder / "grandchild"
    wait_until(lambda: said.exists() and said.read_text().endswith("\n"), within=30)
    return Path(f"/proc/{said.read_text().strip()}")


def test_all_that_it_started_is_gone_at_the_end(tmp_path: Path):
    with running(FAMILY, folder=tmp_path, environment=ENVIRONMENT) as process:
        there = grandchild(tmp_path)
        assert there.exists()
    assert process.returncode is not None
    wait_until(lambda: not there.exists(), within=30)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_all_that_it_started_is_gone_when_its_owner_is(tmp_path: Path, number: signal.Signals):
    owner = subprocess.Popen([sys.executable, "-c", OWNER, *FAMILY], cwd=tmp_path, stderr=subprocess.DEVNULL)
    there = grandchild(tmp_path)
    owner.send_signal(number)
    owner.wait(30)
    wait_until(lambda: not there.exists(), within=30)


@pytest.mark.parametrize("status", [0, 7])
def test_its_status_is_that_of_the_command(tmp_path: Path, status: int):
    with running(["sh", "-c", f"exit {status}"], folder=tmp_path, environment=ENVIRONMENT) as process:
        assert process.wait(30) == status


def test_all_that_is_said_is_heard(tmp_path: Path):
    command = ["sh", "-c", "seq 20000; echo end >&2"]
    with running(command, folder=tmp_path, environment=ENVIRONMENT, output=subprocess.PIPE) as process:
        said = b"".join(heard(process, 0.1)).decode()
    assert said.split() == [*map(str, range(1, 20_001)), "end"]
    assert process.returncode == 0


def test_silence_is_heard_as_well(tmp_path: Path):
    with running(["sleep", "1000"], folder=tmp_path, environment=ENVIRONMENT, output=subprocess.PIPE) as process:
        assert next(heard(process, 0.01)) == b""
