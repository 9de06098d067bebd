"""A timer for silence that costs next to nothing for each read."""

import asyncio
from collections.abc import Callable


class SilenceWatch:
    """Calls ``on_silence`` once, when nothing has happened for as long as was last allowed.

    One timer of the event loop serves a whole stream: it is looked at again when it fires, not moved at every read.
    """

    def __init__(self, on_silence: Callable[[], None]) -> None:
        self.expired = False
        self._on_silence = on_silence
        self._loop = asyncio.get_running_loop()
        self._limit: float | None = None
        self._since = 0.0
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None

    def allow(self, seconds: float | None) -> None:
        """Start anew: from now on, ``seconds`` of silence are too long; None allows any."""
        self._paused = False
        self._limit = seconds
        self._since = self._loop.time()
        if seconds is None or self.expired:
            return
        if self._timer is not None and self._timer.when() > self._since + seconds:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._look)

    def pause(self) -> None:
        """Let time pass uncounted until `allow` is called again."""
        self._paused = True

    def stop(self) -> None:
        """Give the timer back; nothing is called after this."""
        self._limit = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._limit is None:
            return
        now = self._loop.time()
        left = self._limit if self._paused else self._since + self._limit - now
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
            return
        self.expired = True
        self._on_silence()
