"""A server for one ASGI application in this process, which behaves as granian does where that matters.

As with granian, a client that has left is told by ``http.disconnect`` only: ``send`` goes on to succeed.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any, cast

from litestar.types import ASGIApp

from tests.fakes.exchanges import Client, Exchange, Json, Reply

# As the last piece of a body: after what came before, the client sends nothing, and stays.
STALLED = b"(nothing more)"


class AsgiClient(Client):
    """Calls ``app``; ``exchanges`` are the tasks of requests that the application still works on."""

    def __init__(self, app: ASGIApp, state: Json, token: str | None = None) -> None:
        self.token = token
        self._app = app
        self._state = state

    def as_user(self, token: str | None) -> "AsgiClient":
        return AsgiClient(self._app, self._state, token)

    @contextlib.asynccontextmanager
    async def send(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes | list[bytes]
    ) -> AsyncGenerator[Exchange]:
        path, _, query = path.partition("?")
        scope: Json = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in [("host", "deeper.test"), *headers]
            ],
            "client": ("192.0.2.7", 50_000),
            "server": ("127.0.0.1", 80),
            "state": self._state,
            "extensions": {},
        }
        exchange = AsgiExchange(body if isinstance(body, list) else [body])
        task = asyncio.create_task(exchange.run(self._app, scope))
        try:
            yield exchange
        finally:
            exchange.leave()
            await task


class AsgiExchange(Exchange):
    def __init__(self, body: list[bytes]) -> None:
        self._sent = list(body)
        self._gone = asyncio.Event()
        self._over = False
        self._messages: asyncio.Queue[Json | None] = asyncio.Queue()

    async def run(self, app: ASGIApp, scope: Json) -> None:
        try:
            await app(cast("Any", scope), cast("Any", self._receive), cast("Any", self._send))
        finally:
            self._messages.put_nowait(None)

    async def head(self) -> Reply:
        message = await self._messages.get()
        assert message is not None, "there was no response"
        assert message["type"] == "http.response.start"
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"])
        return Reply(message["status"], headers, b"")

    async def read(self) -> bytes:
        while not self._over:
            message = await self._messages.get()
            assert message is not None, "the response broke off"
            assert message["type"] == "http.response.body"
            self._over = not message.get("more_body", False)
            if message.get("body"):
                return message["body"]
        return b""

    def leave(self) -> None:
        self._gone.set()

    async def _receive(self) -> Json:
        if self._sent and not self._gone.is_set():
            body = self._sent.pop(0)
            if body is STALLED:
                await self._gone.wait()
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": body, "more_body": bool(self._sent)}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Json) -> None:
        if not self._gone.is_set():
            self._messages.put_nowait(message)


@contextlib.asynccontextmanager
async def running_application(app: ASGIApp) -> AsyncGenerator[AsgiClient]:
    """Start ``app``, and shut it down at the end as a server does."""
    state: Json = {}
    incoming: asyncio.Queue[Json] = asyncio.Queue()
    outgoing: asyncio.Queue[Json] = asyncio.Queue()
    scope: Json = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.3"}, "state": state}
    life = asyncio.create_task(cast("Any", app)(scope, incoming.get, outgoing.put))
    await _step("startup", incoming, outgoing)
    try:
        yield AsgiClient(app, state)
    finally:
        await _step("shutdown", incoming, outgoing)
        await life


async def _step(name: str, incoming: asyncio.Queue[Json], outgoing: asyncio.Queue[Json]) -> None:
    incoming.put_nowait({"type": f"lifespan.{name}"})
    answer = await outgoing.get()
    assert answer["type"] == f"lifespan.{name}.complete", answer
