"""Faults of ending by time, and of forgetting."""

from datetime import timedelta

from deeper_auth import (
    RefreshVerdict,
    RevocationReason,
    Rotation,
    Session,
    SessionPolicy,
)
from deeper_core import SessionId, UserId
from tests.auth.faults.stores import Faultless


class NeverExpires(Faultless):
    async def find_live(self, session_id: SessionId) -> Session | None:
        session = self._sessions.get(session_id)
        return session if session is not None and session.revoked_at is None else None


class NeverProlongs(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        before = self._sessions.get(session_id)
        rotation = await super().rotate(session_id, generation, policy)
        if before is not None and rotation.verdict is RefreshVerdict.ROTATE:
            self.change(session_id, expires_at=before.expires_at)
        return rotation


class FindsReuseInWhatRanOut(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        rotation = await super().rotate(session_id, generation, policy)
        session = rotation.session
        if session is None or rotation.verdict is not RefreshVerdict.EXPIRED or generation >= session.generation:
            return rotation
        return Rotation(verdict=RefreshVerdict.REUSE, session=session)


class RevokesWhatRanOut(Faultless):
    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        session = self._sessions.get(session_id)
        if session is None or session.user_id != user_id or session.revoked_at is not None:
            return False
        self.change(session_id, revoked_at=self._clock(), revoke_reason=reason)
        return True


class ForgetsByBirth(Faultless):
    async def forget_ended(self, age: timedelta) -> int:
        old = [session for session in self.everything if session.created_at <= self._clock() - timedelta(days=14) - age]
        for session in old:
            del self._sessions[session.id]
        return len(old)


class ForgetsRevokedAtOnce(Faultless):
    async def forget_ended(self, age: timedelta) -> int:
        for session in self.everything:
            if session.revoked_at is not None:
                del self._sessions[session.id]
        return await super().forget_ended(age)


class ForgetsExpiredAtOnce(Faultless):
    async def forget_ended(self, age: timedelta) -> int:
        for session in self.everything:
            if session.expires_at <= self._clock():
                del self._sessions[session.id]
        return await super().forget_ended(age)


class ForgetsNothing(Faultless):
    async def forget_ended(self, age: timedelta) -> int:
        return sum((session.revoked_at or session.expires_at) <= self._clock() - age for session in self.everything)
