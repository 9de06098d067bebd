"""What limits are kept by while Redis does not answer: this process alone, with its share."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from deeper_api.limits.buckets import Bucket, Buckets, BucketsUnavailable, Decision
from deeper_api.tasks import background

_log = logging.getLogger("deeper.limits")

_PAUSE_SECONDS = 1.0
# Is really taken from, because a Redis without memory reads well and cannot write.
_PROBE = Bucket(name="probe", capacity=1_000, per_second=1_000)


class FallbackBuckets:
    """Asks ``shared`` until it fails once, then ``own`` until ``shared`` answers again; no request waits for that."""

    def __init__(self, shared: Buckets, own: Buckets, *, pause: float = _PAUSE_SECONDS) -> None:
        self._shared = shared
        self._own = own
        self._pause = pause
        self._failed = asyncio.Event()

    @property
    def is_alone(self) -> bool:
        """Whether this process keeps the limits by itself now."""
        return self._failed.is_set()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Try ``shared`` again in the background, for as long as the context lasts."""
        async with background(self._come_back(), name="waiting for Redis"):
            yield

    async def take(self, caller: str, buckets: Sequence[Bucket]) -> Decision:
        """Take what each bucket is asked for: from all of them, or from none."""
        if not self.is_alone:
            try:
                return await self._shared.take(caller, buckets)
            except BucketsUnavailable as error:
                self._fail(error)
        return await self._own.take(caller, buckets)

    def _fail(self, error: BucketsUnavailable) -> None:
        if not self.is_alone:  # many requests may have waited for the same answer
            self._failed.set()
            _log.warning("Redis fails: each process limits by itself", extra={"fields": {"reason": str(error)}})

    async def _come_back(self) -> None:
        while True:
            await self._failed.wait()
            await asyncio.sleep(self._pause)
            try:
                await self._shared.take("probe", (_PROBE,))
            except BucketsUnavailable:
                continue
            self._failed.clear()
            _log.info("Redis answers: limits are shared again")
