"""Limits as one server has them: buckets and lines over one Redis, or over none."""

import asyncio
import subprocess
import sys
import time

import pytest
from opentelemetry.metrics import Meter

from deeper_api.config import AppConfig
from deeper_api.config.sections import LimitsConfig, RedisConfig, ServerConfig
from deeper_api.limits.buckets import Bucket
from deeper_api.limits.lines import Line, LineUnavailable
from deeper_api.limits.services import Limits, Lines
from tests.api.limits.metrics import Metrics
from tests.api.limits.queues import enter, ticket, tickets
from tests.fixtures.redis import OwnRedis


def limits_of(
    *, redis: str = "", workers: int = 1, timeout: float = 10, enabled: bool = True, meter: Meter | None = None
) -> Limits:
    return Limits(
        AppConfig(
            server=ServerConfig(workers=workers),
            redis=RedisConfig(url=redis, timeout=timeout),
            limits=LimitsConfig(enabled=enabled),
        ),
        meter=meter,
    )


def lines_of(
    limits: Limits, server: str = "http://models", holder: str = "one", *, parallel: int = 4, queue: int = 9
) -> Lines:
    return limits.lines(server, holder=holder, parallel=parallel, queue=queue)


def shared(lines: Lines) -> Line:
    assert lines.shared is not None
    return lines.shared


def test_without_redis_no_line_is_shared():
    assert lines_of(limits_of()).shared is None


@pytest.mark.parametrize(
    ("workers", "parallel", "queue", "found"),
    [
        (1, 2, 1, ["in", "in", "0", "full"]),
        (2, 4, 2, ["in", "in", "0", "full"]),
        (2, 5, 1, ["in", "in", "0", "full"]),
        (8, 2, 9, ["in", "0", "1", "full"]),
        (2, 2, 0, ["in", "full", "full", "full"]),
    ],
)
async def test_each_process_alone_has_its_share_of_the_model_server(
    workers: int, parallel: int, queue: int, found: list[str]
):
    line = lines_of(limits_of(workers=workers), parallel=parallel, queue=queue).own()
    assert await enter(line, *tickets("a b c d")) == found


async def test_each_line_of_a_process_of_its_own_is_a_new_one():
    lines = lines_of(limits_of())
    await enter(lines.own(), ticket("a"))
    assert await enter(lines.own(), ticket("a", most=1)) == ["in"]


async def test_all_processes_share_a_line_for_each_model_server_also_when_nobody_is_limited(own_redis: OwnRedis):
    first, second = (limits_of(redis=own_redis.url, workers=2, enabled=False) for _ in range(2))
    async with first.running(), second.running():
        ours = shared(lines_of(first, parallel=1))
        theirs = shared(lines_of(second, holder="two", parallel=1))
        other = shared(lines_of(second, "http://other", holder="two", parallel=1))
        assert await enter(ours, ticket("a")) == ["in"]
        assert await enter(theirs, ticket("b")) == ["0"]
        assert await enter(other, ticket("c")) == ["in"]


async def test_redis_learns_no_password_of_a_model_server(own_redis: OwnRedis):
    limits = limits_of(redis=own_redis.url)
    async with limits.running():
        await enter(shared(lines_of(limits, "http://user:canary@models")), ticket("a"))
    keys = " ".join(own_redis.keys())
    assert "deeper:line:" in keys
    assert "canary" not in keys
    assert "models" not in keys


async def test_who_needs_buckets_and_a_line_waits_for_a_redis_that_hangs_once(own_redis: OwnRedis):
    limits = limits_of(redis=own_redis.url, timeout=2)
    line = shared(lines_of(limits))
    async with limits.running():
        await line.update()
        own_redis.freeze()
        started = time.monotonic()
        assert (await limits.buckets.take("me", [Bucket(name="b", capacity=1, per_second=1)])).allowed
        with pytest.raises(LineUnavailable):
            await line.update()
        assert time.monotonic() - started < 4  # seconds; 2.05, and not twice as much
        own_redis.thaw()
        async with asyncio.timeout(10):
            while limits.redis is None or not await limits.redis.answers():  # noqa: ASYNC110  - nothing tells
                await asyncio.sleep(0.01)
        await line.update()


async def test_what_happens_to_redis_is_told_by_metrics(own_redis: OwnRedis):
    metrics = Metrics()
    limits = limits_of(redis=own_redis.url, meter=metrics.meter)
    async with limits.running():
        own_redis.stop()
        assert (await limits.buckets.take("me", [Bucket(name="b", capacity=1, per_second=1)])).allowed
        assert metrics() == {
            "deeper.limits.alone": 1,
            "deeper.limits.switches process": 1,
            "deeper.limits.decisions allowed ": 1,
        }
    metrics.provider.shutdown()


def test_whoever_has_no_redis_does_not_pay_for_its_client():
    code = "import sys, deeper_api.app; assert 'coredis' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
