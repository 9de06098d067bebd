"""Whether a session and its account still stand, asked at every request and remembered for a few seconds."""

import time
from collections.abc import Callable

from deeper_api.accounts.memories import Memory
from deeper_api.store.sessions import PostgresSessionStore, Standing
from deeper_core import SessionId, UserId


class Standings:
    """Remembers what `PostgresSessionStore.standing` said, for at most five seconds and ten thousand sessions.

    What this process ends itself is forgotten at once.
    """

    def __init__(self, store: PostgresSessionStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._memory = Memory[SessionId, Standing](clock)

    async def find(self, session_id: SessionId) -> Standing | None:
        """Return who the session belongs to, or None if it has ended or its account is disabled.

        Raises:
            DatabaseUnavailable: nothing is remembered and the database does not answer.
        """
        return await self._memory.find(session_id, lambda: self._store.standing(session_id))

    def forget(self, user_id: UserId) -> None:
        """Ask the database again for every session of this user."""
        self._memory.forget(lambda standing: standing.user_id == user_id)
