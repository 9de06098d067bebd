"""How long the tries of one answer may take together."""

import asyncio

import pytest

from deeper_core import DeeperError, ModelNotFound, ModelServerFailed, ModelServerUnreachable
from deeper_model import RetryPolicy
from deeper_model.conformance import collect
from deeper_model.pool import Attempts, Lease
from tests.model.pool.pools import Server, ask, pool_of, says


class Clock:
    """The time of the tries, which passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("deeper_model.pool.attempts.time", clock)
    return clock


async def test_time_in_a_line_is_no_time_of_the_tries(clock: Clock):
    a = Server("a")
    policy = RetryPolicy(attempts=2, base=0.0, total=5.0)
    async with pool_of(a) as pool:
        a.play(ModelServerUnreachable())
        a.play(*says("at last"))
        attempts = Attempts(pool, "m", policy)

        async def come() -> Lease:
            clock.now += 6.0  # longer than all tries together may take
            return await attempts.choose()

        found = await collect(attempts.stream(ask(), come, asyncio.sleep))
    assert found.content == "at last"


async def test_time_in_tries_is(clock: Clock):
    a, gate = Server("a"), asyncio.Event()
    async with pool_of(a) as pool:
        a.play(gate, ModelServerUnreachable())
        attempts = Attempts(pool, "m", RetryPolicy(attempts=9, base=0.0, total=5.0))
        asking = asyncio.create_task(collect(attempts.stream(ask(), attempts.choose, asyncio.sleep)))
        while not a.requests:  # noqa: ASYNC110  - no event tells
            await asyncio.sleep(0)
        clock.now += 6.0
        gate.set()
        assert type((await asking).error) is ModelServerUnreachable
    assert len(a.requests) == 1


async def test_pauses_are_as_long_as_the_policy_says_and_count():
    a, pauses = Server("a"), list[float]()
    async with pool_of(a) as pool:
        for _ in range(9):
            a.play(ModelServerUnreachable())
        attempts = Attempts(pool, "m", RetryPolicy(attempts=9, base=1.0, longest=4.0, total=8.0), draw=lambda: 1.0)

        async def pause(seconds: float) -> None:
            pauses.append(seconds)

        found = await collect(attempts.stream(ask(), attempts.choose, pause))
    assert type(found.error) is ModelServerUnreachable
    assert pauses == [1.0, 2.0, 4.0]


async def test_each_failure_is_told_also_one_that_is_not_what_is_raised_in_the_end():
    a, b, told = Server("a"), Server("b"), list[DeeperError]()
    async with pool_of(a, b) as pool:
        a.play(ModelServerFailed())
        b.play(ModelNotFound())
        attempts = Attempts(pool, "m", RetryPolicy(attempts=2, base=0.0), failed=told.append)
        found = await collect(attempts.stream(ask(), attempts.choose, asyncio.sleep))
    assert type(found.error) is ModelServerFailed
    assert [type(error) for error in told] == [ModelServerFailed, ModelNotFound]
