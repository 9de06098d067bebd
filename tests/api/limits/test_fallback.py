"""What happens to limits when Redis fails and comes back."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from deeper_api.limits.buckets import Bucket, BucketsUnavailable, Decision
from deeper_api.limits.fallback import FallbackBuckets
from deeper_api.limits.memory import MemoryBuckets
from tests.fixtures.applications import LogLines

ONE = Bucket(name="b", capacity=4, per_second=1 / 3_600)


class Unreliable:
    """Buckets that fail when they are told to."""

    def __init__(self) -> None:
        self.works = True
        self.calls = 0
        self._kept = MemoryBuckets()

    async def take(self, caller: str, buckets: Sequence[Bucket]) -> Decision:
        self.calls += 1
        await asyncio.sleep(0)
        if not self.works:
            raise BucketsUnavailable("test")
        return await self._kept.take(caller, buckets)


@pytest.fixture
def shared() -> Unreliable:
    return Unreliable()


@pytest.fixture
def kept(shared: Unreliable) -> FallbackBuckets:
    return FallbackBuckets(shared, MemoryBuckets(share=0.5), pause=0.001)


async def allowed(kept: FallbackBuckets) -> bool:
    return (await kept.take("me", [ONE])).allowed


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  - nothing tells
            await asyncio.sleep(0.001)


async def switched(kept: FallbackBuckets, *, alone: bool) -> None:
    await until(lambda: kept.is_alone == alone)


async def test_while_redis_answers_it_alone_is_asked(kept: FallbackBuckets):
    assert [await allowed(kept) for _ in range(5)] == [True] * 4 + [False]


async def test_when_redis_fails_this_process_grants_its_share(kept: FallbackBuckets, shared: Unreliable):
    shared.works = False
    assert [await allowed(kept) for _ in range(4)] == [True, True, False, False]


async def test_after_one_failure_no_request_waits_for_redis(kept: FallbackBuckets, shared: Unreliable):
    shared.works = False
    for _ in range(10):
        await allowed(kept)
    assert shared.calls == 1


async def test_redis_is_asked_again_when_it_answers(kept: FallbackBuckets, shared: Unreliable):
    async with kept.running():
        shared.works = False
        await allowed(kept)
        shared.works = True
        await switched(kept, alone=False)
    assert [await allowed(kept) for _ in range(5)] == [True] * 4 + [False]


async def test_a_try_that_fails_changes_nothing(kept: FallbackBuckets, shared: Unreliable):
    async with kept.running():
        shared.works = False
        await allowed(kept)
        await until(lambda: shared.calls >= 5)
        assert kept.is_alone


async def test_each_switch_is_one_line_of_the_log(kept: FallbackBuckets, shared: Unreliable, log_lines: LogLines):
    async with kept.running():
        for _ in range(2):
            shared.works = False
            await asyncio.gather(*(allowed(kept) for _ in range(20)))
            await switched(kept, alone=True)
            shared.works = True
            await switched(kept, alone=False)
    said = [(line["level"], line["message"]) for line in log_lines.of("deeper.limits")]
    assert said == 2 * [
        ("warning", "Redis fails: each process limits by itself"),
        ("info", "Redis answers: limits are shared again"),
    ]
