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
        self._followers: set[_Follower] = set()

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

    async def tail(
        self, heartbeat: float, leaving: asyncio.Future[None]
    ) -> AsyncGenerator[tuple[int, Sequence[Frame]], None]:
        """Follow the generation from its first frame to its last, or until ``leaving`` is done.

        Yields the id of a frame, and that frame with those behind it that are there already. Yields no frames when
        nothing has come for ``heartbeat`` seconds.
        """
        follower = _Follower(heartbeat)
        self._followers.add(follower)
        leaving.add_done_callback(follower.wake)
        seen = 0
        try:
            while not leaving.done() and not (self.finished and seen == len(self.frames)):
                batch = self.frames[seen : seen + _BATCH_FRAMES]
                if batch:
                    yield seen, batch
                    seen += len(batch)
                    # A server whose client has left may accept every write at once. So whoever does not have to wait
                    # still gives the event loop its turn, in which the disconnect is noticed.
                    if seen < len(self.frames):
                        await asyncio.sleep(0)
                elif not await follower.wait():
                    yield seen, ()
        finally:
            leaving.remove_done_callback(follower.wake)
            self._followers.discard(follower)
            follower.close()

    def _wake(self) -> None:
        for follower in self._followers:
            follower.wake()


class _Follower:
    """One who waits for frames, again and again, but never longer than ``patience`` seconds.

    One timer serves all its waits: arming one for each frame would cost as much as the frame.
    """

    def __init__(self, patience: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._patience = patience
        self._since = self._loop.time()
        self._waiting: asyncio.Future[bool] | None = None
        self._timer = self._loop.call_later(patience, self._look)

    async def wait(self) -> bool:
        """Return True at the next `wake`, or False when patience runs out."""
        self._since = self._loop.time()
        self._waiting = self._loop.create_future()
        return await self._waiting

    def wake(self, _: object = None, *, woken: bool = True) -> None:
        """End the present wait, if there is one."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(woken)

    def close(self) -> None:
        """Forget the timer."""
        self._timer.cancel()

    def _look(self) -> None:
        left = self._since + self._patience - self._loop.time()
        if left <= 0:
            self.wake(woken=False)
            left = self._patience
        self._timer = self._loop.call_later(left, self._look)
