"""How late the event loop is: everything else waits for as long."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from opentelemetry.metrics import Meter

_SECONDS: Final = 0.5
_BOUNDS: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)  # in seconds


class LoopLag:
    """Looks twice a second how much later than it should it is called."""

    def __init__(self, meter: Meter) -> None:
        self._lag = meter.create_histogram(
            "deeper.event_loop.lag",
            unit="s",
            description="How late the event loop of a worker was.",
            explicit_bucket_boundaries_advisory=_BOUNDS,
        )
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def watching(self) -> Generator[None]:
        """Watch the running loop for as long as the context lasts."""
        loop = asyncio.get_running_loop()
        self._again(loop)
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _again(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + _SECONDS
        self._timer = loop.call_at(due, self._look, loop, due)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._lag.record(max(0.0, loop.time() - due))
        self._again(loop)
