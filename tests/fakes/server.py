"""``deeper serve`` in processes of its own, started as an operator starts it. Linux only."""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from tests.fakes.exchanges import Json
from tests.fakes.measuring import measured

DEEPER = str(Path(sys.executable).with_name("deeper"))
# The kernel takes the ports of outgoing connections from above, so that nobody takes these by chance.
_PORTS = range(20_000, 32_000)
# Other processes of the tests, which look for ports at the same time, have others of these.
_SHARES = 8
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")  # noqa: TID251  - what pytest-xdist says of its processes
_left: list[int] = []
_PATIENCE = 30  # seconds
# Many servers run at the same time, and one at most can have the port that is meant for metrics.
_SETTINGS = {"DEEPER_METRICS_PORT": "0"}


def free_port() -> int:
    """A port that nobody listens on, and that nobody else is given for long: whoever asks may listen only later."""
    own = _PORTS[int(_WORKER.removeprefix("gw")) % _SHARES :: _SHARES]
    while True:
        if not _left:
            # random is seeded alike in every process of the tests
            _left.extend(secrets.SystemRandom().sample(own, len(own)))
        port = _left.pop()
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def _said(file: Path) -> bytes:
    """What the kernel says in a file of /proc; nothing of a process or a thread that has just ended."""
    with contextlib.suppress(OSError):
        return file.read_bytes()
    return b""


def _is_serving(worker: int) -> bool:
    """Whether a worker has come so far that granian runs its threads."""
    return any(_said(name).startswith(b"tokio") for name in Path(f"/proc/{worker}/task").glob("*/comm"))


class DeeperServer:
    """One server: its main process, its workers, and what it writes."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], command: Sequence[str] = (DEEPER, "serve")
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._output = folder / "output"
        given = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "DEEPER_SERVER_PORT": str(self.port),
            **_SETTINGS,
            **measured(),
            **environment,
        }
        # The server ends with the process that runs the tests, however that ends.
        setpriv = shutil.which("setpriv")
        guard = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*guard, *command],
                cwd=folder,
                env=given,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The main process."""
        return self._process.pid

    def workers(self) -> list[int]:
        """The processes that serve requests."""
        lists = Path(f"/proc/{self.pid}/task").glob("*/children")
        commands = {
            int(child): _said(Path(f"/proc/{int(child)}/cmdline")) for each in lists for child in _said(each).split()
        }
        return [child for child, command in commands.items() if command and b"resource_tracker" not in command]

    def wait_until_healthy(self, workers: int = 1) -> None:
        """Return once the server answers and has that many workers; fail if it ends instead."""
        deadline = time.monotonic() + _PATIENCE
        while not (self.is_healthy() and sum(map(_is_serving, self.workers())) >= workers):
            assert self._process.poll() is None, f"the server ended: {self.output()}"
            assert time.monotonic() < deadline, f"the server does not answer: {self.output()}"
            time.sleep(0.02)

    def is_healthy(self) -> bool:
        """Whether the server answers now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def terminate(self) -> None:
        """Ask the server to end, as an orchestrator does."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Return the exit code, once there is one."""
        return self._process.wait(_PATIENCE)

    def is_running(self) -> bool:
        """Whether the main process lives."""
        return self._process.poll() is None

    def output(self) -> str:
        """All that the server wrote so far."""
        return self._output.read_text()

    def log(self, logger: str | None = None) -> list[Json]:
        """The log so far, of one logger if one is given. Every line is JSON, or else this fails."""
        # A line without its end is still being written.
        lines = cast("list[Json]", [json.loads(line) for line in self.output().split("\n")[:-1]])
        return [line for line in lines if logger in {None, line["logger"]}]

    def kill(self) -> None:
        """End every process of the server at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(_PATIENCE)
