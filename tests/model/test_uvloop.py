"""The same on uvloop, whose transports are not asyncio's: what depends on closing a socket by hand."""

import asyncio
import contextlib
from collections.abc import Coroutine

import msgspec
import pytest

from deeper_core import ModelProtocolBroken, ModelServerError, ModelServerTimedOut
from tests.fakes.upstream import Peer, Play, running_upstream
from tests.model.dialects import SHORT, Dialect, ask, outcome

uvloop = pytest.importorskip("uvloop")


def run(scenario: Coroutine[object, object, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario)


async def hang(peer: Peer) -> None:
    await peer.wait_gone()


async def send_a_bad_chunk(peer: Peer) -> None:
    await peer.send(b"zz\r\nnonsense\r\n")
    await peer.wait_gone()


@pytest.mark.parametrize(("then", "error"), [(hang, ModelServerTimedOut), (send_a_bad_chunk, ModelProtocolBroken)])
def test_a_fault_in_mid_stream_has_its_error(dialect: Dialect, then: Play, error: type[ModelServerError]) -> None:
    async def play(peer: Peer) -> None:
        await dialect.begin(peer, "Hello")
        await then(peer)

    async def scenario() -> None:
        async with running_upstream(play) as upstream, asyncio.timeout(20):
            limits = msgspec.structs.replace(SHORT, idle=0.2 if then is hang else 10.0)
            provider = dialect.provider(upstream.url, limits)
            found = await outcome(provider)
            await upstream.until_left()
            await provider.close()
            assert type(found.error) is error

    run(scenario())


def test_cancelling_before_the_headers_closes_the_socket(dialect: Dialect) -> None:
    async def scenario() -> None:
        async with running_upstream(hang) as upstream, asyncio.timeout(20):
            provider = dialect.provider(upstream.url)
            task = asyncio.get_running_loop().create_task(outcome(provider, ask()))
            await upstream.until_asked()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await upstream.until_left()
            await provider.close()

    run(scenario())
