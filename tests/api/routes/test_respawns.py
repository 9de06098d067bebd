"""Workers that are started anew, and signals that come in that moment."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.fakes.exchanges import sign_up
from tests.fakes.http import open_client
from tests.fakes.server import DeeperServer
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import StartServer, server_settings

# The second worker is told to end before it knows what to do then.
_TOLD_WHILE_A_WORKER_BEGINS = """
import os, signal, time
from pathlib import Path
from deeper_api.cli import main, serving

load = serving.load_app

def load_told(*arguments):
    if Path("second").exists():
        os.kill(os.getppid(), signal.SIGTERM)
        until = time.monotonic() + 5  # where it is not held back, it does not come at all
        while signal.SIGTERM not in signal.sigpending() and time.monotonic() < until:
            time.sleep(0.01)
    Path("second").touch()
    return load(*arguments)

serving.load_app = load_told
main(["serve"])
"""

# The main process is told to end after it has looked for signals, and before it waits for the next one.
_TOLD_BEFORE_A_WORKER_BEGINS = """
import os, signal
from deeper_api.cli import main, serving

class Told(dict):
    def clear(self):
        os.kill(os.getpid(), signal.SIGTERM)

class Server(serving._Server):
    def startup(self, *arguments):
        self.respawned_wrks = Told()
        super().startup(*arguments)

serving._Server = Server
main(["serve"])
"""


async def test_a_worker_that_is_killed_is_replaced_and_the_server_lives(start_server: StartServer):
    backend = start_server(DEEPER_SERVER_WORKERS="2")
    async with open_client(backend.url) as client:
        account = await sign_up(client)
        before = set(backend.process.workers())
        assert len(before) == 2
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        await asyncio.to_thread(
            wait_until, lambda: len(alive := set(backend.process.workers()) - {victim}) == 2 and alive != before
        )
        await asyncio.to_thread(wait_until, backend.process.is_healthy)
        assert (await account.client.get("/v1/me")).json() == account.user
    assert backend.process.is_running()


@pytest.mark.parametrize("program", [_TOLD_WHILE_A_WORKER_BEGINS, _TOLD_BEFORE_A_WORKER_BEGINS])
async def test_a_signal_that_comes_when_a_worker_is_replaced_ends_the_server(
    database_url: str, tmp_path: Path, program: str
):
    settings = server_settings(database_url) | {"DEEPER_SERVER_DRAIN_SECONDS": "60"}
    server = DeeperServer(tmp_path, settings, (sys.executable, "-c", program))
    try:
        await asyncio.to_thread(server.wait_until_healthy)
        [victim] = server.workers()
        os.kill(victim, signal.SIGKILL)
        assert await asyncio.to_thread(server.wait) == 0  # long before the drain time is over
    finally:
        server.kill()
