"""When Redis is asked, and when not."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from deeper_api.limits.breakers import Breaker, RedisUnavailable
from tests.api.limits.metrics import Metrics
from tests.fixtures.applications import LogLines


class Probe:
    """Fails until it is told that Redis works."""

    def __init__(self) -> None:
        self.works = False
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        if not self.works:
            raise RedisUnavailable("test")


@pytest.fixture
def probe() -> Probe:
    return Probe()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def breaker(probe: Probe, metrics: Metrics) -> AsyncGenerator[Breaker]:
    breaker = Breaker(probe, metrics.meter, pause=0.001)
    async with breaker.running():
        yield breaker
    metrics.provider.shutdown()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  - nothing tells
            await asyncio.sleep(0.001)


async def test_it_is_closed_at_first_and_tries_nothing(breaker: Breaker, probe: Probe):
    await asyncio.sleep(0.01)  # for which it would try ten times
    assert (breaker.is_open, probe.calls) == (False, 0)


async def test_it_is_open_until_the_probe_succeeds(breaker: Breaker, probe: Probe):
    breaker.trip("test")
    await until(lambda: probe.calls >= 3)
    assert breaker.is_open
    probe.works = True
    await until(lambda: not breaker.is_open)


async def test_it_can_be_tripped_again(breaker: Breaker, probe: Probe):
    probe.works = True
    for calls in (1, 2):
        breaker.trip("test")
        await until(lambda: not breaker.is_open)
        assert probe.calls == calls


async def test_each_switch_is_one_line_of_the_log(breaker: Breaker, probe: Probe, log_lines: LogLines):
    probe.works = True
    for _ in range(2):
        for _ in range(20):
            breaker.trip("too slow")
        await until(lambda: not breaker.is_open)
    said = [(line["level"], line["message"], line.get("reason")) for line in log_lines.of("deeper.limits")]
    assert said == 2 * [
        ("warning", "Redis fails: each process limits by itself", "too slow"),
        ("info", "Redis answers: limits are shared again", None),
    ]


async def test_each_switch_counts(breaker: Breaker, probe: Probe, metrics: Metrics):
    for times in (1, 2):
        probe.works = False
        breaker.trip("test")
        breaker.trip("test")
        assert metrics()["deeper.limits.switches process"] == times
        assert metrics()["deeper.limits.alone"] == 1
        probe.works = True
        await until(lambda: not breaker.is_open)
        assert metrics()["deeper.limits.switches redis"] == times
        assert metrics()["deeper.limits.alone"] == 0


async def test_before_anything_has_happened_it_is_told_that_nobody_is_alone(breaker: Breaker, metrics: Metrics):
    assert not breaker.is_open
    assert metrics() == {"deeper.limits.alone": 0}


async def test_what_it_counts_is_explained(breaker: Breaker, probe: Probe, metrics: Metrics):
    probe.works = True
    breaker.trip("test")
    await until(lambda: not breaker.is_open)
    assert metrics.explained() == {
        "deeper.limits.switches": ("{switch}", "Times that limits went to Redis or to the process.", {"to"}),
        "deeper.limits.alone": ("{process}", "Processes that keep limits without their Redis.", set()),
    }
