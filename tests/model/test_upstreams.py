"""The server of the conformance suite leaves nothing behind."""

import asyncio
import contextlib
from urllib.parse import urlsplit

from deeper_model.conformance import Peer, running_upstream

_MUCH = 32 * 1024 * 1024  # more than fits between two processes


async def test_who_does_not_read_is_cut_off_at_the_end():
    async def flood(peer: Peer) -> None:
        await peer.send(bytes(_MUCH))

    async with running_upstream(flood) as upstream:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(upstream.url).port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        received = len(await reader.read(1))
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1024 * 1024):
            received += len(data)
    assert 0 < received < _MUCH
    writer.close()
