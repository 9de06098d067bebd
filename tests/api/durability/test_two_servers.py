"""Two servers on one database: it does not matter which of them a client comes to."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from deeper_model.conformance import Upstream
from tests.api.durability.models import DictatedModel, Dictation
from tests.api.durability.records import generation, message, totals
from tests.api.durability.texts import text_of
from tests.api.durability.users import signed_in
from tests.api.durability.viewers import asking, following, question
from tests.fakes.http import HttpClient
from tests.fixtures.servers import Backend


@dataclass(frozen=True)
class Place:
    """A user of two servers, and the model server behind both."""

    here: HttpClient
    there: HttpClient
    model: DictatedModel
    upstream: Upstream


@pytest.fixture
async def place(backend: Backend, second_backend: Backend) -> AsyncGenerator[Place]:
    model = DictatedModel()
    async with backend.model(model.play) as upstream, signed_in(backend, second_backend) as (here, there):
        yield Place(here, there, model, upstream)


async def say_everything(answer: Dictation) -> None:
    await answer.think("Hm, 🤔")
    await answer.say("naïve\n\n", "data: 🧮", "\r\n", "\u2028")
    await answer.say_halves("😀")
    await answer.call(0, '{"a"')
    await answer.call(0, ": 1}")
    await answer.call(1, "{}")
    await answer.say("after")


@pytest.mark.parametrize("store", [False, True])
async def test_an_answer_is_pushed_to_a_viewer_at_the_other_server(place: Place, store: bool):
    async with asking(place.here, question("?", store=store)) as asked:
        start = await asked.until_begun()
        answer = await place.model.asked("?")
        await say_everything(answer)
        async with following(place.there, start.generation_id) as viewer:
            await viewer.until_said("after")
            opened = time.monotonic()
            await answer.say("pushed")
            await viewer.until_said("pushed")
            assert time.monotonic() - opened < 5  # seconds; 0.3 on a machine that is not busy
            await answer.end()
            theirs = await viewer.until_last()
        ours = await asked.until_last()
    assert ours.text == theirs.text == answer.text
    assert (ours.start, ours.last, ours.position) == (theirs.start, theirs.last, theirs.position)


async def test_a_client_that_was_cut_off_goes_on_at_the_other_server(place: Place):
    async with asking(place.here, question("?", store=True)) as asked:
        seen = await asked.until_begun()
        answer = await place.model.asked("?")
        await answer.say("before ")
        await asked.until_said("before ")
    await answer.say("meanwhile ")
    async with following(place.there, seen.generation_id, seen) as viewer:
        await viewer.until_said("meanwhile ")
        await say_everything(answer)
        await answer.end()
        await viewer.until_last()
    assert (seen.text, seen.outcome) == (answer.text, "tool_calls")


async def test_an_ended_answer_is_read_at_the_other_server(place: Place):
    async with asking(place.here, question("?", store=True)) as asked:
        answer = await place.model.asked("?")
        await say_everything(answer)
        await answer.end()
        ours = await asked.until_last()
    async with following(place.there, ours.generation_id) as viewer:
        theirs = await viewer.until_last()
    assert theirs.text == answer.text
    assert (ours.start, ours.last, ours.position) == (theirs.start, theirs.last, theirs.position)
    assert ours.start is not None
    assert text_of(await message(place.there, ours.start)) == answer.text


async def test_an_answer_is_cancelled_from_the_other_server(place: Place):
    async with asking(place.here, question("?", store=True)) as asked:
        start = await asked.until_begun()
        answer = await place.model.asked("?")
        await answer.say("partial")
        await asked.until_said("partial")
        async with following(place.there, start.generation_id) as viewer:
            await viewer.until_said("partial")
            before = time.monotonic()
            cancelling = asyncio.create_task(place.there.post(f"/v1/generations/{start.generation_id}/cancel"))
            await answer.until_left()
            assert time.monotonic() - before < 5  # seconds; 0.3 on a machine that is not busy
            theirs, ours = await viewer.until_last(), await asked.until_last()
            reply = (await cancelling).json()
    assert (ours.outcome, theirs.outcome, reply["state"]) == ("cancelled", "cancelled", "cancelled")
    assert ours.text == theirs.text == text_of(reply["message"]) == answer.text
    assert ours.start is not None
    kept = await message(place.here, ours.start)
    assert (kept["state"], kept["usage"]["completion_tokens"], kept["usage"]["estimated"]) == ("cancelled", 1, True)


async def test_one_key_at_both_servers_at_once_is_one_answer(place: Place):
    asked = question("?", store=True)
    async with AsyncExitStack() as stack:
        viewers = [
            await stack.enter_async_context(asking(client, asked, key="one"))
            for client in (place.here, place.there) * 5
        ]
        answer = await place.model.asked("?")
        await say_everything(answer)
        for viewer in viewers:
            await viewer.until_said("after")
        await answer.end(completion_tokens=7)
        seen = [await viewer.until_last() for viewer in viewers]
    assert len(place.upstream.requests) == 1
    assert [one.text for one in seen] == [answer.text] * len(viewers)
    assert [(one.start, one.last) for one in seen] == [(seen[0].start, seen[0].last)] * len(viewers)
    ledger = await totals(place.there)
    assert (ledger["requests"], ledger["completion_tokens"], ledger["estimated_requests"]) == (1, 7, 0)


async def test_a_viewer_at_the_other_server_keeps_an_answer_alive(place: Place):
    brief = {"on_disconnect": {"cancel_after": 0.1}}
    async with AsyncExitStack() as there:
        async with asking(place.here, question("watched", **brief)) as watched:
            start = await watched.until_begun()
            answer = await place.model.asked("watched")
            await answer.say("before ")
            viewer = await there.enter_async_context(following(place.there, start.generation_id))
            await viewer.until_said("before ")
        async with asking(place.here, question("unwatched", **brief)) as unwatched:
            await unwatched.until_begun()
            other = await place.model.asked("unwatched")
        # That this one is cancelled, which was left later, shows that the first one would have been.
        await other.until_left()
        await answer.say("after")
        await answer.end()
        seen = await viewer.until_last()
    assert (seen.text, seen.outcome) == (answer.text, "stop")
    assert (await generation(place.there, seen.generation_id))["state"] == "complete"
