"""Clients that take nothing, and clients that go away at any moment."""

import asyncio
import json
import random
import socket
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial

import psycopg

from deeper_model.conformance import Peer
from tests.api.durability.records import until_nothing_runs
from tests.api.routes.test_chat import QUESTION
from tests.benchmarks.processes import cpu_seconds, memory_kib
from tests.fakes.exchanges import Account, sign_up
from tests.fakes.http import open_client
from tests.faults.test_open_files import open_files
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import Backend, StartServer
from tests.model.dialects import OPENAI

READERS = 20
# Characters that each of them is sent in a round, in so many pieces: no more than a database writes meanwhile.
ROUND, PIECES = 200_000, 100
# 64 Ki characters of each answer stay in memory, and what is on its way; what follows costs nothing more. Of that there
# are 80 megabytes.
FIRST, ROUNDS = 5, 25
MORE = 40  # MiB, for what is on its way, and what memory costs besides
VISITS = 200


@contextmanager
def asking_without_reading(backend: Backend, account: Account, times: int) -> Generator[None]:
    """Ask so often, and take nothing of the answers but what fits into the smallest of buffers."""
    body = json.dumps(QUESTION)
    request = (
        "POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {account.access_token}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    with ExitStack() as stack:
        for _ in range(times):
            line = stack.enter_context(socket.socket())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            line.connect(("127.0.0.1", backend.process.port))
            line.sendall(request.encode())
        yield


def is_at_rest(backend: Backend) -> bool:
    """Whether the server takes less than a tenth of a processor for half a second."""
    before = cpu_seconds(backend.process.pid)
    time.sleep(0.5)
    return cpu_seconds(backend.process.pid) - before < 0.05


def are_written(database_url: str, rounds: int) -> bool:
    """Whether so much of every answer is in the journal."""
    with psycopg.connect(database_url) as database:
        found = database.execute("select coalesce(sum(length(body)), 0) from generation_chunks").fetchone()
    return found == (READERS * rounds * ROUND,)


async def test_what_readers_do_not_take_costs_no_memory_and_they_are_let_go(
    start_server: StartServer, database_url: str
):
    backend, rounds = start_server(), [asyncio.Event() for _ in range(ROUNDS)]

    async def flood(peer: Peer) -> None:
        await OPENAI.begin(peer)
        for each in rounds:
            await each.wait()
            for _ in range(PIECES):
                await peer.chunk(OPENAI.content("x" * (ROUND // PIECES)))
        await peer.wait_gone()

    async with open_client(backend.url) as client, backend.model(flood) as model:
        account = await sign_up(client)
        files = open_files(backend)
        with asking_without_reading(backend, account, READERS):
            took: list[int] = []
            for number, each in enumerate(rounds, 1):
                each.set()
                await asyncio.to_thread(wait_until, partial(are_written, database_url, number))
                took.append(memory_kib(backend.process.pid))
            assert (took[-1] - took[FIRST - 1]) / 1_024 < MORE
            assert (await account.client.get("/v1/me")).json() == account.user
            await model.until_left()  # although they are still there
            await until_nothing_runs(account.client)
        # Some connections to the database are new, and are kept for a while.
        await asyncio.to_thread(wait_until, lambda: open_files(backend) < files + 10)
        await asyncio.to_thread(wait_until, lambda: is_at_rest(backend))


async def test_two_hundred_who_leave_at_random_moments_leave_nothing(start_server: StartServer, database_url: str):
    backend, chance = start_server(), random.Random(4711)

    async def answer(peer: Peer) -> None:
        await OPENAI.begin(peer)
        for _ in range(100):
            await peer.chunk(OPENAI.content("piece "))
            await asyncio.sleep(0.001)
        await peer.chunk(OPENAI.end())
        await peer.chunk(b"")

    async with open_client(backend.url) as client, backend.model(answer) as model:
        account = await sign_up(client)
        files = open_files(backend)

        async def visit() -> None:
            question = QUESTION | {"stream": chance.random() < 0.7, "store": chance.random() < 0.5}
            patience = chance.uniform(0, 0.3)
            async with account.client.open("POST", "/v1/chat", question | {"on_disconnect": "cancel"}) as exchange:
                await asyncio.sleep(patience)
                exchange.leave()

        for _ in range(VISITS // 20):
            await asyncio.gather(*(visit() for _ in range(20)))
        await model.until_left()
        await until_nothing_runs(account.client)
    with psycopg.connect(database_url) as database:
        assert database.execute("select count(*) from messages where state = 'running'").fetchone() == (0,)
        assert database.execute("select count(*) from generation_chunks").fetchone() == (0,)
    await asyncio.to_thread(wait_until, lambda: open_files(backend) < files + 10)
    await asyncio.to_thread(wait_until, lambda: is_at_rest(backend))
    assert backend.process.log("deeper.errors") == []
