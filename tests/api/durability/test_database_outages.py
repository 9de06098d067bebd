"""The database restarted, away and frozen while models answer."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import psycopg
import pytest

from deeper_api.store import migrations
from tests.api.durability.models import PATIENCE, DictatedModel
from tests.api.durability.records import generation, message, totals, until_nothing_runs
from tests.api.durability.texts import text_of
from tests.api.durability.users import signed_in
from tests.api.durability.viewers import Transcript, asking, following, question
from tests.fakes.exchanges import Client
from tests.fakes.http import HttpClient
from tests.fixtures.postgres import OwnPostgres, ignore_progress
from tests.fixtures.servers import StartServer


@dataclass(frozen=True)
class Place:
    """A user of two servers, the model behind both, and the database below."""

    here: HttpClient
    there: HttpClient
    model: DictatedModel
    postgres: OwnPostgres


@pytest.fixture
async def place(start_server: StartServer, own_postgres: OwnPostgres) -> AsyncGenerator[Place]:
    migrations.apply(own_postgres.url, ignore_progress)
    server = start_server(DEEPER_DB_URL=own_postgres.url)
    second = start_server(beside=server)
    model = DictatedModel()
    async with server.model(model.play), signed_in(server, second) as (here, there):
        yield Place(here, there, model, own_postgres)
    own_postgres.thaw()


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as database:
        return database.execute(query.encode()).fetchall()


async def require_complete(client: Client, seen: Transcript, text: object, completion_tokens: int) -> None:
    """Fail unless this user's only answer is kept, once and whole."""
    assert (seen.outcome, seen.text) == ("stop", text)
    assert seen.start is not None
    kept = await message(client, seen.start)
    assert (kept["state"], text_of(kept), kept["usage"]["completion_tokens"]) == ("complete", text, completion_tokens)
    assert (await generation(client, seen.generation_id))["state"] == "complete"
    ledger = await totals(client)
    assert (ledger["requests"], ledger["completion_tokens"], ledger["failed_requests"]) == (1, completion_tokens, 0)


async def test_running_answers_survive_a_restart_of_the_database(place: Place):
    async with asking(place.here, question("?", store=True)) as asked:
        start = await asked.until_begun()
        answer = await place.model.asked("?")
        await answer.say("before ")
        async with following(place.there, start.generation_id) as viewer:
            await viewer.until_said("before ")
            restarting = asyncio.create_task(asyncio.to_thread(place.postgres.restart))
            while not restarting.done():
                await answer.say("meanwhile 😀")
                await asyncio.sleep(0.01)  # a model's pace
            await restarting
            await answer.say("after ")
            # It has to be written again for this.
            await viewer.until_said("after ")
            await answer.end(completion_tokens=99)
            theirs = await viewer.until_last()
        ours = await asked.until_last()
    assert (ours.text, ours.last) == (theirs.text, theirs.last)
    await require_complete(place.there, ours, answer.text, 99)
    assert rows(place.postgres.url, "select count(*) from generation_chunks") == [(0,)]


async def test_an_answer_that_ends_while_the_database_is_away_is_saved_later(place: Place):
    async with asking(place.here, question("?", store=True)) as asked:
        start = await asked.until_begun()
        answer = await place.model.asked("?")
        await answer.say("before ")
        async with following(place.there, start.generation_id) as viewer:
            await viewer.until_said("before ")
            await asyncio.to_thread(place.postgres.stop)
            await answer.say("meanwhile")
            await answer.end(completion_tokens=99)
            ours = await asked.until_last()  # does not wait for the database
            await asyncio.to_thread(place.postgres.start)
            theirs = await viewer.until_last()
    assert (ours.text, ours.last) == (theirs.text, theirs.last)
    await require_complete(place.there, ours, answer.text, 99)


@pytest.mark.parametrize("seconds", [1.0, 6.0])
async def test_running_answers_survive_a_database_that_is_frozen(place: Place, seconds: float):
    async with asking(place.here, question("?", store=True)) as asked:
        start = await asked.until_begun()
        answer = await place.model.asked("?")
        await answer.say("before ")
        async with following(place.there, start.generation_id) as viewer:
            await viewer.until_said("before ")
            place.postgres.freeze()
            frozen = time.monotonic()
            while time.monotonic() - frozen < seconds:
                await answer.say("meanwhile ")
                await asyncio.sleep(0.01)  # a model's pace
            place.postgres.thaw()
            await answer.say("after ")
            await viewer.until_said("after ")
            await answer.end()
            theirs = await viewer.until_last()
        ours = await asked.until_last()
    assert (ours.text, ours.last) == (theirs.text, theirs.last)
    await require_complete(place.there, ours, answer.text, answer.pieces)


@pytest.mark.parametrize("store", [False, True])
async def test_what_was_asked_of_a_frozen_database_does_not_run_for_ever(place: Place, store: bool):
    asked = [question(f"question {number}", store=store) for number in range(4)]
    place.postgres.freeze()
    replies = await asyncio.gather(*(place.here.post("/v1/chat", sent) for sent in asked))
    assert [reply.status for reply in replies] == [503] * len(asked)
    place.postgres.thaw()
    await until_nothing_runs(place.there)
    for dictations in place.model.answers.values():
        for dictation in dictations:
            await dictation.until_left()


async def test_many_answers_that_end_while_the_database_is_away_are_each_saved_once(place: Place):
    asked = [f"question {number}" for number in range(10)]
    async with AsyncExitStack() as stack:
        viewers = [await stack.enter_async_context(asking(place.here, question(text, store=True))) for text in asked]
        answers = [await place.model.asked(text) for text in asked]
        for viewer, answer in zip(viewers, answers, strict=True):
            await viewer.until_begun()
            await answer.say("one ", "two ")
        await asyncio.to_thread(place.postgres.stop)
        for answer in answers:
            await answer.say("three")
            await answer.end()
        seen = [await viewer.until_last() for viewer in viewers]
        await asyncio.to_thread(place.postgres.start)
    async with asyncio.timeout(PATIENCE):
        while (await place.there.get("/v1/usage")).status != 200:
            pass
    await until_nothing_runs(place.there)
    for one in seen:
        assert one.start is not None
        kept = await message(place.there, one.start)
        assert (kept["state"], kept["content"], one.text.content) == ("complete", "one two three", "one two three")
    ledger = await totals(place.there)
    assert (ledger["requests"], ledger["completion_tokens"]) == (len(asked), 3 * len(asked))
