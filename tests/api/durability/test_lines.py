"""One line in front of a model server that two servers share, by way of Redis."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.api.durability.models import DictatedModel
from tests.api.durability.users import signed_in
from tests.api.durability.viewers import Viewer, asking, following, question
from tests.fakes.exchanges import Client
from tests.fixtures.redis import OwnRedis
from tests.fixtures.servers import Backend, StartServer


class Place:
    """Two servers, each with two workers, and a model server that is asked one question at a time."""

    def __init__(self, start_server: StartServer, redis: OwnRedis) -> None:
        settings = {
            "DEEPER_REDIS_URL": redis.url,
            "DEEPER_MODEL_PARALLEL": "1",
            "DEEPER_SERVER_WORKERS": "2",
            "DEEPER_SERVER_DRAIN_SECONDS": "1",
            "DEEPER_REDIS_TIMEOUT": "5",  # the machine of the tests may be busy
        }
        first = start_server(**settings)
        self.servers: list[Backend] = [first, start_server(beside=first, **settings)]
        self.model = DictatedModel()
        self._viewers = AsyncExitStack()

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        async with self.servers[0].model(self.model.play), self._viewers:
            yield

    async def ask(self, client: Client, text: str) -> Viewer:
        """Ask, and return once it was taken on."""
        viewer = await self._viewers.enter_async_context(asking(client, question(text)))
        await viewer.until_begun()
        return viewer


@pytest.fixture
async def place(start_server: StartServer, own_redis: OwnRedis) -> AsyncGenerator[Place]:
    place = await asyncio.to_thread(Place, start_server, own_redis)
    async with place.open():
        yield place


async def until_at(viewer: Viewer, position: int) -> None:
    """Return once it was told that this is its place."""
    await viewer.until(lambda viewer: viewer.seen.places[-1:] == [position])


async def test_users_take_turns_whichever_server_and_worker_they_come_to(place: Place):
    async with signed_in(*place.servers) as many, signed_in(*place.servers) as one:
        await place.ask(many[0], "many 0")
        await place.model.asked("many 0")
        for number in range(1, 5):
            await until_at(await place.ask(many[number % 2], f"many {number}"), number)
        for number in range(2):
            # In their first round, behind the first that waited there already, and before all the others.
            await until_at(await place.ask(one[number], f"one {number}"), 2 + 2 * number)
        for text in ("many 0", "many 1", "one 0", "many 2", "one 1", "many 3", "many 4"):
            answer = await place.model.asked(text)
            assert len(place.model.answers) == len({*place.model.answers, text})
            await answer.say("yes")
            await answer.end()


async def test_what_a_dead_server_held_is_given_to_the_next(place: Place):
    async with signed_in(*place.servers) as (here, there):
        await place.ask(here, "of the dead")
        await place.model.asked("of the dead")
        behind = await place.ask(here, "behind it")
        await until_at(behind, 1)
        heir = await place.ask(there, "of the living")
        await until_at(heir, 2)
        await asyncio.to_thread(place.servers[0].process.kill)
        answer = await place.model.asked("of the living")
        await answer.say("yes")
        await answer.end()
        assert (await heir.until_last()).outcome == "stop"
        async with following(there, behind.seen.generation_id) as again:
            assert (await again.until_last()).outcome == "interrupted"
    assert "behind it" not in place.model.answers


async def test_a_server_that_is_to_end_tells_those_that_wait_and_takes_them_out_of_the_line(
    place: Place, own_redis: OwnRedis
):
    async with signed_in(*place.servers) as (here, there):
        viewers = [await place.ask(here, f"question {number}") for number in range(5)]
        await until_at(viewers[-1], 4)
        await until_at(await place.ask(there, "of the other"), 5)
        place.servers[0].process.terminate()
        assert [(await viewer.until_last()).outcome for viewer in viewers] == ["shutting_down"] * 5
        assert await asyncio.to_thread(place.servers[0].process.wait) == 0
        [tickets] = [key for key in own_redis.keys() if key.endswith(":tickets")]  # noqa: SIM118  - it is no dict
        assert own_redis.say(f'HLEN "{tickets}"') == ":1"
        await place.model.asked("of the other")


async def test_a_redis_that_dies_and_comes_back_loses_no_answer(place: Place, own_redis: OwnRedis):
    async with signed_in(*place.servers) as (here, there):
        viewers = [await place.ask(here, "first")]
        await place.model.asked("first")
        viewers += [await place.ask(here, "second"), await place.ask(there, "third")]
        await until_at(viewers[-1], 2)
        await asyncio.to_thread(own_redis.stop)
        viewers += [await place.ask(there, "fourth")]
        await asyncio.to_thread(own_redis.start)
        for text in ("first", "second", "third", "fourth"):
            answer = await place.model.asked(text)
            await answer.say("yes")
            await answer.end()
        assert [(await viewer.until_last()).outcome for viewer in viewers] == ["stop"] * 4
