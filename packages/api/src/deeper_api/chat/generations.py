"""One generation: the frames that it has produced so far, and those who follow them."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import contextmanager
from typing import Literal

from deeper_api.chat.frames import Done, Failed, Frame
from deeper_core import GenerationId, UserId

# How many frames one step of a tail hands on at most: bounds the work between two turns of the event loop.
_BATCH_FRAMES = 256

CancelReason = Literal["stopped", "abandoned", "shutdown"]


class Generation:
    """A running or finished answer. Frames are only ever added; the last one is a `Done` or a `Failed`.

    When the last of its viewers leaves before the end, the generation is cancelled.
    """

    def __init__(self, *, generation_id: GenerationId, user_id: UserId) -> None:
        self.id = generation_id
        self.user_id = user_id
        self.frames: list[Frame] = []
        self.cancelled: CancelReason | None = None
        self._task: asyncio.Task[Done] | None = None
        self._viewers = 0
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def finished(self) -> bool:
        """Whether the last frame has been added."""
        return bool(self.frames) and isinstance(self.frames[-1], Done | Failed)

    def run_as(self, task: asyncio.Task[Done]) -> None:
        """Remember the task that adds the frames, so that it can be cancelled."""
        self._task = task

    def add(self, frame: Frame) -> None:
        """Add ``frame`` and wake all who follow."""
        self.frames.append(frame)
        self._wake()

    def cancel(self, reason: CancelReason) -> None:
        """Ask the generation to end; the first reason counts. Does nothing once it is finished."""
        if self.finished or self.cancelled or self._task is None:
            return
        self.cancelled = reason
        self._task.cancel()

    @contextmanager
    def viewer(self) -> Generator[None]:
        """Count one viewer for as long as the context lasts."""
        self._viewers += 1
        try:
            yield
        finally:
            self._viewers -= 1
            if self._viewers == 0:
                self.cancel("abandoned")

    async def tail(self, heartbeat: float) -> AsyncGenerator[tuple[int, Sequence[Frame]], None]:
        """Follow the generation from its first frame to its last, as one of its viewers.

        Yields the id of a frame, and that frame with those behind it that are there already. Yields no frames when
        nothing has come for ``heartbeat`` seconds.
        """
        with self.viewer():
            seen = 0
            while True:
                if seen < len(self.frames):
                    batch = self.frames[seen : seen + _BATCH_FRAMES]
                    yield seen, batch
                    seen += len(batch)
                    # A server whose client has left may accept every write at once, so that nothing above ever waits:
                    # this gives the event loop its turn, in which the disconnect is noticed.
                    await asyncio.sleep(0)
                elif self.finished:
                    return
                elif not await self._grown(seen, heartbeat):
                    yield seen, ()

    async def _grown(self, seen: int, patience: float) -> bool:
        """Wait until there are more than ``seen`` frames; False if ``patience`` seconds pass without."""
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        self._waiting.add(waiting)
        timer = loop.call_later(patience, _settle, waiting)
        try:
            await waiting
        finally:
            timer.cancel()
            self._waiting.discard(waiting)
        return len(self.frames) > seen

    def _wake(self) -> None:
        for waiting in self._waiting:
            _settle(waiting)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
