"""Several model servers behind one engine: whose line an answer waits in, and when it goes to another."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deeper_api.chat.admission import Admission
from deeper_api.chat.allowances import Allowance
from deeper_api.chat.engine import Engine
from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Done, Failed, Frame, Piece, Queued
from deeper_api.chat.model_servers import ModelServers
from deeper_api.config import AppConfig
from deeper_api.config.sections import RedisConfig
from deeper_api.limits.services import Limits
from deeper_core import (
    ChatMessage,
    ChatRequest,
    ChatRole,
    Delta,
    ErrorCode,
    FinishReason,
    Model,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerUnreachable,
    Overloaded,
    RateLimited,
    UserId,
    new_id,
)
from deeper_model import ScriptedProvider
from tests.api.chat.engines import (
    ANYTHING,
    FOREVER,
    STOP,
    ended,
    follow,
    joined,
    live,
    numbered,
    question,
    running_engine,
    settled,
    several_servers,
)
from tests.api.limits.metrics import Metrics
from tests.fixtures.applications import LogLines
from tests.fixtures.redis import OwnRedis

FAULTS = (ModelServerUnreachable(), ModelServerFailed(), ModelServerOverloaded(retry_after=3_600))


def server(name: str, *models: str) -> ScriptedProvider:
    return ScriptedProvider(name=name, models=[Model(name=model, loaded=True) for model in models or ("m",)])


@asynccontextmanager
async def engine_over(servers: ModelServers) -> AsyncGenerator[Engine]:
    """An engine, at whose end nobody is in any line, and nothing in flight."""
    async with running_engine(servers, FOREVER) as engine:
        await servers.pool.list_models()
        yield engine
        await settled(engine)
        assert [each.in_flight for each in servers.pool.members()] == [0] * len(servers.pool.members())
        for line in (*servers._lines.values(), servers._house):
            assert line is not None
            assert not line._held
    await servers.pool.close()


async def ask(engine: Engine, model: str = "m", user: UserId | None = None, allowance: Allowance = ANYTHING) -> Feed:
    request = ChatRequest(model=model, messages=(ChatMessage(role=ChatRole.USER, content="hi"),))
    asked = question(request, user_id=user or UserId(new_id()), abandon_after=None, allowance=allowance)
    return await engine.answer(asked)


async def until_queued(feed: Feed) -> None:
    """Return once the answer waits."""
    generation, more = live(feed), asyncio.Event()
    with generation.waking(more.set):
        while generation.place is None or not generation.place.position:
            more.clear()
            await more.wait()


async def break_down(servers: ModelServers, name: str) -> None:
    """Open the breaker of a server, which itself goes on with what it does."""
    others = {each.name for each in servers.pool.members()} - {name}
    lease = await servers.pool.choose("m", others)
    for _ in range(3):
        lease.failed(ModelServerFailed())
    lease.leave()
    assert next(each for each in servers.pool.members() if each.name == name).state == "open"


def busy(provider: ScriptedProvider, gate: asyncio.Event) -> None:
    """Let the next answer of a server go on until ``gate`` is open."""
    provider.play(Delta(content="long"), gate, STOP)


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_fails_before_its_first_delta_is_answered_by_another(fault: ModelServerFailed, log_lines: LogLines):
    a, b, metrics = server("a"), server("b"), Metrics()
    async with engine_over(several_servers(a, b, meter=metrics.meter)) as engine:
        a.play(fault)
        b.play(Delta(content="from b"), STOP)
        _, piece, done = await follow(await ask(engine))
        assert piece == Piece(content="from b")
        assert isinstance(done, Done)
        assert metrics() == {
            "deeper.model.in_flight a": 0,
            "deeper.model.in_flight b": 0,
            "deeper.model.open a": 0,
            "deeper.model.open b": 0,
            f"deeper.model.moves a {fault.code.value}": 1,
        }
    assert [line["server"] for line in log_lines.of("deeper.generations")] == ["b"]
    [moved] = log_lines.of("deeper.models")
    assert (moved["server"], moved["to"], moved["reason"]) == ("a", "b", fault.code.value)
    metrics.provider.shutdown()


async def test_what_fails_after_it_is_not_and_its_text_is_that_of_one_server():
    a, b = server("a"), server("b")
    async with engine_over(several_servers(a, b)) as engine:
        a.play(Delta(content="half"), ModelServerUnreachable())
        _, piece, failed = await follow(await ask(engine))
        assert piece == Piece(content="half")
        assert isinstance(failed, Failed)
        assert failed.error.code is ErrorCode.MODEL_SERVER_UNREACHABLE
    assert not b.requests


async def test_a_server_that_fails_is_told_of_once_and_so_is_that_it_works_again(log_lines: LogLines):
    a, b, metrics = server("a"), server("b"), Metrics()
    servers = several_servers(a, b, meter=metrics.meter)
    async with engine_over(servers):
        await break_down(servers, "a")
        assert metrics()["deeper.model.open a"] == 1
        servers.pool._members["a"].succeeded()
        assert metrics()["deeper.model.open a"] == 0
    lines = log_lines.of("deeper.models")
    assert [(line["level"], line["message"], line["server"]) for line in lines] == [
        ("warning", "a model server fails", "a"),
        ("info", "a model server works again", "a"),
    ]
    metrics.provider.shutdown()


async def test_that_nobody_has_the_model_is_the_last_frame():
    async with engine_over(several_servers(server("a"), server("b"))) as engine:
        failed = await ended(await ask(engine, "nothing"))
        assert isinstance(failed, Failed)
        assert failed.error.code is ErrorCode.MODEL_NOT_FOUND


async def test_each_server_has_a_line_of_its_own():
    a, b, gate = server("a"), server("b"), asyncio.Event()
    async with engine_over(several_servers(a, b, parallel=1)) as engine:
        busy(a, gate)
        busy(b, gate)
        for _ in range(2):
            await ask(engine)
        await a.wait_for_streams(1)
        await b.wait_for_streams(1)
        waiting = [await ask(engine) for _ in range(2)]
        for feed in waiting:
            await until_queued(feed)
        assert [live(feed).place for feed in waiting] == [Queued(position=1), Queued(position=1)]
        gate.set()
        assert [isinstance(await ended(feed), Done) for feed in waiting] == [True, True]
    assert (len(a.requests), len(b.requests)) == (2, 2)


async def test_a_full_line_is_passed_by_and_when_all_are_full_it_is_refused():
    a, b, gate = server("a"), server("b", "m", "other"), asyncio.Event()
    async with engine_over(several_servers(a, b, parallel=1, queue=0)) as engine:
        busy(b, gate)
        await ask(engine, "other")
        await b.wait_for_streams(1)
        busy(a, gate)
        await ask(engine)
        await a.wait_for_streams(1)
        with pytest.raises(Overloaded):
            await ask(engine)
        with pytest.raises(Overloaded):
            await ask(engine, "other")
        gate.set()


async def test_what_a_user_has_in_the_making_is_counted_over_all_servers():
    a, b, gate, user, most = server("a"), server("b"), asyncio.Event(), UserId(new_id()), Allowance(most=2)
    async with engine_over(several_servers(a, b)) as engine:
        busy(a, gate)
        busy(b, gate)
        feeds = [await ask(engine, user=user, allowance=most) for _ in range(2)]
        assert (len(a.requests), len(b.requests)) == (1, 1)
        with pytest.raises(RateLimited):
            await ask(engine, user=user, allowance=most)
        gate.set()
        assert [isinstance(await ended(feed), Done) for feed in feeds] == [True, True]
        await settled(engine)
        assert isinstance(await ended(await ask(engine, user=user, allowance=most)), Done)


async def test_those_that_wait_for_a_server_that_fails_go_to_another():
    a, b, gate = server("a"), server("b", "m", "other"), asyncio.Event()
    servers = several_servers(a, b, parallel=1)
    async with engine_over(servers) as engine:
        busy(b, gate)
        first = await ask(engine, "other")
        await b.wait_for_streams(1)
        stuck = asyncio.Event()
        busy(a, stuck)
        second = await ask(engine)
        await a.wait_for_streams(1)
        waiting = [await ask(engine) for _ in range(4)]
        frames = [asyncio.create_task(numbered(feed)) for feed in waiting]
        for feed in waiting:
            await until_queued(feed)
        await break_down(servers, "a")
        gate.set()  # of b, where all of them are by now
        for each in frames:
            seen = [frame for _, frame in await each]
            assert isinstance(seen[-1], Done)
            assert [frame.position for frame in seen if isinstance(frame, Queued)][-1] == 0
        assert live(second).last is None
        stuck.set()
        assert [isinstance(await ended(feed), Done) for feed in (first, second)] == [True, True]
    assert (len(a.requests), len(b.requests)) == (1, 5)


async def test_where_there_is_no_other_they_stay_and_are_told_when_their_turn_has_come():
    a, b, stuck = server("a"), server("b", "other"), asyncio.Event()
    servers = several_servers(a, b, parallel=1)
    async with engine_over(servers) as engine:
        a.play(Delta(content="long"), stuck, ModelServerUnreachable())
        await ask(engine)
        await a.wait_for_streams(1)
        waiting = await ask(engine)
        await until_queued(waiting)
        await break_down(servers, "a")
        for _ in range(20):
            await asyncio.sleep(0)
        assert live(waiting).last is None
        stuck.set()
        failed = await ended(waiting)
        assert isinstance(failed, Failed)
        assert failed.error.code is ErrorCode.MODEL_SERVER_UNREACHABLE
    assert len(a.requests) == 1


async def test_what_moves_to_a_busy_server_waits_there_and_is_not_refused_there():
    a, b, gate = server("a"), server("b", "m", "other"), asyncio.Event()
    async with engine_over(several_servers(a, b, parallel=1, queue=0)) as engine:
        busy(b, gate)
        await ask(engine, "other")
        await b.wait_for_streams(1)
        a.play(ModelServerUnreachable())
        moved = await ask(engine)
        await until_queued(moved)
        assert isinstance(await ended(await ask_of_a(engine, a)), Done)  # its place at a is free
        gate.set()
        assert isinstance(await ended(moved), Done)
    assert (len(a.requests), len(b.requests)) == (2, 2)


async def ask_of_a(engine: Engine, a: ScriptedProvider) -> Feed:
    """Ask while b's line is full, so that only a, in doubt as it is, is left."""
    a.play(Delta(content="again"), STOP)
    return await ask(engine)


