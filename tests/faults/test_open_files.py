"""Servers that may open few files, and more connections than those."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deeper_model.conformance import Peer, Play
from tests.api.routes.test_chat import QUESTION
from tests.api.telemetry.test_scrapes import scrape, total
from tests.fakes.exchanges import Reply, sign_up, sse_frames
from tests.fakes.http import open_client
from tests.fakes.server import free_port
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import Backend, StartServer
from tests.model.dialects import OPENAI

FILES = 256
FEW = ("prlimit", f"--nofile={FILES}:{FILES}")
MANY = 150  # whose streams take two files each


def open_files(backend: Backend) -> int:
    [worker] = backend.process.workers()
    return sum(1 for _ in Path(f"/proc/{worker}/fd").iterdir())


def answer_behind(gate: asyncio.Event) -> Play:
    """An answer that has begun, and ends when the gate is opened."""

    async def answer(peer: Peer) -> None:
        await OPENAI.begin(peer, "piece")
        await gate.wait()
        await peer.chunk(OPENAI.end())
        await peer.chunk(b"")

    return answer


@contextmanager
def idle_connections(backend: Backend, count: int) -> Generator[None]:
    """Connect so often, and say nothing."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", backend.process.port), timeout=10))
        yield


async def test_more_who_ask_at_once_than_files_may_be_open_are_all_answered(start_server: StartServer):
    backend = start_server(within=FEW)
    workers, gate = backend.process.workers(), asyncio.Event()

    async with open_client(backend.url) as client, backend.model(answer_behind(gate)) as model:
        account = await sign_up(client)
        asking = [asyncio.create_task(account.client.post("/v1/chat", QUESTION)) for _ in range(MANY)]
        await model.until_asked(MANY // 2)
        assert open_files(backend) < FILES
        gate.set()
        replies: list[Reply] = await asyncio.gather(*asking)
    assert {reply.status for reply in replies} == {200}
    assert {sse_frames(reply.body)[-1][1] for reply in replies} == {"done"}
    assert backend.process.workers() == workers
    levels = [line["level"] for line in backend.process.log() if line["level"] != "info"]
    assert levels == ["warning"]  # at the start, of how few connections there are


async def test_those_who_connect_and_say_nothing_leave_what_a_running_stream_needs(start_server: StartServer):
    backend = start_server(within=FEW)
    workers, gate = backend.process.workers(), asyncio.Event()

    async with open_client(backend.url) as client, backend.model(answer_behind(gate)):
        account = await sign_up(client)
        async with account.client.open("POST", "/v1/chat", QUESTION | {"store": True}) as exchange:
            await exchange.head()
            await exchange.read_until(b"piece")
            before = open_files(backend)
            with idle_connections(backend, FILES):
                # As many as are taken at all.
                await asyncio.to_thread(wait_until, lambda: open_files(backend) > before + 50)
                gate.set()
                assert b"event: done" in await exchange.rest()  # which is kept before it is said
                assert open_files(backend) < FILES
        assert (await account.client.get("/v1/conversations")).status == 200
    assert backend.process.workers() == workers


def test_how_many_connections_are_taken_is_told(start_server: StartServer):
    port = free_port()
    backend = start_server(within=FEW, DEEPER_METRICS_PORT=str(port), DEEPER_SERVER_WORKERS="2")
    [warning] = [line for line in backend.process.log("deeper.server") if "connections" in line]
    assert warning["connections"] < FILES / 2
    assert total(scrape(port), "deeper_connections_max") == 2 * warning["connections"]
