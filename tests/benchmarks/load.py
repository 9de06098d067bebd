"""The load: many streams at once over raw sockets, each counting the tokens that reach it, and how old they are."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from tests.benchmarks.upstream import TOKEN

_TOKEN = TOKEN.encode()
_DATED = re.compile(rb"%b(\d{16})" % _TOKEN)
_LONGEST_TOKEN = len(_TOKEN) + 16
# So many tokens after its beginning an answer comes as it will: a second and a half of those that come at their pace.
_SETTLED = 75
END = b"0\r\n\r\n"
"""What every answer in chunks ends with."""


@dataclass
class Load:
    """What a load saw. ``relay_ms`` is how old each token was that told when it was written; ``gap_ms`` are the pauses.

    Both are of answers that have been coming for a while: what many that begin at once cost is told by other figures.
    ``broken`` counts answers that were refused or cut off, by their first line.
    """

    tokens: int = 0
    broken: Counter[str] = field(default_factory=Counter[str])
    first_token_ms: list[float] = field(default_factory=list)
    relay_ms: list[float] = field(default_factory=list)
    gap_ms: list[float] = field(default_factory=list)

    @property
    def failures(self) -> int:
        """How many answers were not whole."""
        return self.broken.total()


class _Stream(asyncio.Protocol):
    """Sends one request on a connection of its own, and reads its answer to the end."""

    def __init__(self, request: bytes, load: Load, end: bytes, ended: Callable[[], None]) -> None:
        self._request = request
        self._load = load
        self._end = end
        self._ended = ended
        self._tail = self._first_line = b""
        self._complete = self._answered = False
        self._seen = self._last = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an instance of it where the loop is of another make.
        self._transport = cast("asyncio.Transport", transport)
        self._started = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._first_line = self._first_line or data.partition(b"\r\n")[0]
        data = self._tail + data
        now = time.monotonic_ns() // 1_000
        # A token may be cut in two: what is behind the last space waits for the rest of it.
        whole = max(data.rfind(b" ") + 1, len(data) - _LONGEST_TOKEN)
        found = data.count(_TOKEN, 0, whole)
        if found and not self._answered:
            self._answered = True
            self._load.first_token_ms.append((time.perf_counter() - self._started) * 1_000)
        self._load.tokens += found
        self._seen += found
        if self._seen > _SETTLED and (dates := _DATED.findall(data, 0, whole)):
            self._load.relay_ms.extend((now - int(written)) / 1_000 for written in dates)
            if self._last:
                self._load.gap_ms.append((now - self._last) / 1_000)
            self._last = now
        self._tail = data[whole:]
        if data.endswith(self._end):
            self._complete = self._first_line.startswith(b"HTTP/1.1 200 ")
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._complete:
            self._load.broken[self._first_line.decode("ascii", "replace") or f"nothing: {exc!r}"] += 1
        self._ended()


async def stream(port: int, request: bytes, load: Load, end: bytes = END) -> None:
    """Send one request on a connection of its own and read its answer to the end, which is ``end``."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    await loop.create_connection(lambda: _Stream(request, load, end, lambda: ended.set_result(None)), "127.0.0.1", port)
    await ended


async def streams(port: int, request: bytes, *, at_once: int, rounds: int, end: bytes = END) -> Load:
    """Keep ``at_once`` streams open, ``rounds`` times over."""
    load = Load()

    async def again() -> None:
        for _ in range(rounds):
            await stream(port, request, load, end)

    await asyncio.gather(*(again() for _ in range(at_once)))
    return load


class _Reader(asyncio.Protocol):
    """Sends one request after the other on one connection, and counts the answers that have a length."""

    def __init__(self, request: bytes, count: int, load: Load, ended: Callable[[], None]) -> None:
        self._request = request
        self._left = count
        self._load = load
        self._ended = ended
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an instance of it where the loop is of another make.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or length is None or len(rest) < int(length[1]):
            return
        self._received = b""
        if not head.startswith(b"HTTP/1.1 200 "):
            self._load.broken[head.partition(b"\r\n")[0].decode("ascii", "replace")] += 1
        self._left -= 1
        if self._left:
            self._transport.write(self._request)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._left:
            self._load.broken[f"nothing: {exc!r}"] += self._left
        self._ended()


_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


async def reads(port: int, request: bytes, *, at_once: int, rounds: int) -> Load:
    """Send ``request`` on so many connections that stay open, on each so many times."""
    load, loop = Load(), asyncio.get_running_loop()

    async def again() -> None:
        ended = loop.create_future()
        await loop.create_connection(
            lambda: _Reader(request, rounds, load, lambda: ended.set_result(None)), "127.0.0.1", port
        )
        await ended

    await asyncio.gather(*(again() for _ in range(at_once)))
    return load


def request(port: int, path: str, body: bytes, token: str = "", accept: str = "application/x-ndjson") -> bytes:
    head = [
        f"POST {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        f"accept: {accept}",
        f"content-length: {len(body)}",
    ]
    if token:
        head.append(f"authorization: Bearer {token}")
    return "\r\n".join([*head, "", ""]).encode() + body


def read_request(port: int, path: str, token: str, *headers: str) -> bytes:
    head = [
        f"GET {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "accept: application/x-ndjson",
        f"authorization: Bearer {token}",
        *headers,
    ]
    return "\r\n".join([*head, "", ""]).encode()
