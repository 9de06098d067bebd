"""A model server that does exactly what a test tells it, byte by byte, and that notices when its peer leaves."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import msgspec


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        """The body as an object."""
        return msgspec.json.decode(self.body, type=dict[str, object])


class Peer:
    """One connection of a client, its request read."""

    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self._reader = reader
        self._writer = writer

    @property
    def port(self) -> int:
        """The client's port."""
        return cast("tuple[str, int]", self._writer.get_extra_info("peername"))[1]

    async def send(self, data: bytes) -> None:
        """Send ``data`` as it is."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except RuntimeError as error:  # how uvloop says that the client has gone
            raise ConnectionResetError from error

    async def head(self, status: int = 200, *headers: str) -> None:
        """Send a status line and headers; without a length, the body lasts until the connection closes."""
        lines = [f"HTTP/1.1 {status} Scripted", *headers, "", ""]
        await self.send("\r\n".join(lines).encode())

    async def stream_head(self, media_type: str) -> None:
        """Begin a chunked body."""
        await self.head(200, f"Content-Type: {media_type}", "Transfer-Encoding: chunked")

    async def chunk(self, data: bytes) -> None:
        """Send one chunk of a chunked body; an empty one ends it."""
        await self.send(b"%x\r\n%s\r\n" % (len(data), data))

    async def reply(self, status: int, body: bytes, media_type: str = "application/json", *headers: str) -> None:
        """Send a whole reply."""
        await self.head(status, f"Content-Type: {media_type}", f"Content-Length: {len(body)}", *headers)
        await self.send(body)

    async def wait_gone(self) -> None:
        """Return when the client has closed its side."""
        with contextlib.suppress(ConnectionError):
            while await self._reader.read(65_536):
                pass

    def finish_sending(self) -> None:
        """Close our side with FIN and leave the other open."""
        self._writer.write_eof()

    def reset(self) -> None:
        """Close with RST."""
        raw = cast("socket.socket", self._writer.get_extra_info("socket"))
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Play = Callable[[Peer], Awaitable[None]]


class Upstream:
    """The server: ``plays`` are for the next connections, one each, and the last one for all that follow.

    ``requests`` are those that came; ``open`` counts the clients that are connected, ``faults`` are plays that failed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.plays: list[Play] = []
        self.requests: list[Request] = []
        self.open = 0
        self.changed = asyncio.Condition()
        self.faults: list[Exception] = []

    async def until(self, true: Callable[[], bool]) -> None:
        """Return once ``true`` holds of this server."""
        async with self.changed:
            await self.changed.wait_for(true)

    async def until_asked(self, times: int = 1) -> None:
        """Return once that many requests have come."""
        await self.until(lambda: len(self.requests) >= times)

    async def until_left(self) -> None:
        """Return once no client is connected."""
        await self.until(lambda: self.open == 0)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        await self._note(1)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                peer = Peer(await _read_request(reader), reader, writer)
                self.requests.append(peer.request)
                await self._note(0)
                play = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
                await play(peer)
        except Exception as error:  # noqa: BLE001  - it is raised where the test sees it
            self.faults.append(error)
        finally:
            writer.close()
            await self._note(-1)

    async def _note(self, step: int) -> None:
        async with self.changed:
            self.open += step
            self.changed.notify_all()


@contextlib.asynccontextmanager
async def running_upstream(*plays: Play, port: int = 0) -> AsyncGenerator[Upstream, None]:
    """Serve ``plays`` on ``port``, or on a free one.

    Raises:
        Exception: the first that a play raised, at the end; but for that a client has gone.
    """
    upstream = Upstream("")
    upstream.plays = list(plays)
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        task = asyncio.get_running_loop().create_task(upstream.handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        server.close()
        await _a_few_turns()  # for a client that came in the last moment
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            # A task that was cancelled before its first step has closed nothing; what is closed waits for a client that
            # does not read.
            if not writer.is_closing() or writer.transport.get_write_buffer_size():
                writer.transport.abort()
        await _a_few_turns()
        if upstream.faults:
            raise upstream.faults[0]


async def _a_few_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)
