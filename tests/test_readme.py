"""The README keeps its promises: its walk with curl runs as it stands, and its tables are those of the code."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
TEST_COMMAND = "pip install uv && uv run pytest"


@pytest.fixture
def short_folder() -> Generator[Path]:
    """A folder with a path short enough for a Unix socket in it."""
    folder = Path(tempfile.mkdtemp(prefix="readme-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def dev_port(short_folder: Path) -> Generator[int]:
    """The port of a running `deeper dev`, as the README's first command starts it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = short_folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [
                Path(sys.executable).with_name("deeper"),
                "dev",
                "--no-web",
                "--port",
                str(port),
                "--data-dir",
                short_folder / "data",
            ],
            cwd=short_folder,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    tail = subprocess.Popen(["tail", "-n", "+1", "-f", f"--pid={server.pid}", log], stdout=subprocess.PIPE, text=True)
    assert tail.stdout is not None
    said = ""
    for line in tail.stdout:
        said += line
        if "Ctrl-C ends it" in line:
            break
    else:
        pytest.fail(f"deeper dev ended:\n{said}")
    tail.terminate()
    tail.communicate()
    yield port
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=30) == 0


def test_the_walk_with_curl_runs_as_it_stands(dev_port: int, short_folder: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    walk = re.search(r"<!-- walk -->\n```sh\n(.*?)```\n<!-- /walk -->", README, re.DOTALL)
    assert walk is not None
    script = walk[1].replace("127.0.0.1:8080", f"127.0.0.1:{dev_port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=short_folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert said.count('"error":') == 1, said
    in_order = [
        '"name":"scripted"',
        "event: start",
        "event: delta",
        "event: done",
        '"event":"start"',
        '"finish_reason":"length"',
        '"message":{"role":"assistant"',
        # What was left and come back to, continued twice under one key, and stopped.
        "event: delta",
        "event: done",
        "And about the moon?",
        '"parent_id":',
        "And about the moon?",
        '"state":"cancelled"',
        # What was found again.
        '"title":"Say this',
        '"siblings":',
        '"snippet":',
        "# Tell me about the sea",
        '"totals":',
        '"code":"validation_failed"',
        '"field":"$.model"',
        '"access_token"',
        '"current":true',
    ]
    assert said.count("event: start") == 1, "what was come back to began anew"
    [first, second] = re.findall(r'"generation_id":"([^"]+)"[^\n]*?And about the moon', said)[:2]
    assert first == second
    place = -1
    for part in in_order:
        place = said.find(part, place + 1)
        assert place >= 0, f"{part} is missing, or not in its place:\n{said}"


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert f"\n{TEST_COMMAND}\n" in README
    assert TEST_COMMAND in (ROOT / ".ci" / "run").read_text("utf-8")


def test_the_five_minutes_of_deeper_api_run_as_they_stand(dev_port: int, short_folder: Path) -> None:
    text = (ROOT / "packages/api/README.md").read_text("utf-8")
    walk = re.search(r"<!-- walk -->\n```sh\n(.*?)```\n<!-- /walk -->", text, re.DOTALL)
    assert walk is not None
    settings = (
        f"export DEEPER_CHAT_URL=http://127.0.0.1:{dev_port} DEEPER_DATA_DIR={short_folder / 'data'}",
        f"export PATH={Path(sys.executable).parent}:$PATH",
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join((*settings, walk[1]))],
        cwd=short_folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("And at sunset?") == 1  # the scripted model repeats what it is asked
    assert "Hush." in done.stdout
    assert "admin@example.com" in done.stdout
    assert '"openapi": "3.1.0"' in (short_folder / "openapi.json").read_text("utf-8")
