"""The load: many streams at once over raw sockets, each counting the tokens that reach it."""

import asyncio
import time
from dataclasses import dataclass, field

from tests.benchmarks.upstream import TOKEN

_TOKEN = TOKEN.encode()


@dataclass
class Load:
    """What a load saw."""

    tokens: int = 0
    failures: int = 0
    first_token_ms: list[float] = field(default_factory=list)


async def stream(port: int, request: bytes, load: Load, end: bytes = b"0\r\n\r\n") -> None:
    """Send one request on a connection of its own and read its answer to the end, which is ``end``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.perf_counter()
    writer.write(request)
    tokens, tail, answered = 0, b"", False
    try:
        while not tail.endswith(end):
            data = await reader.read(65_536)
            if not data:
                load.failures += 1
                return
            found = data.count(_TOKEN)
            if found and not answered:
                answered = True
                load.first_token_ms.append((time.perf_counter() - started) * 1_000)
            tokens += found
            tail = (tail + data)[-8:]
    finally:
        load.tokens += tokens
        writer.close()


async def streams(port: int, request: bytes, *, at_once: int, rounds: int, end: bytes = b"0\r\n\r\n") -> Load:
    """Keep ``at_once`` streams open, ``rounds`` times over."""
    load = Load()

    async def again() -> None:
        for _ in range(rounds):
            await stream(port, request, load, end)

    await asyncio.gather(*(again() for _ in range(at_once)))
    return load


def request(port: int, path: str, body: bytes, token: str = "") -> bytes:
    head = [
        f"POST {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        "accept: application/x-ndjson",
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
