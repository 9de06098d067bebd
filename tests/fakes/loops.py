"""An event loop whose time passes at once when nothing else is to be done."""

import asyncio
import selectors


class HastyLoop(asyncio.SelectorEventLoop):
    """Whoever sleeps wakes up in the right order, and nobody waits for it. It is for what asks nobody outside.

    Where all wait and nothing is going to wake anybody, it fails.
    """

    def __init__(self) -> None:
        self._hasty = _HastySelector()
        super().__init__(self._hasty)

    def time(self) -> float:
        """Return the seconds that have passed."""
        return self._hasty.now


class _HastySelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "all wait for ever"
        self.now += timeout
        return super().select(0)
