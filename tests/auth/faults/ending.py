"""Faults of ending on purpose."""

# ruff: noqa: ARG002  - a fault is often what a method does not look at

from deeper_auth import (
    RefreshVerdict,
    RevocationReason,
    Rotation,
    Session,
    SessionPolicy,
)
from deeper_core import SessionId, UserId
from tests.auth.faults.stores import Faultless


class KeepsTheGraceOfTheDead(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        session = self._sessions.get(session_id)
        if session is not None and session.revoked_at and generation == session.generation - 1:
            return Rotation(verdict=RefreshVerdict.GRACE, session=session)
        return await super().rotate(session_id, generation, policy)


class KnowsOneReason(Faultless):
    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        return await super().revoke(session_id, user_id, RevocationReason.LOGOUT)


class EndsAgain(Faultless):
    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        session = self._sessions.get(session_id)
        if session is None or session.user_id != user_id or session.expires_at <= self._clock():
            return False
        self.change(session_id, revoked_at=self._clock(), revoke_reason=reason)
        return True


class AsksNobodyWhoTheyAre(Faultless):
    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        session = await self.find_live(session_id)
        return session is not None and await super().revoke(session_id, session.user_id, reason)


class EndsWhatIsNotThere(Faultless):
    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        return await super().revoke(session_id, user_id, reason) or session_id not in self._sessions


class EndsAllForOne(Faultless):
    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        return await super().revoke_all(user_id, reason) > 0


class CountsTheDead(Faultless):
    async def revoke_all(self, user_id: UserId, reason: RevocationReason, *, keep: SessionId | None = None) -> int:
        await super().revoke_all(user_id, reason, keep=keep)
        return sum(session.user_id == user_id and session.id != keep for session in self.everything)


class KeepsNothing(Faultless):
    async def revoke_all(self, user_id: UserId, reason: RevocationReason, *, keep: SessionId | None = None) -> int:
        return await super().revoke_all(user_id, reason) - (keep is not None)


class KeepsTheNewestIfNotTold(Faultless):
    async def revoke_all(self, user_id: UserId, reason: RevocationReason, *, keep: SessionId | None = None) -> int:
        live = await self.list_live(user_id)
        own = keep is None or any(session.id == keep for session in live)
        return await super().revoke_all(user_id, reason, keep=keep if own else live[0].id)


class BarsTheUser(Faultless):
    async def list_live(self, user_id: UserId) -> tuple[Session, ...]:
        ended = any(session.user_id == user_id and session.revoked_at for session in self.everything)
        return () if ended else await super().list_live(user_id)
