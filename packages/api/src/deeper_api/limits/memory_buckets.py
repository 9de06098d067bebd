"""Token buckets in this process: for one process without Redis, and for each while Redis does not answer."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from deeper_api.limits.buckets import Bucket, Decision, decision, take_from

# Of about 200 bytes each. Beyond, whoever has not asked for the longest time starts afresh.
_BUCKETS = 100_000


class MemoryBuckets:
    """Keeps buckets for as long as they are not full.

    ``share`` is the part of every limit that this process may grant, one among several who do not know each other.
    """

    def __init__(
        self, *, share: float = 1.0, clock: Callable[[], float] = time.monotonic, most: int = _BUCKETS
    ) -> None:
        self._share = share
        self._clock = clock
        self._most = most
        self._full_at: OrderedDict[tuple[str, str], int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    async def take(self, caller: str, buckets: Sequence[Bucket]) -> Decision:
        """Take what each bucket is asked for: from all of them, or from none."""
        now = round(self._clock() * 1_000_000)
        parts = [bucket.part(self._share) for bucket in buckets]
        keys = [(caller, bucket.name) for bucket in buckets]
        found = [self._full_at.get(key, now) - now for key in keys]
        allowed, shortages = take_from(parts, found)
        for key, before, after in zip(keys, found, shortages, strict=True):
            if allowed or after < before:
                self._full_at[key] = now + after
                self._full_at.move_to_end(key)
        self._forget(now)
        return decision(parts, shortages, allowed=allowed)

    def _forget(self, now: int) -> None:
        """Forget the buckets that were taken from first, as long as they are full or there are too many."""
        while self._full_at:
            key, full_at = next(iter(self._full_at.items()))
            if full_at > now and len(self._full_at) <= self._most:
                return
            del self._full_at[key]
