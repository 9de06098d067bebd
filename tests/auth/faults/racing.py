"""Faults that show when many things happen at once."""

import asyncio
from datetime import timedelta

from deeper_auth import (
    Clock,
    MemorySessionStore,
    NewSession,
    RefreshVerdict,
    RevocationReason,
    Rotation,
    Session,
    SessionPolicy,
)
from deeper_core import SessionId, UserId
from tests.auth.faults.stores import Faultless

HOUR = timedelta(hours=1)
KEPT: set[object] = set()


class ReadsThenWrites(Faultless):
    """Gives others a turn between reading and writing, as a store does that asks its database twice."""

    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        copy = type(self)(self._clock, dict(self._sessions))
        await asyncio.sleep(0)
        rotation = await MemorySessionStore.rotate(copy, session_id, generation, policy)
        if rotation.session is not None and rotation.verdict in {RefreshVerdict.ROTATE, RefreshVerdict.REUSE}:
            self._sessions[session_id] = rotation.session
        return rotation


class LocksThisProcessOnly(ReadsThenWrites):
    def __init__(self, clock: Clock, sessions: dict[SessionId, Session]) -> None:
        super().__init__(clock, sessions)
        self._lock = asyncio.Lock()

    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        async with self._lock:
            return await super().rotate(session_id, generation, policy)


class RemembersWhatItFound(Faultless):
    def __init__(self, clock: Clock, sessions: dict[SessionId, Session]) -> None:
        super().__init__(clock, sessions)
        self._found: dict[SessionId, Session] = {}

    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        return self._found.setdefault(new.id, await super().create(new, policy))

    async def find_live(self, session_id: SessionId) -> Session | None:
        return self._found.get(session_id) or await super().find_live(session_id)


class FindsReuseTwice(ReadsThenWrites):
    """Locks what it rotates, and not what it ends."""

    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        session = self._sessions.get(session_id)
        if session is not None and generation == session.generation:
            return await MemorySessionStore.rotate(self, session_id, generation, policy)
        return await super().rotate(session_id, generation, policy)


class RevokesLate(Faultless):
    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        live = await self.find_live(session_id)
        await asyncio.sleep(0)
        if live is None or live.user_id != user_id:
            return False
        self.change(session_id, revoked_at=self._clock(), revoke_reason=reason)
        return True


class KeepsOneFile(Faultless):
    """Reads everything, and writes everything."""

    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        everything = dict(self._sessions)
        await asyncio.sleep(0)
        session = await super().create(new, policy)
        everything[session.id] = session
        self._sessions.clear()
        self._sessions.update(everything)
        return session


class HoldsOnWhenCancelled(Faultless):
    def __init__(self, clock: Clock, sessions: dict[SessionId, Session]) -> None:
        super().__init__(clock, sessions)
        self._lock = asyncio.Lock()

    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        await self._lock.acquire()
        await asyncio.sleep(0)
        rotation = await super().rotate(session_id, generation, policy)
        self._lock.release()
        return rotation


class CountsUpFirst(Faultless):
    """Writes in two steps, and may be cancelled between them."""

    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        before = self._sessions.get(session_id)
        rotation = await super().rotate(session_id, generation, policy)
        if before is None or rotation.verdict is not RefreshVerdict.ROTATE:
            return rotation
        self.change(session_id, expires_at=before.expires_at - HOUR)
        await asyncio.sleep(0)
        return Rotation(verdict=rotation.verdict, session=self.change(session_id, expires_at=before.expires_at))


class LeavesTasks(Faultless):
    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        KEPT.add(asyncio.ensure_future(asyncio.Event().wait()))
        return await super().create(new, policy)
