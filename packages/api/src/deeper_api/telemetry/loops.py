"""How late the event loop is, for which everything else waits, and how many tasks it has."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from opentelemetry.metrics import Meter

from deeper_api.telemetry.tallies import gauge

_SECONDS: Final = 0.5
_BOUNDS: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)  # in seconds


class LoopLag:
    """Looks twice a second how much later than it should it is called, and counts tasks when metrics are collected."""

    def __init__(self, meter: Meter) -> None:
        self._lag = meter.create_histogram(
            "deeper.event_loop.lag",
            unit="s",
            description="How late the event loop of a worker was.",
            explicit_bucket_boundaries_advisory=_BOUNDS,
        )
        gauge(meter, "deeper.event_loop.tasks", self._tasks, unit="{task}", description="Tasks of the workers.")
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def watching(self) -> Generator[None]:
        """Watch the running loop for as long as the context lasts."""
        loop = self._loop = asyncio.get_running_loop()
        self._again(loop)
        try:
            yield
        finally:
            self._loop = None
            if self._timer is not None:
                self._timer.cancel()

    def _tasks(self) -> int:
        return 0 if self._loop is None else len(asyncio.all_tasks(self._loop))

    def _again(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + _SECONDS
        self._timer = loop.call_at(due, self._look, loop, due)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._lag.record(max(0.0, loop.time() - due))
        self._again(loop)
