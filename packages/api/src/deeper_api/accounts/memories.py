"""What is asked at every request, remembered for a few seconds."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# For this long something that has ended may still be believed, on a process that did not end it itself.
_SECONDS: Final = 5.0
_ENTRIES: Final = 10_000


class Memory(Generic[Key, Value]):
    """Remembers answers for at most five seconds, and at most ten thousand of them; never that there is none."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: OrderedDict[Key, tuple[float, Value]] = OrderedDict()
        self._forgotten = 0

    async def find(self, key: Key, ask: Callable[[], Awaitable[Value | None]]) -> Value | None:
        """Return what is remembered under ``key``, or else what ``ask`` says now."""
        known = self._known.get(key)
        if known is not None and self._clock() < known[0]:
            return known[1]
        asked, forgotten = self._clock(), self._forgotten
        value = await ask()
        if value is None:
            self._known.pop(key, None)
            return None
        if forgotten != self._forgotten:
            return value  # but not to be remembered: it may have been looked up before it was to be forgotten
        self._known[key] = (asked + _SECONDS, value)
        self._known.move_to_end(key)
        if len(self._known) > _ENTRIES:
            self._known.popitem(last=False)
        return value

    def forget(self, is_concerned: Callable[[Value], bool]) -> None:
        """Ask again for everything that ``is_concerned``."""
        self._forgotten += 1
        for key in [key for key, (_, value) in self._known.items() if is_concerned(value)]:
            del self._known[key]
