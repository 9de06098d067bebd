"""The web client as its developers run it: Next.js with hot reloading, at an address of its own, in its own folder."""

import contextlib
import http.client
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

from deeper_api.web.builds import INSTALL, Builder
from deeper_api.web.errors import WebUnavailable
from deeper_api.web.programs import running

_HOST: Final = "127.0.0.1"
# As Next.js does, and what people know it by; another one where somebody listens there.
_USUAL_PORT: Final = 3000
_START_SECONDS: Final = 60.0
_POLL: Final = 0.05


class Reloading:
    """The server of pages while it runs; it speaks to the API itself, so that the two are one origin to a browser."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.address = f"http://{_HOST}:{port}"
        self._port = port
        self._process = process

    def wait_until_ready(self) -> bool:
        """Return whether it answers, once it does or has ended."""
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            connection = http.client.HTTPConnection(_HOST, self._port, timeout=_START_SECONDS)
            with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
                connection.request("HEAD", "/icon.svg")
                connection.getresponse()
                return True
            time.sleep(_POLL)
        return False


@contextlib.contextmanager
def reloading(folder: Path, builder: Builder, api: str) -> Generator[Reloading]:
    """Run the client in ``folder`` before the API at the address ``api``; what it says goes where our words go.

    Raises:
        WebUnavailable: it cannot be installed.
    """
    node = builder.find_node()
    try:
        with builder.alone(), builder.noting() as said:
            if not _is_installed(folder):
                builder.run(
                    node, "Installing what it is built with", node.npm_command(*INSTALL, "--include=dev"), folder, said
                )
    except OSError as error:
        raise WebUnavailable(f"It cannot be installed in {folder}: {error}.") from error
    port = _free_port(api)
    command = node.command("node_modules/next/dist/bin/next", "dev", "--hostname", _HOST, "--port", str(port))
    environment = node.environment({"NODE_ENV": "development", "WEB_API_URL": api})
    with running(command, folder=folder, environment=environment) as process:
        yield Reloading(port, process)


def _is_installed(folder: Path) -> bool:
    # npm writes down what it has installed, when it is done.
    installed, wanted = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime


def _free_port(api: str) -> int:
    # The API does not listen yet, so that its port looks free.
    for port in (0,) if api.endswith(f":{_USUAL_PORT}") else (_USUAL_PORT, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((_HOST, port))
            return int(probe.getsockname()[1])
    raise WebUnavailable("No port is free.")
