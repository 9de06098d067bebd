"""Three model servers that fail in every way, each at random, behind one pool."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from deeper_core import Delta
from deeper_model import RetryPolicy, WireLimits
from deeper_model.conformance import MODEL, Outcome, Peer, Upstream, collect, question, running_upstream
from deeper_model.pool import BreakerPolicy, ModelPool, PoolMember, PoolPolicy
from tests.model.dialects import DIALECTS, Dialect

# Whoever hangs is left after this; nobody else is that slow.
LIMITS = WireLimits(connect=5.0, first_byte=0.5, idle=0.5, reply=0.5, ending=0.5)
# Where nobody else may be left, even if this process itself stands still for a moment.
PATIENT = WireLimits(connect=5.0, first_byte=1.5, idle=1.5, reply=1.5, ending=1.5)
POLICY = PoolPolicy(breaker=BreakerPolicy(pause=0.05, longest=0.2), fresh=0.05, again=0.01, look=1.5)
PIECES = 4
WAYS = ("answer", "answer", "answer", "refuse", "busy", "hang", "hang up", "reset", "stop", "reset later", "hang later")


class Troubled:
    """A model server that answers with its name, again and again, or fails in a way that ``chance`` chooses.

    ``begun`` counts how often the answer to a question came as far as its first delta, by the question.
    """

    def __init__(self, name: str, dialect: Dialect, chance: random.Random, begun: Counter[str]) -> None:
        self.name = name
        self.hung = False
        self.ways: tuple[str, ...] = WAYS
        self._dialect = dialect
        self._chance = chance
        self._begun = begun

    async def play(self, peer: Peer) -> None:
        if self.hung:
            await peer.wait_gone()
            return
        reply = self._dialect.reply(peer.request, [MODEL])
        if reply is not None:
            await peer.reply(reply.status, reply.body, reply.media_type, *reply.headers)
            return
        way = self._chance.choice(self.ways)
        match way:
            case "refuse":
                await peer.reply(500, b'{"error": "something broke"}')
            case "busy":
                await peer.reply(503, b'{"error": "server busy"}', "application/json", "Retry-After: 0.02")
            case "hang":
                await peer.wait_gone()
            case "hang up":
                pass
            case "reset":
                peer.reset()
            case _:
                await self._answer(peer, way)

    async def _answer(self, peer: Peer, way: str) -> None:
        messages = cast("list[dict[str, str]]", peer.request.json()["messages"])
        await peer.stream_head(self._dialect.media_type)
        for number in range(PIECES):
            if number == 0:
                self._begun[messages[-1]["content"]] += 1
            await peer.chunk(self._dialect.delta(Delta(content=self.name)))
            await asyncio.sleep(0)
            if number == 1 and way != "answer":
                if way == "hang later":
                    await peer.wait_gone()
                elif way == "reset later":
                    peer.reset()
                return
        await peer.chunk(self._dialect.end())
        await peer.chunk(b"")


@asynccontextmanager
async def troubled_pool(
    seed: int, begun: Counter[str], limits: WireLimits = LIMITS
) -> AsyncGenerator[tuple[ModelPool, list[Troubled], list[Upstream]]]:
    """Three troubled servers, some of one kind and some of the other, and a pool over them."""
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        servers = [Troubled(name, chance.choice(DIALECTS), chance, begun) for name in "abc"]
        upstreams = [await stack.enter_async_context(running_upstream(each.play)) for each in servers]
        members = [
            PoolMember(name=each.name, provider=each._dialect.provider(upstream.url, limits))
            for each, upstream in zip(servers, upstreams, strict=True)
        ]
        pool = ModelPool(members, policy=POLICY, retries=RetryPolicy(attempts=3, base=0.01))
        stack.push_async_callback(pool.close)
        yield pool, servers, upstreams


def require_whole_or_error(found: Outcome) -> None:
    """Fail unless this is one server's whole answer, or an error after the beginning of one server's answer."""
    assert len(set(found.content)) <= 1
    if found.finish is not None:
        assert len(found.content) == PIECES
    else:
        assert found.error is not None
        assert len(found.content) <= PIECES


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
async def test_every_answer_is_whole_and_of_one_server_or_a_clear_error(seed: int) -> None:
    begun: Counter[str] = Counter()
    async with troubled_pool(seed, begun) as (pool, _, upstreams), asyncio.timeout(60):
        for batch in range(4):
            asking = [
                asyncio.create_task(collect(pool.chat_stream(question(f"{batch} {number}")))) for number in range(8)
            ]
            leaving = asking.pop()
            await asyncio.sleep(0)
            leaving.cancel()
            for found in await asyncio.gather(*asking):
                require_whole_or_error(found)
            await asyncio.wait({leaving})
        assert max(begun.values(), default=0) <= 1  # no second answer once there was something of a first
        assert [member.in_flight for member in pool.members()] == [0, 0, 0]
        await pool.close()
        for upstream in upstreams:
            await upstream.until_left()


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**32))
async def test_servers_that_hang_or_are_dead_delay_nobody_and_come_back(seed: int) -> None:
    chance, begun = random.Random(seed), Counter[str]()
    async with troubled_pool(seed, begun, PATIENT) as (pool, servers, upstreams), asyncio.timeout(60):
        await pool.list_models()
        for each in servers:
            each.ways = ("answer",)
        hung = chance.choice(servers)
        hung.hung = True
        listed = sum(len(upstream.requests) for upstream in upstreams)
        await upstreams[servers.index(hung)].until(lambda: sum(len(each.requests) for each in upstreams) > listed)
        while next(each for each in pool.members() if each.name == hung.name).state != "open":
            assert [model.name for model in await pool.list_models()] == [MODEL]
            await pool.check_health()
            await asyncio.sleep(0.01)
        for number in range(6):
            found = await collect(pool.chat_stream(question(str(number))))
            assert found.finish is not None
            assert hung.name not in found.content
        hung.hung = False
        answers: set[str] = set()
        while hung.name not in answers:
            answers.add((await collect(pool.chat_stream(question("again")))).content[:1])
