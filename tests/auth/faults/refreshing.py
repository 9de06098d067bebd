"""Faults of refreshing, one at a time."""

from datetime import timedelta

from msgspec.structs import replace

from deeper_auth import (
    NewSession,
    RefreshVerdict,
    RevocationReason,
    Rotation,
    SessionPolicy,
)
from deeper_core import SessionId, UserId, new_id
from tests.auth.faults.stores import Faultless


class ForgetsTheClient(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        rotation = await super().rotate(session_id, generation, policy)
        if rotation.session is None:
            return rotation
        return Rotation(verdict=rotation.verdict, session=self.change(session_id, user_agent=None))


class ReturnsWhatWasBefore(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        before = self._sessions.get(session_id)
        rotation = await super().rotate(session_id, generation, policy)
        if rotation.verdict is not RefreshVerdict.ROTATE:
            return rotation
        return Rotation(verdict=rotation.verdict, session=before)


class ReturnsTheVerdictOnly(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        rotation = await super().rotate(session_id, generation, policy)
        return Rotation(verdict=rotation.verdict, session=None)


class RotatesByOnePolicy(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        return await super().rotate(session_id, generation, SessionPolicy(grace=policy.grace))


class ForgetsTheAbsoluteLimit(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        rotation = await super().rotate(session_id, generation, policy)
        if rotation.verdict is not RefreshVerdict.ROTATE:
            return rotation
        return Rotation(
            verdict=rotation.verdict, session=self.change(session_id, expires_at=self._clock() + policy.idle)
        )


class ProlongsTheGrace(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        rotation = await super().rotate(session_id, generation, policy)
        if rotation.verdict is RefreshVerdict.GRACE:
            self.change(session_id, rotated_at=self._clock())
        return rotation


class CountsUpWithinGrace(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        rotation = await super().rotate(session_id, generation, policy)
        if rotation.session is None or rotation.verdict is not RefreshVerdict.GRACE:
            return rotation
        session = self.change(session_id, generation=rotation.session.generation + 1)
        return Rotation(verdict=rotation.verdict, session=session)


class EndsTheSuccessorWithinGrace(Faultless):
    """Takes a second use of a token for the last one: the successor is not rotated any more."""

    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        current = self._sessions.get(session_id)
        if current is not None and current.user_agent == "seen":
            return Rotation(verdict=RefreshVerdict.GRACE, session=current)
        rotation = await super().rotate(session_id, generation, policy)
        if rotation.verdict is RefreshVerdict.GRACE:
            self.change(session_id, user_agent="seen")
        return rotation


class GraceOfItsOwn(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        return await super().rotate(session_id, generation, replace(policy, grace=timedelta(seconds=10)))


class ToleratesReuse(Faultless):
    """Says that it was reuse, and does nothing."""

    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        before = self._sessions.get(session_id)
        rotation = await super().rotate(session_id, generation, policy)
        if before is not None and rotation.verdict is RefreshVerdict.REUSE:
            self._sessions[session_id] = before
        return rotation


class CallsEveryEndALogout(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        rotation = await super().rotate(session_id, generation, policy)
        if rotation.verdict is not RefreshVerdict.REVOKED:
            return rotation
        return Rotation(
            verdict=rotation.verdict, session=self.change(session_id, revoke_reason=RevocationReason.LOGOUT)
        )


class EndsEverythingOnReuse(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        rotation = await super().rotate(session_id, generation, policy)
        if rotation.session is not None and rotation.verdict is RefreshVerdict.REUSE:
            await super().revoke_all(rotation.session.user_id, RevocationReason.REUSE)
        return rotation


class TakesNewerForOlder(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        rotation = await super().rotate(session_id, generation, policy)
        if rotation.session is None or rotation.verdict is not RefreshVerdict.FORGED:
            return rotation
        session = self.change(session_id, revoked_at=self._clock(), revoke_reason=RevocationReason.REUSE)
        return Rotation(verdict=RefreshVerdict.REUSE, session=session)


class Has63Bits(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        generation.to_bytes(8, signed=True)  # OverflowError
        return await super().rotate(session_id, generation, policy)


class CreatesWhatItDoesNotKnow(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        if session_id not in self._sessions:
            await super().create(NewSession(id=session_id, user_id=UserId(new_id())), policy)
        return await super().rotate(session_id, generation, policy)


class DatesRefreshesBack(Faultless):
    async def rotate(self, session_id: SessionId, generation: int, policy: SessionPolicy) -> Rotation:
        rotation = await super().rotate(session_id, generation, policy)
        if rotation.session is None or rotation.verdict is not RefreshVerdict.ROTATE:
            return rotation
        session = self.change(session_id, rotated_at=rotation.session.created_at)
        return Rotation(verdict=rotation.verdict, session=session)


class DatesEndsBack(Faultless):
    async def revoke(self, session_id: SessionId, user_id: UserId, reason: RevocationReason) -> bool:
        done = await super().revoke(session_id, user_id, reason)
        if done:
            self.change(session_id, revoked_at=self._sessions[session_id].created_at)
        return done
