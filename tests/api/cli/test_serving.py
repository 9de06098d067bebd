"""How the workers come into being, and how the server ends."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import rich_click as click

from deeper_api.cli.crashes import Crashes
from deeper_api.cli.serving import free_address
from tests.api.cli.commands import environment
from tests.fakes.server import free_port

# The `deeper` command in a process that tells, each time it is about to fork, which threads it has.
TELLING = """
import os, sys, threading
names = lambda: sorted(thread.name for thread in threading.enumerate())
os.register_at_fork(before=lambda: print("forking with", names(), flush=True))
from deeper_api.cli import main
main(sys.argv[1:])
"""
# One to which a second signal comes just while the first makes the server end.
INTERRUPTED = """
import signal, sys
from granian.server.common import AbstractServer
def interrupt(server, *_):
    server.interrupt_signal = True
    with server.main_loop_interrupt._cond:
        signal.raise_signal(signal.SIGTERM)
    server.main_loop_interrupt.set()
AbstractServer.signal_handler_interrupt = interrupt
from deeper_api.cli import main
main(sys.argv[1:])
"""
# Metrics are shown at a port of their own, as by default, so that their thread is among those that are told.
SETTINGS = {"DEEPER_JWT_SECRET": "m8Qv0c2kT5yXr7LwZ1hN4bJ6pF9sD3gA", "DEEPER_METRICS_PORT": str(free_port())}


# Workers that cannot start, each of which takes its time to find out.
CRASHING = """
import os, random, sys, time
from deeper_api.cli import serving
def create_app(config, telemetry, export):
    time.sleep(random.Random(os.getpid()).random())
    raise RuntimeError("there is something wrong")
serving.create_app = create_app
from deeper_api.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("workers", ["1", "3"])
def test_workers_that_cannot_start_end_the_server_with_a_message(tmp_path: Path, database_url: str, workers: str):
    done = subprocess.run(
        [sys.executable, "-c", CRASHING, "serve", "--port", str(free_port()), "--workers", workers],
        env=environment(tmp_path, SETTINGS | {"DEEPER_DB_URL": database_url}),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    (last,) = [line for line in lines if line["message"].startswith("workers die again and again, so the server ends")]
    assert set(last["workers"]) <= set(range(1, int(workers) + 1))
    told = [line["exception"] for line in lines if line["message"] == "a worker cannot start"]
    assert told
    assert all("RuntimeError" in each for each in told)


def test_an_address_of_another_machine_is_told_from_one_that_is_taken():
    with pytest.raises(
        click.ClickException, match=r"^Cannot listen on 192\.0\.2\.1: this machine has no such address\. "
    ):
        free_address("192.0.2.1", 80)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(click.ClickException, match=rf"^Cannot listen on 127\.0\.0\.1:{port}: .*DEEPER_SERVER_PORT"):
            free_address("127.0.0.1", port)


def test_workers_are_given_up_when_one_dies_four_times_in_a_minute_whatever_others_do():
    crashes = Crashes()
    alternating = [crashes.are_too_many([worker], now) for now, worker in enumerate((0, 1, 0, 1, 0, 1, 0))]
    assert alternating == [False] * 6 + [True]


def test_workers_that_die_now_and_then_are_started_for_ever():
    crashes = Crashes()
    assert not any(crashes.are_too_many([0, 1], now) for now in range(0, 100_000, 21))


@pytest.mark.parametrize("command", ["serve", "dev"])
def test_no_thread_runs_while_the_worker_is_forked_whose_locks_would_stay_locked_in_it(
    command: str, data: Path, database_url: str
):
    given = SETTINGS | {"DEEPER_DB_URL": database_url}
    arguments = [command, "--port", str(free_port())]
    if command == "dev":
        given, arguments = {}, [*arguments, "--data-dir", str(data)]
    with subprocess.Popen(
        [sys.executable, "-c", TELLING, *arguments],
        env=environment(data.parent, given),
        cwd=data.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        told: list[str] = []
        for line in process.stdout:
            if line.startswith("forking"):
                told.append(line)
            if "Ctrl-C ends it" in line or '"message":"listening"' in line:
                process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
    assert told == ["forking with ['MainThread']\n"]


def test_a_signal_in_the_middle_of_another_does_not_keep_the_server_from_ending(tmp_path: Path, database_url: str):
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, "serve", "--port", str(free_port())],
        env=environment(tmp_path, SETTINGS | {"DEEPER_DB_URL": database_url}),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert any("listening" in line for line in process.stdout)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
