"""Whether Redis is asked. Once it has failed nobody waits for it again before it is known to answer."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from opentelemetry.metrics import Meter

from deeper_api.tasks import background

_log = logging.getLogger("deeper.limits")

_PAUSE_SECONDS = 1.0


class RedisUnavailable(Exception):
    """Redis does not answer, or not in time, or did not when it was asked last."""


class Breaker:
    """Is closed until something trips it, and again when ``probe`` succeeds, which raises RedisUnavailable if not.

    Each switch is one line of the log, and counts in ``deeper.limits.switches``; ``deeper.limits.alone`` is how many
    processes keep their limits by themselves.
    """

    def __init__(self, probe: Callable[[], Awaitable[None]], meter: Meter, *, pause: float = _PAUSE_SECONDS) -> None:
        self._probe = probe
        self._pause = pause
        self._open = asyncio.Event()
        self._switches = meter.create_counter(
            "deeper.limits.switches", unit="{switch}", description="Times that limits went to Redis or to the process."
        )
        self._alone = meter.create_up_down_counter(
            "deeper.limits.alone", unit="{process}", description="Processes that keep limits without their Redis."
        )

    @property
    def is_open(self) -> bool:
        """Whether Redis is not to be asked, so that this process keeps its limits by itself."""
        return self._open.is_set()

    def trip(self, reason: str) -> None:
        """Take note that Redis failed."""
        if self.is_open:  # many requests may have waited for the same answer
            return
        self._open.set()
        self._alone.add(1)
        self._switches.add(1, {"to": "process"})
        _log.warning("Redis fails: each process limits by itself", extra={"fields": {"reason": reason}})

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Try Redis again in the background whenever it has failed, for as long as the context lasts."""
        self._alone.add(0)  # so that it is told before anything has happened
        async with background(self._come_back(), name="waiting for Redis"):
            yield

    async def _come_back(self) -> None:
        while True:
            await self._open.wait()
            await asyncio.sleep(self._pause)
            try:
                await self._probe()
            except RedisUnavailable:
                continue
            self._open.clear()
            self._alone.add(-1)
            self._switches.add(1, {"to": "redis"})
            _log.info("Redis answers: limits are shared again")
