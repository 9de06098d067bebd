"""The model server of tests does what a play says, notices what its clients do, and leaves nothing behind."""

import asyncio
import contextlib
from urllib.parse import urlsplit

from deeper_model.conformance import Peer, running_upstream
from deeper_model.conformance.upstreams import Upstream

_MUCH = 32 * 1024 * 1024  # more than fits between two processes
ASKED = b"GET /v1/models HTTP/1.1\r\nHost: it\r\n\r\n"


async def connect(upstream: Upstream) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(upstream.url).port)
    writer.write(ASKED)
    return reader, writer


async def test_a_play_knows_the_port_of_its_client() -> None:
    async def play(peer: Peer) -> None:
        await peer.reply(200, b"%d" % peer.port)

    async with running_upstream(play) as upstream:
        reader, writer = await connect(upstream)
        said = await reader.read()
        assert said.endswith(b"\r\n\r\n%d" % writer.get_extra_info("sockname")[1])
        writer.close()


async def test_whatever_a_client_still_says_it_has_not_gone_before_it_closes() -> None:
    gone = asyncio.Event()

    async def play(peer: Peer) -> None:
        await peer.head()
        await peer.wait_gone()
        gone.set()

    async with running_upstream(play) as upstream:
        reader, writer = await connect(upstream)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"and another thing")
        await writer.drain()
        assert not gone.is_set()
        writer.close()
        await asyncio.wait_for(gone.wait(), 60)


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
