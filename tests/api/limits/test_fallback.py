"""By what limits are kept when Redis fails."""

from collections.abc import Sequence

import pytest

from deeper_api.limits.buckets import Bucket, BucketsUnavailable, Decision
from deeper_api.limits.fallback import FallbackBuckets
from deeper_api.limits.memory_buckets import MemoryBuckets

ONE = Bucket(name="b", capacity=4, per_second=1 / 3_600)


class Unreliable:
    """Buckets that fail when they are told to."""

    def __init__(self) -> None:
        self.works = True
        self._kept = MemoryBuckets()

    async def take(self, caller: str, buckets: Sequence[Bucket]) -> Decision:
        if not self.works:
            raise BucketsUnavailable("test")
        return await self._kept.take(caller, buckets)


@pytest.fixture
def shared() -> Unreliable:
    return Unreliable()


@pytest.fixture
def kept(shared: Unreliable) -> FallbackBuckets:
    return FallbackBuckets(shared, MemoryBuckets(share=0.5))


async def allowed(kept: FallbackBuckets) -> bool:
    return (await kept.take("me", [ONE])).allowed


async def test_while_redis_answers_it_alone_is_asked(kept: FallbackBuckets):
    assert [await allowed(kept) for _ in range(5)] == [True] * 4 + [False]


async def test_when_redis_fails_this_process_grants_its_share(kept: FallbackBuckets, shared: Unreliable):
    shared.works = False
    assert [await allowed(kept) for _ in range(4)] == [True, True, False, False]


async def test_when_redis_answers_again_it_is_asked_again(kept: FallbackBuckets, shared: Unreliable):
    shared.works = False
    await allowed(kept)
    shared.works = True
    assert [await allowed(kept) for _ in range(5)] == [True] * 4 + [False]


async def test_callers_stay_apart_whoever_is_asked(kept: FallbackBuckets, shared: Unreliable):
    for works in (True, False):
        shared.works = works
        while await allowed(kept):
            pass
        assert (await kept.take("somebody else", [ONE])).allowed
