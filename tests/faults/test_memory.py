"""Servers that may take little memory, as containers may."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from deeper_model.conformance import Peer
from tests.api.durability.records import until_nothing_runs
from tests.api.routes.test_chat import QUESTION
from tests.fakes.exchanges import sign_up
from tests.fakes.http import open_client
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import StartServer
from tests.model.dialects import OPENAI

GROUPS = Path("/sys/fs/cgroup/memory")
MORE = 48 * 2**20  # bytes that the server may take besides those that it has at rest
PIECE = 65_536


class Group:
    """Processes that share so much memory and no more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # What comes before a command that is to be one of them.
        self.within = ("sh", "-c", 'echo $$ > "$0" && exec "$@"', str(folder / "cgroup.procs"))

    def allow(self, more: int) -> None:
        """Let them take so many bytes besides what they have."""
        taken = int((self._folder / "memory.usage_in_bytes").read_text())
        (self._folder / "memory.limit_in_bytes").write_text(str(taken + more))


@pytest.fixture
def group() -> Iterator[Group]:
    folder = GROUPS / f"deeper-{uuid4().hex}"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("only root, with the memory controller of cgroup v1, makes groups that share memory")
    yield Group(folder)
    wait_until(lambda: not (folder / "cgroup.procs").read_text())
    folder.rmdir()


async def test_a_worker_that_is_killed_for_its_memory_is_replaced_once_and_others_are_served(
    group: Group, start_server: StartServer
):
    backend = start_server(within=group.within)
    [worker] = backend.process.workers()

    async def flood(peer: Peer) -> None:
        await OPENAI.begin(peer)
        with suppress(ConnectionError):
            while True:
                await peer.chunk(OPENAI.content("x" * PIECE))

    async with open_client(backend.url) as client, backend.model(flood) as model:
        account = await sign_up(client)
        group.allow(MORE)

        async def ask() -> None:
            """Have all of an answer gathered in memory."""
            with pytest.raises(aiohttp.ClientError):
                await account.client.post("/v1/chat", QUESTION | {"stream": False})

        await asyncio.gather(*(ask() for _ in range(4)))
        await model.until_left()
    await asyncio.to_thread(wait_until, lambda: worker not in backend.process.workers())
    await asyncio.to_thread(backend.process.wait_until_healthy)
    [replaced] = backend.process.workers()
    async with open_client(backend.url) as client:
        again = client.as_user(account.client.token)
        assert (await again.get("/v1/me")).json() == account.user
        await until_nothing_runs(again)
    assert backend.process.workers() == [replaced]
