"""The client of `tests.fakes.exchanges` over a socket, and a way to send bytes that no client would."""

import asyncio
import contextlib
import io
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp

from tests.fakes.exchanges import Client, Exchange, Reply

_OF_AIOHTTP = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class HttpClient(Client):
    """Calls the server at ``url``, on a connection of its own for each request unless it is encrypted."""

    def __init__(self, url: str, session: aiohttp.ClientSession, token: str | None = None) -> None:
        self.token = token
        self.url = url
        self._session = session

    def as_user(self, token: str | None) -> "HttpClient":
        return HttpClient(self.url, self._session, token)

    def at(self, url: str) -> "HttpClient":
        """Return a client of the server at ``url`` that sends the same token."""
        return HttpClient(url, self._session, self.token)

    @contextlib.asynccontextmanager
    async def send(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes | list[bytes]
    ) -> AsyncGenerator[Exchange]:
        # aiohttp makes this header itself when the body comes in pieces.
        headers = [(name, value) for name, value in headers if name != "transfer-encoding"]
        data = _pieces(body) if isinstance(body, list) else io.BytesIO(body) if body else None
        asking = asyncio.create_task(
            self._session.request(
                method,
                self.url + path,
                headers=headers,
                data=data,
                skip_auto_headers=_OF_AIOHTTP,
                allow_redirects=False,
            )
        )
        exchange = HttpExchange(asking)
        try:
            yield exchange
        finally:
            exchange.leave()
            await asyncio.gather(asking, return_exceptions=True)


async def _pieces(body: list[bytes]) -> AsyncGenerator[bytes]:
    for piece in body:
        yield piece


class HttpExchange(Exchange):
    def __init__(self, asking: asyncio.Task[aiohttp.ClientResponse]) -> None:
        self._asking = asking

    async def head(self) -> Reply:
        response = await self._asking
        headers = tuple((name.lower(), value) for name, value in response.headers.items())
        return Reply(response.status, headers, b"")

    async def read(self) -> bytes:
        return await (await self._asking).content.readany()

    def leave(self) -> None:
        if not self._asking.cancel() and not self._asking.cancelled() and not self._asking.exception():
            response = self._asking.result()
            line = response.connection and response.connection.transport
            if line and line.get_extra_info("sslcontext"):
                line.abort()  # closing takes a word of the other side, and nobody waits for it
            response.close()


@contextlib.asynccontextmanager
async def open_client(url: str, certificate: Path | None = None) -> AsyncGenerator[HttpClient]:
    """Yield a client of the server at ``url``; a ``certificate`` is what it believes in place of the authorities."""
    trust = ssl.create_default_context(cafile=certificate) if certificate else True
    # What is closed with TLS is closed when the other side has said so; what is kept is gone with the session.
    connector = aiohttp.TCPConnector(limit=0, force_close=certificate is None, ssl=trust)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield HttpClient(url, session)


async def send_raw(url: str, *pieces: bytes, certificate: Path | None = None) -> Reply:
    """Send exactly these bytes to the server at ``url`` and return the reply, which has to have a length.

    The server may answer and close before it has read everything.
    """
    host, _, port = url.partition("://")[2].partition(":")
    trust = ssl.create_default_context(cafile=certificate) if certificate else None
    reader, writer = await asyncio.open_connection(host, int(port), ssl=trust)
    try:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        lines = (line.partition(":") for line in head[1:] if line)
        headers = tuple((name.lower(), value.strip()) for name, _, value in lines)
        reply = Reply(int(head[0].split(" ")[1]), headers, b"")
        body = await reader.readexactly(int(reply.header("content-length") or "0"))
        return Reply(reply.status, headers, body)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