def lines_in(redis: OwnRedis) -> list[str]:
    """The lines in which anybody is."""
    return [key for key in redis.keys() if key.endswith(":tickets")]  # noqa: SIM118  - it is no dict


async def test_lines_that_all_processes_share_are_left_and_entered_likewise(own_redis: OwnRedis):
    limits = Limits(AppConfig(redis=RedisConfig(url=own_redis.url, timeout=10)))

    def line(name: str, parallel: int, queue: int) -> Admission:
        lines = limits.lines(name, holder="here", parallel=parallel, queue=queue)
        return Admission(lines.own, lines.shared)

    a, b, gate, stuck = server("a"), server("b", "m", "other"), asyncio.Event(), asyncio.Event()
    pool = several_servers(a, b).pool
    servers = ModelServers(pool, {name: line(name, 1, 100) for name in "ab"}, line("house", 10**9, 0))
    async with limits.running(), engine_over(servers) as engine:
        busy(b, gate)
        await ask(engine, "other")
        busy(a, stuck)
        user, most = UserId(new_id()), Allowance(most=3)
        waiting = [await ask(engine, user=user, allowance=most) for _ in range(3)]
        with pytest.raises(RateLimited):
            await ask(engine, user=user, allowance=most)
        for feed in waiting[1:]:
            await until_queued(feed)
        assert len(lines_in(own_redis)) == 3  # of a, of b, and of the house
        await break_down(servers, "a")
        gate.set()
        assert [isinstance(await ended(feed), Done) for feed in waiting[1:]] == [True, True]
        stuck.set()
        await settled(engine)
    assert not lines_in(own_redis)
    assert (len(a.requests), len(b.requests)) == (1, 3)


