"""A database that crashes while it is written to, one that is away for long, and one that writes nothing of a flood."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack

import psycopg
import pytest

from deeper_api.store import migrations
from deeper_model.conformance import Peer
from tests.api.durability.models import PATIENCE, DictatedModel
from tests.api.durability.records import message, totals, until_nothing_runs
from tests.api.durability.users import signed_in
from tests.api.durability.viewers import asking, question
from tests.benchmarks.processes import memory_kib
from tests.fakes.exchanges import Client
from tests.fixtures.postgres import OwnPostgres, ignore_progress
from tests.fixtures.servers import Backend, StartServer
from tests.model.dialects import OPENAI

AWAY = 20  # seconds
# Answers that come as fast as they are read while nothing can be written, characters of each, and in one piece of it.
# Of all of them together, 16 MiB may wait in memory; what is made of some for the database comes on top.
FLOODS, FLOOD, PIECE = 8, 16 * 2**20, 32_768
MEMORY = 128  # MiB
FROZEN = 6  # seconds: longer than one attempt to write takes
WRITTEN = 120  # seconds: 128 MiB, on a machine and a disk that have other things to do
VICTIM = "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() limit 1"


@pytest.fixture
def server(start_server: StartServer, own_postgres: OwnPostgres) -> Iterator[Backend]:
    """A server with two workers, over a database that has kept what it says it has, whatever becomes of it."""
    migrations.apply(own_postgres.url, ignore_progress)
    with psycopg.connect(own_postgres.url, autocommit=True) as database:
        database.execute("alter database deeper set synchronous_commit = on")
    server = start_server(DEEPER_DB_URL=own_postgres.url, DEEPER_SERVER_WORKERS="2")
    workers = server.process.workers()
    yield server
    assert server.process.workers() == workers
    assert server.process.log("deeper.errors") == []


def crash(postgres: OwnPostgres) -> None:
    """Kill one process of the database, whereupon it ends all others and begins anew."""
    with psycopg.connect(postgres.url) as database:
        [(pid,)] = database.execute(VICTIM.encode()).fetchall()
    os.kill(pid, signal.SIGKILL)


async def titles(client: Client) -> list[str]:
    """Those of all conversations."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get(f"/v1/conversations?limit=100{cursor and f'&cursor={cursor}'}")).json()
        found += [conversation["title"] for conversation in page["items"]]
        cursor = page["cursor"]
    return found


async def test_a_crash_of_the_database_costs_a_few_requests_and_nothing_that_was_kept(
    server: Backend, own_postgres: OwnPostgres
):
    kept: list[str] = []
    statuses: Counter[int] = Counter()
    crashed = asyncio.Event()
    async with signed_in(server) as [client]:

        async def write(writer: int) -> None:
            """Make conversations until ten in a row were made after the crash."""
            number = row = 0
            while row < 10:
                title = f"{writer} {number}"
                was_before = not crashed.is_set()
                reply = await client.post("/v1/conversations", {"title": title})
                statuses[reply.status] += 1
                if reply.status == 201:
                    kept.append(title)
                else:
                    assert reply.json()["error"]["code"] == "database_unavailable"
                    assert reply.header("retry-after") == "1"
                row = 0 if was_before or reply.status != 201 else row + 1
                number += 1

        writing = asyncio.gather(*(write(writer) for writer in range(8)))
        async with asyncio.timeout(PATIENCE):
            while len(kept) < 50:  # noqa: ASYNC110  - nothing tells
                await asyncio.sleep(0.01)
            await asyncio.to_thread(crash, own_postgres)
            crashed.set()
            await writing
        assert statuses.keys() <= {201, 503}
        found = await titles(client)
        assert set(kept) <= set(found)
        assert len(found) == len(set(found))


async def readiness(client: Client) -> tuple[int, float]:
    """What the probe says, and after how many seconds."""
    asked = time.monotonic()
    return (await client.get("/health/ready")).status, time.monotonic() - asked


async def test_answers_go_on_while_the_database_is_away_for_long_and_are_each_saved_once(
    server: Backend, own_postgres: OwnPostgres
):
    model, asked = DictatedModel(), [f"question {number}" for number in range(20)]
    async with server.model(model.play), signed_in(server) as [client], AsyncExitStack() as stack:
        viewers = [await stack.enter_async_context(asking(client, question(text, store=True))) for text in asked]
        answers = [await model.asked(text) for text in asked]
        for viewer in viewers:
            await viewer.until_begun()
        await asyncio.to_thread(own_postgres.stop)
        stopped, rounds = time.monotonic(), 0
        while time.monotonic() - stopped < AWAY:
            for answer in answers:
                await answer.say(f"<{rounds}> ")
            for viewer in viewers:
                await viewer.until_said(f"<{rounds}> ")
            rounds += 1
            status, took = await readiness(client)
            assert (status, took < 5) == (503, True)
            assert (await client.get("/health")).status == 200
            assert (await client.post("/v1/chat", question("another"))).status == 503
            await asyncio.sleep(0.2)  # a model's pace
        await asyncio.to_thread(own_postgres.start)
        for answer in answers:
            await answer.say("back")
            await answer.end()
        seen = [await viewer.until_last() for viewer in viewers]
        async with asyncio.timeout(PATIENCE):
            while (await readiness(client))[0] != 200:
                pass
        await until_nothing_runs(client)
        for one, answer in zip(seen, answers, strict=True):
            kept = await message(client, one.start or {})
            assert (kept["state"], kept["content"]) == ("complete", answer.text.content)
            assert one.text == answer.text
        assert (await totals(client))["requests"] == len(asked)
        # What was refused was asked of the model in the same moment, and no longer.
        for answer in model.answers.get("another", ()):
            await answer.until_left()


async def test_while_the_database_is_frozen_models_wait_that_say_more_than_memory_should_hold(
    start_server: StartServer, own_postgres: OwnPostgres
):
    migrations.apply(own_postgres.url, ignore_progress)
    backend = start_server(DEEPER_DB_URL=own_postgres.url, DEEPER_MODEL_PARALLEL=str(FLOODS))
    [worker] = backend.process.workers()
    opened, said = asyncio.Event(), 0

    async def flood(peer: Peer) -> None:
        nonlocal said
        await OPENAI.begin(peer, "x")
        await opened.wait()
        for _ in range(FLOOD // PIECE):
            await peer.chunk(OPENAI.content("x" * PIECE))
            said += PIECE
        await peer.chunk(OPENAI.end())
        await peer.chunk(b"")

    async with backend.model(flood), signed_in(backend) as [client]:
        for _ in range(FLOODS):
            async with asking(client, question("?", store=True, on_disconnect="continue")) as viewer:
                await viewer.until_said("x")
        before, most, frozen = memory_kib(worker), 0, time.monotonic()
        own_postgres.freeze()
        opened.set()
        while time.monotonic() - frozen < FROZEN or said < FLOODS * FLOOD / 4:
            most = max(most, memory_kib(worker))
            assert (await client.get("/health")).status == 200
        own_postgres.thaw()
        await until_nothing_runs(client, within=WRITTEN)
        most = max(most, memory_kib(worker))
    assert (most - before) / 1_024 < MEMORY
    with psycopg.connect(own_postgres.url) as database:
        query = "select state, length(content) from messages where role = 'assistant'"
        assert database.execute(query).fetchall() == [("complete", 1 + FLOOD)] * FLOODS
    assert backend.process.log("deeper.errors") == []
