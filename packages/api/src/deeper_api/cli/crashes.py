"""When a server gives up starting workers that die."""

from collections import deque
from collections.abc import Sequence

# One that is killed now and then is started again for ever; one that dies four times in a minute cannot live.
_MOST = 4
_SECONDS = 60.0


class Crashes:
    """Remembers when which worker died."""

    def __init__(self) -> None:
        self._deaths: dict[int, deque[float]] = {}

    def are_too_many(self, workers: Sequence[int], now: float) -> bool:
        """Take note that these have died, at this moment in seconds, and return whether to give up."""
        for worker in workers:
            self._deaths.setdefault(worker, deque(maxlen=_MOST)).append(now)
        return any(len(deaths) == _MOST and now - deaths[0] <= _SECONDS for deaths in self._deaths.values())
