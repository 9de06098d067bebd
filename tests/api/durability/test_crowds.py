"""Many ask and leave as they like, and a worker and a server die; nobody's place in the line is lost with them."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable

import aiohttp

from deeper_model.conformance import Peer
from tests.api.durability.users import signed_in
from tests.api.durability.viewers import asking, question
from tests.fakes.http import HttpClient
from tests.fixtures.redis import OwnRedis
from tests.fixtures.servers import StartServer
from tests.model.dialects import OPENAI

_CLIENTS = 100
_CHANCE = random.Random(4)
# Longer than it takes to wait for one's turn, and for the tickets of the dead.
_PATIENCE = 60


async def answer(peer: Peer) -> None:
    """Answer soon, unless whoever asked has left."""
    leaving = asyncio.create_task(peer.wait_gone())
    with contextlib.suppress(ConnectionError):
        await OPENAI.begin(peer, "yes")
        await asyncio.wait({leaving}, timeout=_CHANCE.choice([0, 0.02, 0.05]))
        await peer.chunk(OPENAI.end())
        await peer.chunk(b"")
    leaving.cancel()


async def stay(client: HttpClient, text: str) -> None:
    async with asking(client, question(text, on_disconnect="continue")) as viewer:
        await viewer.until_closed()


async def leave(client: HttpClient, text: str) -> None:
    """Go away at any time, which cancels the answer."""
    async with asking(client, question(text)):
        await asyncio.sleep(_CHANCE.uniform(0, 0.5))


async def cancel(client: HttpClient, text: str) -> None:
    async with asking(client, question(text)) as viewer:
        await viewer.until(lambda viewer: viewer.seen.start is not None or not viewer.open)
        if viewer.open:
            await client.post(f"/v1/generations/{viewer.seen.generation_id}/cancel")


FATES: list[Callable[[HttpClient, str], Awaitable[None]]] = [stay, stay, leave, leave, leave, cancel]


async def live(client: HttpClient, number: int) -> None:
    await asyncio.sleep(_CHANCE.uniform(0, 3))
    with contextlib.suppress(aiohttp.ClientError):  # its server is dead
        await _CHANCE.choice(FATES)(client, f"question {number}")


async def places_of_another(client: HttpClient) -> list[int]:
    """Ask, and return the places in the line that it took until the answer."""
    async with asking(client, question("another")) as viewer:
        seen = await viewer.until_last()
        assert seen.outcome == "stop"
        return seen.places


def held(redis: OwnRedis) -> list[str]:
    """The keys of what is in a line."""
    keys = redis.keys()
    return [key for key in keys if key.rpartition(":")[2] in {"tickets", "waiting", "admitted", "users"}]


async def test_a_crowd_that_asks_and_leaves_and_the_dead_leave_nothing_in_the_line(
    start_server: StartServer, own_redis: OwnRedis
):
    settings = {
        "DEEPER_REDIS_URL": own_redis.url,
        "DEEPER_REDIS_TIMEOUT": "5",  # the machine of the tests may be busy
        "DEEPER_MODEL_PARALLEL": "2",
        "DEEPER_SERVER_WORKERS": "2",
    }
    first = await asyncio.to_thread(lambda: start_server(**settings))
    second = await asyncio.to_thread(lambda: start_server(beside=first, **settings))
    async with first.model(answer), signed_in(first, second) as clients, asyncio.timeout(_PATIENCE):
        crowd = [asyncio.create_task(live(clients[number % 2], number)) for number in range(_CLIENTS)]
        await asyncio.wait(crowd, timeout=1)
        os.kill(first.process.workers()[0], signal.SIGKILL)
        await asyncio.wait(crowd, timeout=1)
        await asyncio.to_thread(second.process.kill)
        await asyncio.gather(*crowd)
        # What the dead held is taken from them when somebody asks.
        while await places_of_another(clients[0]) or held(own_redis):  # noqa: ASYNC110  - no event tells
            await asyncio.sleep(0.1)
    assert first.process.log("deeper.admission") == []
