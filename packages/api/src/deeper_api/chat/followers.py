"""Waiting for the next frame."""

import asyncio


class Follower:
    """One who waits for news, again and again, but never longer than ``patience`` seconds.

    News between two waits is not lost: the next wait ends at once. One timer serves all the waits, since arming one for
    each frame would cost as much as the frame.
    """

    def __init__(self, patience: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._patience = patience
        self._since = self._loop.time()
        self._waiting: asyncio.Future[bool] | None = None
        self._woken = False
        self._timer = self._loop.call_later(patience, self._look)

    async def wait(self) -> bool:
        """Return True at the next `wake`, or False when patience runs out."""
        if self._woken:
            self._woken = False
            return True
        self._since = self._loop.time()
        self._waiting = self._loop.create_future()
        try:
            return await self._waiting
        finally:
            self._woken = False

    def wake(self, _: object = None) -> None:
        """End the present wait, or the next one."""
        self._woken = True
        self._end_wait(woken=True)

    def close(self) -> None:
        """Forget the timer."""
        self._timer.cancel()

    def _end_wait(self, *, woken: bool) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(woken)

    def _look(self) -> None:
        left = self._since + self._patience - self._loop.time()
        if left <= 0:
            self._end_wait(woken=False)
            left = self._patience
        self._timer = self._loop.call_later(left, self._look)
