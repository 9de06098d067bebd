"""Whether a session and its account still stand, asked at every request and remembered for a few seconds."""

import time
from collections import OrderedDict
from collections.abc import Callable

from deeper_api.store.sessions import PostgresSessionStore, Standing
from deeper_core import SessionId, UserId

# For this long an ended session may still be believed, on a process that did not end it itself.
_SECONDS = 5.0
_SESSIONS = 10_000


class Standings:
    """Remembers what `PostgresSessionStore.standing` said, for at most five seconds and ten thousand sessions.

    What this process ends itself is forgotten at once.
    """

    def __init__(self, store: PostgresSessionStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: OrderedDict[SessionId, tuple[float, Standing]] = OrderedDict()
        self._forgotten = 0

    async def find(self, session_id: SessionId) -> Standing | None:
        """Return who the session belongs to, or None if it has ended or its account is disabled.

        Raises:
            DatabaseUnavailable: nothing is remembered and the database does not answer.
        """
        known = self._known.get(session_id)
        if known is not None and self._clock() < known[0]:
            return known[1]
        asked, forgotten = self._clock(), self._forgotten
        standing = await self._store.standing(session_id)
        if standing is None:
            self._known.pop(session_id, None)
            return None
        if forgotten != self._forgotten:
            return standing  # but not to be remembered: the database may have looked before the session ended
        self._known[session_id] = (asked + _SECONDS, standing)
        self._known.move_to_end(session_id)
        if len(self._known) > _SESSIONS:
            self._known.popitem(last=False)
        return standing

    def forget(self, user_id: UserId) -> None:
        """Ask the database again for every session of this user."""
        self._forgotten += 1
        for session_id in [key for key, (_, standing) in self._known.items() if standing.user_id == user_id]:
            del self._known[session_id]