@pytest.mark.parametrize("phase", ["waiting", "waiting elsewhere", "asked elsewhere", "resting"])
async def test_cancelling_leaves_no_place_in_whatever_line_it_is(phase: str):
    a, b, gate = server("a"), server("b", "m", "other"), asyncio.Event()
    servers = several_servers(a, b, parallel=1)
    async with engine_over(servers) as engine:
        match phase:
            case "waiting":
                busy(a, gate)
                busy(b, gate)
                for _ in range(2):
                    await ask(engine)
                feed = await ask(engine)
                await until_queued(feed)
            case "waiting elsewhere":
                busy(b, gate)
                await ask(engine, "other")
                await b.wait_for_streams(1)
                a.play(ModelServerUnreachable())
                feed = await ask(engine)
                await until_queued(feed)
            case "asked elsewhere":
                a.play(ModelServerUnreachable())
                b.play(gate, STOP)
                feed = await ask(engine)
                await b.wait_for_streams(1)
            case _:
                a.play(ModelServerOverloaded(retry_after=20))
                b.play(ModelServerOverloaded(retry_after=20))
                feed = await ask(engine)
                while not b.requests or b.open_streams:  # noqa: ASYNC110  - nothing tells
                    await asyncio.sleep(0)
        live(feed).cancel("stopped")
        done = await ended(feed)
        assert isinstance(done, Done)
        assert done.finish_reason is FinishReason.CANCELLED
        gate.set()


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
async def test_whatever_servers_and_users_do_every_answer_is_of_one_server_and_every_place_is_left(seed: int):
    chance = random.Random(seed)
    providers = [server(name) for name in "abc"]
    servers = several_servers(*providers, parallel=2)
    async with engine_over(servers) as engine:
        feeds: list[Feed] = []
        for _ in range(25):
            provider = chance.choice(providers)
            before = [Delta(content=provider.name)] * chance.randrange(3)
            provider.play(*before, chance.choice([*FAULTS, STOP, Delta(content=provider.name)]), STOP)
            feeds.append(await ask(engine))
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                live(chance.choice(feeds)).cancel("stopped")
        async with asyncio.timeout(30):
            for feed in feeds:
                last, text = await ended(feed), said(frames_of(feed))
                assert isinstance(last, Done | Failed)
                assert len(set(text)) <= 1 or "This is the script".startswith(text[:18])
        asked = sum(len(provider.requests) for provider in providers)
        assert asked <= 3 * len(feeds)


def frames_of(feed: Feed) -> list[Frame]:
    return joined(frame for _, frame in live(feed).read(0))


def said(frames: list[Frame]) -> str:
    return "".join(frame.content for frame in frames if isinstance(frame, Piece))
