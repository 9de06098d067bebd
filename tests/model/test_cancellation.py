"""Leaving frees the model server at once, in whatever phase the answer is. Seen from the server's side."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from deeper_core import ChatMessage, ChatRequest, ChatRole
from deeper_model import ModelProvider, RetryingProvider, RetryPolicy
from deeper_model.conformance import Peer, Upstream, running_upstream
from tests.model.conftest import Connect
from tests.model.dialects import outcome

SOON = 5.0  # seconds; a bound for the machine's sake, what is awaited takes milliseconds


@pytest.fixture
async def upstream() -> AsyncGenerator[Upstream]:
    async with running_upstream() as server:
        yield server


def open_sockets() -> int:
    """How many sockets this process has open."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing itself was one of them
            count += str(link.readlink()).startswith("socket:")
    return count


async def cancel(task: "asyncio.Task[object]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def start(provider: ModelProvider, request: ChatRequest | None = None) -> "asyncio.Task[object]":
    return asyncio.get_running_loop().create_task(outcome(provider, request))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open sockets are counted in /proc")
async def test_cancelling_while_a_large_request_is_not_taken_closes_the_socket(connect: Connect) -> None:
    loop = asyncio.get_running_loop()
    image = bytes(30_000_000)
    with socket.socket() as listener:
        listener.setblocking(False)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        request = ChatRequest(model="tiny", messages=(ChatMessage(role=ChatRole.USER, images=(image,)),))
        task = start(connect(f"http://127.0.0.1:{listener.getsockname()[1]}"), request)
        accepted, _ = await loop.sock_accept(listener)
        with accepted:
            before = open_sockets() - 1
            received = len(await loop.sock_recv(accepted, 10))
            for _ in range(1_000):  # far more turns of the loop than it takes to fill the kernel's buffers
                await asyncio.sleep(0)
            await cancel(task)
            # Nothing is read here: a socket that is closed only once its bytes are taken would stay.
            async with asyncio.timeout(SOON):
                while open_sockets() > before:  # noqa: ASYNC110  - the kernel can only be asked
                    await asyncio.sleep(0.01)
                with contextlib.suppress(ConnectionError):
                    while data := await loop.sock_recv(accepted, 1_000_000):
                        received += len(data)
    # Only what the kernel had taken came; the rest was given up, not flushed.
    assert received < len(image) // 2


async def test_cancelling_in_back_off_asks_no_more(upstream: Upstream, connect: Connect) -> None:
    waiting = asyncio.Event()

    async def sleep(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    async def refuse(peer: Peer) -> None:
        await peer.reply(503, b"{}")

    upstream.plays = [refuse]
    task = start(RetryingProvider(connect(upstream.url), RetryPolicy(), sleep=sleep))
    await waiting.wait()
    await cancel(task)
    await upstream.until_left()
    assert len(upstream.requests) == 1
