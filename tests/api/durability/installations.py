"""Two servers, their database and their model server, to be used and harmed from outside of an event loop."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Self, TypeVar

from tests.api.durability.models import DictatedModel
from tests.fakes.exchanges import sign_up
from tests.fakes.http import HttpClient, open_client
from tests.fixtures.postgres import OwnPostgres
from tests.fixtures.servers import Backend, StartServer

T = TypeVar("T")


class Installation:
    """Leaving the context manager closes what it opened. ``servers`` are alive, except during `kill`."""

    def __init__(self, start_server: StartServer, postgres: OwnPostgres) -> None:
        self.postgres = postgres
        self.model = DictatedModel()
        self._start_server = start_server
        first = start_server(DEEPER_DB_URL=postgres.url)
        self.servers: list[Backend] = [first, start_server(beside=first)]
        self._loop = asyncio.Runner()
        self._stack = AsyncExitStack()

    def __enter__(self) -> Self:
        self.run(self._stack.enter_async_context(self.servers[0].model(self.model.play)))
        self._client = self.run(self._stack.enter_async_context(open_client("")))
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stack.aclose())
        self._loop.close()

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Run ``work``, and with it whatever happens in the background."""
        return self._loop.run(_within_reason(work))

    async def sign_up(self) -> HttpClient:
        """Make an account, and return a client that is signed in to it."""
        client = self._client.at(self.servers[0].url)
        return client.as_user((await sign_up(client)).access_token)

    async def kill(self, which: int) -> None:
        """Kill a server, and put another one in its place."""
        await asyncio.to_thread(self.servers[which].process.kill)
        self.servers[which] = await asyncio.to_thread(lambda: self._start_server(beside=self.servers[which]))

    async def restart_database(self) -> None:
        """Stop the database and start it again."""
        await asyncio.to_thread(self.postgres.restart)


async def _within_reason(work: Coroutine[object, object, T]) -> T:
    async with asyncio.timeout(60):
        return await work
