"""The line in Redis: several processes, some of which die, and a Redis that forgets, hangs and comes back."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

import pytest
from msgspec.structs import replace

from deeper_api.limits.lines import Line, LineUnavailable, Ticket
from deeper_api.limits.redis import RedisScripts
from deeper_api.limits.redis_line import RedisLine
from tests.api.limits.queues import enter, leave, places, ticket, tickets
from tests.fixtures.redis import OwnRedis, scripts_in

KEYS = ("holders", "waiting", "admitted", "tickets", "users", "state")
_PATIENCE = 10.0
_LEASE_MILLISECONDS = 6_000


def line(scripts: RedisScripts, holder: str, *, parallel: int = 1, queue: int = 99) -> RedisLine:
    return RedisLine(scripts, name="model", holder=holder, parallel=parallel, queue=queue)


@pytest.fixture
def one(redis_scripts: RedisScripts) -> RedisLine:
    """A process with a place for each in the line."""
    return line(redis_scripts, "one")


@pytest.fixture
def two(redis_scripts: RedisScripts) -> RedisLine:
    """Another one."""
    return line(redis_scripts, "two")


def key(name: str) -> str:
    return f"deeper:line:{{model}}:{name}"


def not_heard_of(redis: OwnRedis, holder: str) -> None:
    """Let six seconds pass for a holder."""
    assert redis.say(f"ZADD {key('holders')} XX CH 1 {holder}") == ":1"


# Several processes


async def test_processes_share_the_room_and_the_turns(one: RedisLine, two: RedisLine):
    assert await enter(one, *tickets("a b", "me")) == ["in", "0"]
    assert await enter(two, ticket("c", "other"), ticket("d", "me")) == ["1", "2"]
    assert await places(one, "b d") == "0 2"


async def test_whoever_calls_admits_the_tickets_of_others(one: RedisLine, two: RedisLine):
    await enter(one, ticket("a"))
    await enter(two, ticket("b"))
    await leave(one, "a")
    assert await places(two, "b") == "in"


async def test_a_user_holds_so_many_in_all_processes(one: RedisLine, two: RedisLine):
    await enter(one, *tickets("a b", most=3))
    assert await enter(two, *tickets("c d", most=3)) == ["1", "excess"]


async def test_what_one_process_does_not_name_the_other_keeps(one: RedisLine, two: RedisLine):
    await enter(one, *tickets("a b"))
    await enter(two, *tickets("c d"))
    await two.update(ask=["d"], complete=True)
    assert await places(one, "a b c d") == "in 0 unknown 1"


async def test_lines_of_different_names_are_different(redis_scripts: RedisScripts, one: RedisLine):
    other = RedisLine(redis_scripts, name="other model", holder="one", parallel=1, queue=99)
    assert [await enter(each, ticket("a", most=1)) for each in (one, other)] == [["in"], ["in"]]


# Processes that die


async def test_a_process_that_died_makes_room(one: RedisLine, two: RedisLine, own_redis: OwnRedis):
    await enter(one, *tickets("a b", most=9))
    await enter(two, *tickets("c d", "other"))
    assert await places(two, "c d") == "1 2"
    not_heard_of(own_redis, "one")
    assert await places(two, "a b c d") == "unknown unknown in 0"
    assert await enter(two, ticket("e", most=1)) == ["1"]


async def test_a_process_that_was_taken_for_dead_comes_back(one: RedisLine, two: RedisLine, own_redis: OwnRedis):
    held = tickets("a b")
    known = (await one.update(enter=held)).standings
    not_heard_of(own_redis, "one")
    await enter(two, *tickets("c d", "other"))
    assert await places(one, "a b") == "unknown unknown"
    back = [
        replace(t, returns=True, tag=s.tag, admitted=s.state == "admitted") for t, s in zip(held, known, strict=True)
    ]
    await one.update(enter=back)
    assert await places(two, "a b c d") == "in 0 in 1"


async def test_a_process_that_comes_late_but_was_not_missed_keeps_its_places(one: RedisLine, own_redis: OwnRedis):
    await enter(one, *tickets("a b"))
    not_heard_of(own_redis, "one")
    assert await places(one, "a b") == "in 0"


async def test_every_call_tells_that_the_process_lives(one: RedisLine, two: RedisLine, own_redis: OwnRedis):
    for calling in (one, two):
        await calling.update()
        not_heard_of(own_redis, "one")
        await one.update()
        soon = time.time() * 1_000 + _LEASE_MILLISECONDS / 2
        assert own_redis.say(f"ZCOUNT {key('holders')} {soon} +inf") == (":1" if calling is one else ":2")


async def test_a_clock_that_is_set_back_lets_no_dead_process_live_longer(
    one: RedisLine, two: RedisLine, own_redis: OwnRedis
):
    await two.update()
    own_redis.say(f"ZADD {key('holders')} 99999999999999 two")
    await one.update()
    late = time.time() * 1_000 + 2 * _LEASE_MILLISECONDS
    assert own_redis.say(f"ZCOUNT {key('holders')} {late} +inf") == ":0"


# What Redis keeps


async def test_the_keys_of_a_line_are_in_one_slot_of_a_cluster(one: RedisLine, own_redis: OwnRedis):
    await enter(one, *tickets("a b"))
    assert set(own_redis.keys()) == {key(name) for name in KEYS}
    assert len({own_redis.say(f"CLUSTER KEYSLOT {key(name)}") for name in KEYS}) == 1


async def test_all_of_a_line_is_forgotten_after_an_hour_of_silence(one: RedisLine, own_redis: OwnRedis):
    await enter(one, *tickets("a b"))
    for name in KEYS:
        assert 3_500 < int(own_redis.say(f"TTL {key(name)}").removeprefix(":")) <= 3_600


async def test_of_a_line_in_which_nobody_is_nothing_is_kept_but_its_time(one: RedisLine, own_redis: OwnRedis):
    await enter(one, *tickets("a b"))
    await leave(one, "a", "b")
    assert set(own_redis.keys()) == {key("holders"), key("state")}


@pytest.mark.parametrize("lost", [*((name,) for name in KEYS), KEYS])
async def test_what_redis_throws_away_comes_back_to_its_place(
    one: RedisLine, own_redis: OwnRedis, lost: tuple[str, ...]
):
    held = [*tickets("a1 a2 a3", "a"), *tickets("b1 b2", "b")]
    known = (await one.update(enter=held)).standings
    own_redis.say(f"DEL {' '.join(map(key, lost))}")
    found = (await one.update(ask=[each.id for each in held])).standings
    back = [
        replace(t, returns=True, tag=s.tag, admitted=s.state == "admitted") for t, s in zip(held, known, strict=True)
    ]
    returning = [each for each, standing in zip(back, found, strict=True) if standing.state == "unknown"]
    assert len(returning) == (0 if lost == ("holders",) else 5)
    await one.update(enter=returning)
    assert (await one.update(ask=[each.id for each in held])).standings == known
    assert await enter(one, ticket("b3", "b"), ticket("a4", "a", most=3)) == ["4", "excess"]


async def test_a_redis_that_starts_again_gets_the_line_back(one: RedisLine, two: RedisLine, own_redis: OwnRedis):
    mine, others = tickets("a b c"), tickets("d e", "other")
    known = [(await each.update(enter=held)).standings for each, held in ((one, mine), (two, others))]
    before = await places(one, "a b c d e")
    own_redis.stop()
    own_redis.start()
    await answers(one)
    for each, held, standings in zip((one, two), (mine, others), known, strict=True):
        back = [replace(t, returns=True, tag=s.tag, admitted=s.id == "a") for t, s in zip(held, standings, strict=True)]
        await each.update(enter=back, ask=[t.id for t in held], complete=True)
    assert await places(one, "a b c d e") == before


async def test_a_redis_that_forgot_the_script_is_taught_it_again(one: RedisLine, own_redis: OwnRedis):
    await enter(one, ticket("a"))
    assert own_redis.say("SCRIPT FLUSH") == "+OK"
    assert await places(one, "a") == "in"


# A Redis that fails


@pytest.fixture
async def impatient(own_redis: OwnRedis) -> AsyncGenerator[RedisLine]:
    """A process that gives up as soon as in a server."""
    async with scripts_in(own_redis.url, patience=0.2) as scripts:
        yield line(scripts, "one")


async def answers(asked: Line) -> None:
    """Wait until a line answers."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                await asked.update()
            except LineUnavailable:
                await asyncio.sleep(0.01)
            else:
                return


