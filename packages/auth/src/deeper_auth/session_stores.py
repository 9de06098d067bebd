"""Where sessions are kept: the Protocol, and a store in memory that keeps it."""

from datetime import timedelta
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from deeper_auth.clocks import Clock, system_clock
from deeper_auth.refresh_tokens import RefreshVerdict, decide
from deeper_auth.sessions import RevocationReason, Session, SessionPolicy
from deeper_core.ids import SessionId, UserId


class NewSession(Struct, frozen=True, kw_only=True):
    """What is known of a session before a store has given it its times.

    ``user_agent`` is printable text of at most 256 characters; ``ip_address`` an IPv4 or IPv6 address without a zone,
    as Python's `ipaddress` spells it.
    """

    id: SessionId
    user_id: UserId
    user_agent: str | None = None
    ip_address: str | None = None


class Rotation(Struct, frozen=True, kw_only=True):
    """What came of presenting a refresh token: the verdict, and the session after it (None: there is none)."""

    verdict: RefreshVerdict
    session: Session | None


class SessionStore(Protocol):
    """Keeps sessions. Each method is one atomic step, and the store's own clock decides every time.

    Atomic means over all processes that share the sessions: a lock inside one of them is not enough. A method that is
    cancelled has done its step or has not, never half of it. `deeper_auth.conformance` holds the tests that an
    implementation has to pass.

    Raises:
        DatabaseUnavailable: from any method, the storage does not answer. Never is that an empty answer, which would
            sign people out; ``retry_after`` says when to come back.
    """

    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        """Keep ``new`` as a live session of generation 0 and return it."""
        ...

    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        """Decide as `refresh_tokens.decide` does, and do what its table says, in one step.

        ROTATE sets ``generation + 1``, ``rotated_at`` to now and ``expires_at`` to now + idle, though never past
        created_at + absolute. REUSE revokes with `RevocationReason.REUSE`. Every other verdict changes nothing.
        """
        ...

    async def find_live(self, session_id: SessionId) -> Session | None:
        """Return the session if it is neither revoked nor expired, else None."""
        ...

    async def list_live(self, user_id: UserId) -> tuple[Session, ...]:
        """Return the live sessions of one user, the newest sign-in first."""
        ...

    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        """End a live session of this user; return whether there was one. Nobody else's session is touched."""
        ...

    async def revoke_all(self, user_id: UserId, reason: RevocationReason, *, keep: SessionId | None = None) -> int:
        """End every live session of this user except ``keep``; return how many."""
        ...

    async def forget_ended(self, age: timedelta) -> int:
        """Drop the sessions that were revoked or ran out at least ``age`` ago; return how many."""
        ...


class MemorySessionStore:
    """Keeps sessions in this process, for tests and for programs of one process.

    Not for a server that is to keep its users signed in over a restart, and not for several processes: none sees what
    another one has. Atomic because no method waits for anything. It drops ended sessions only when `forget_ended` is
    called.
    """

    def __init__(self, *, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._sessions: dict[SessionId, Session] = {}

    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        """See `SessionStore.create`."""
        now = self._clock()
        session = Session(
            id=new.id,
            user_id=new.user_id,
            generation=0,
            created_at=now,
            rotated_at=now,
            expires_at=now + min(policy.idle, policy.absolute),
            user_agent=new.user_agent,
            ip_address=new.ip_address,
        )
        self._sessions[session.id] = session
        return session

    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        """See `SessionStore.rotate`."""
        now = self._clock()
        session = self._sessions.get(session_id)
        verdict = decide(session, generation, now=now, policy=policy)
        if session is None:
            return Rotation(verdict=verdict, session=None)
        if verdict is RefreshVerdict.ROTATE:
            session = replace(
                session,
                generation=session.generation + 1,
                rotated_at=now,
                expires_at=min(now + policy.idle, session.created_at + policy.absolute),
            )
        elif verdict is RefreshVerdict.REUSE:
            session = replace(session, revoked_at=now, revoke_reason=RevocationReason.REUSE)
        self._sessions[session_id] = session
        return Rotation(verdict=verdict, session=session)

    async def find_live(self, session_id: SessionId) -> Session | None:
        """See `SessionStore.find_live`."""
        session = self._sessions.get(session_id)
        return session if session is not None and session.is_live(self._clock()) else None

    async def list_live(self, user_id: UserId) -> tuple[Session, ...]:
        """See `SessionStore.list_live`."""
        live = self._live_of(user_id)
        return tuple(sorted(live, key=lambda session: (session.created_at, session.id), reverse=True))

    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        """See `SessionStore.revoke`."""
        return self._revoke([session for session in self._live_of(user_id) if session.id == session_id], reason) == 1

    async def revoke_all(self, user_id: UserId, reason: RevocationReason, *, keep: SessionId | None = None) -> int:
        """See `SessionStore.revoke_all`."""
        return self._revoke([session for session in self._live_of(user_id) if session.id != keep], reason)

    async def forget_ended(self, age: timedelta) -> int:
        """See `SessionStore.forget_ended`."""
        limit = self._clock() - age
        ended = [key for key, session in self._sessions.items() if (session.revoked_at or session.expires_at) <= limit]
        for key in ended:
            del self._sessions[key]
        return len(ended)

    def _live_of(self, user_id: UserId) -> list[Session]:
        now = self._clock()
        return [session for session in self._sessions.values() if session.user_id == user_id and session.is_live(now)]

    def _revoke(self, sessions: list[Session], reason: RevocationReason) -> int:
        now = self._clock()
        for session in sessions:
            self._sessions[session.id] = replace(session, revoked_at=now, revoke_reason=reason)
        return len(sessions)
