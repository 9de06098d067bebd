"""Servers under measurement: started, warmed, and asked what CPU time they took."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_START_LIMIT = 60.0  # seconds
BIN = Path(sys.executable).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command: Sequence[object], environment: Mapping[str, str], ready: str) -> Generator[int]:
    """Run ``command`` until the context ends; yield its pid once ``ready`` answers."""
    server = subprocess.Popen(
        [str(part) for part in command],
        env={"PATH": "/usr/bin:/bin", **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        _await(ready, server)
        yield server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.02)
    raise RuntimeError(f"{server.args} ended before it was ready, or was not ready in time")


def cpu_seconds(pid: int) -> float:
    """User and system time of ``pid`` and all its children so far."""
    total, pids = 0.0, [pid]
    while pids:
        process = Path("/proc") / str(pids.pop())
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / _TICKS
        for task in (process / "task").iterdir():
            pids += map(int, (task / "children").read_text().split())
    return total


def memory_kib(pid: int) -> int:
    """Resident memory of the largest process below ``pid``."""
    largest, pids = 0, [pid]
    while pids:
        process = Path("/proc") / str(pids.pop())
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                largest = max(largest, int(line.split()[1]))
        for task in (process / "task").iterdir():
            pids += map(int, (task / "children").read_text().split())
    return largest