async def fails_once_in_time_and_then_at_once(asked: Line) -> None:
    started = time.monotonic()
    for _ in range(100):
        with pytest.raises(LineUnavailable):
            await asked.update(enter=[ticket("lost")])
    assert time.monotonic() - started < 5  # seconds; 25, if each waited


FAULTS: dict[str, tuple[Callable[[OwnRedis], object], Callable[[OwnRedis], object]]] = {
    "stop": (OwnRedis.stop, OwnRedis.start),
    "freeze": (OwnRedis.freeze, OwnRedis.thaw),
    "starve": (lambda redis: redis.say("CONFIG SET maxmemory 1"), lambda redis: redis.say("CONFIG SET maxmemory 0")),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_line_fails_with_its_redis_and_comes_back_with_it(
    impatient: RedisLine, own_redis: OwnRedis, fault: str
):
    fail, mend = FAULTS[fault]
    await answers(impatient)
    await enter(impatient, ticket("a"))
    fail(own_redis)
    await fails_once_in_time_and_then_at_once(impatient)
    mend(own_redis)
    await answers(impatient)
    back: list[Ticket] = [replace(ticket("a"), returns=True, admitted=True)]
    await impatient.update(enter=back, complete=True)
    assert await places(impatient, "a lost") == "in unknown"


async def test_a_redis_without_memory_changes_nothing_of_a_line(
    impatient: RedisLine, one: RedisLine, own_redis: OwnRedis
):
    await enter(one, *tickets("a b c"))
    own_redis.say("CONFIG SET maxmemory 1")
    with pytest.raises(LineUnavailable):
        await leave(impatient, "a")
    own_redis.say("CONFIG SET maxmemory 0")
    assert await places(one, "a b c") == "in 0 1"


async def test_what_was_done_although_nobody_heard_of_it_is_no_matter(
    impatient: RedisLine, one: RedisLine, own_redis: OwnRedis
):
    """A call that Redis answers too late was done: whoever repeats it finds that out, and all that it holds heals."""
    await answers(impatient)
    own_redis.freeze()
    with pytest.raises(LineUnavailable):
        await enter(impatient, ticket("a"), ticket("b"))
    own_redis.thaw()
    await answers(impatient)
    assert await places(one, "a") == "in"
    assert await enter(impatient, ticket("a", most=1)) == ["in"]
    await impatient.update(complete=True)
    assert await places(one, "a") == "unknown"


async def test_connections_that_redis_closes_are_replaced(impatient: RedisLine, own_redis: OwnRedis):
    for _ in range(3):
        await answers(impatient)
        own_redis.say("CLIENT KILL TYPE normal")
    await answers(impatient)
    assert await enter(impatient, ticket("a")) == ["in"]
