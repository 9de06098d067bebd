"""The same on uvloop, whose transports are not asyncio's."""

import asyncio

import pytest

from deeper_model.conformance import Peer, running_upstream
from tests.model import test_conformance
from tests.model.test_upstreams import connect

uvloop = pytest.importorskip("uvloop")


class _OnUvloop:
    def make_loop(self) -> asyncio.AbstractEventLoop:
        return uvloop.new_event_loop()


class TestOllamaOnUvloop(_OnUvloop, test_conformance.TestOllama):
    pass


class TestOpenAICompatibleOnUvloop(_OnUvloop, test_conformance.TestOpenAICompatible):
    pass


def test_saying_something_to_a_client_that_has_gone_is_an_error_of_asyncio() -> None:
    async def play(peer: Peer) -> None:
        peer.reset()
        await peer.wait_gone()
        with pytest.raises(ConnectionResetError):
            await talk(peer)

    async def talk(peer: Peer) -> None:
        while True:
            await peer.send(b"x")

    async def run() -> None:
        async with running_upstream(play) as upstream:
            _, writer = await connect(upstream)
            await upstream.until_asked()
            await upstream.until_left()
            writer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
