"""Token buckets in Redis, which all processes share. Its clock counts, so that theirs need not agree."""

from collections.abc import Sequence
from typing import cast

from deeper_api.limits.breakers import RedisUnavailable
from deeper_api.limits.buckets import Bucket, BucketsUnavailable, Decision, decision
from deeper_api.limits.redis import RedisScripts


class RedisBuckets:
    """Keeps buckets in Redis for as long as they are not full."""

    def __init__(self, redis: RedisScripts) -> None:
        self._take = redis.script("take.lua")

    async def take(self, caller: str, buckets: Sequence[Bucket]) -> Decision:
        """Take what each bucket is asked for: from all of them, or from none.

        Raises:
            BucketsUnavailable: Redis cannot be reached, refuses, or takes too long.
        """
        # What is in braces decides where a cluster keeps a key, and the keys of one call have to be in one place.
        keys = [f"deeper:limits:{{{caller}}}:{bucket.name}" for bucket in buckets]
        given = [number for b in buckets for number in (b.capacity, b.interval, b.cost, b.debt, int(b.overdue))]
        try:
            allowed, *shortages = cast("list[int]", await self._take(keys, given))
        except RedisUnavailable as error:
            raise BucketsUnavailable(str(error)) from error
        return decision(buckets, shortages, allowed=bool(allowed))
