"""Faults of creating, finding and listing."""

# ruff: noqa: ARG002  - a fault is often what a method does not look at

from datetime import timedelta

from msgspec.structs import replace

from deeper_auth import (
    NewSession,
    RevocationReason,
    Session,
    SessionPolicy,
)
from deeper_core import SessionId, UserId
from tests.auth.faults.stores import Faultless


class BeginsAtOne(Faultless):
    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        return self.change((await super().create(new, policy)).id, generation=1)


class RoundsTimes(Faultless):
    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        session = await super().create(new, policy)
        self.change(session.id, created_at=session.created_at - timedelta(microseconds=250))
        return session


class CutsUserAgents(Faultless):
    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        return await super().create(replace(new, user_agent=new.user_agent and new.user_agent[:100]), policy)


class SaysUnknownForNone(Faultless):
    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        return await super().create(replace(new, ip_address=new.ip_address or "0.0.0.0"), policy)


class ForgetsTheZone(Faultless):
    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        session = await super().create(new, policy)
        return replace(session, created_at=session.created_at.replace(tzinfo=None))


class FindsAnything(Faultless):
    async def find_live(self, session_id: SessionId) -> Session | None:
        return await super().find_live(session_id) or self.everything[-1]


class KnowsOnePolicy(Faultless):
    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        return await super().create(new, SessionPolicy())


class OneSessionForEachUser(Faultless):
    async def create(self, new: NewSession, policy: SessionPolicy) -> Session:
        await super().revoke_all(new.user_id, RevocationReason.LOGOUT)
        return await super().create(new, policy)


class ListsEverybody(Faultless):
    async def list_live(self, user_id: UserId) -> tuple[Session, ...]:
        return self.everything


class ListsByUse(Faultless):
    async def list_live(self, user_id: UserId) -> tuple[Session, ...]:
        live = await super().list_live(user_id)
        return tuple(sorted(live, key=lambda session: session.rotated_at, reverse=True))


class ListsWhatEnded(Faultless):
    async def list_live(self, user_id: UserId) -> tuple[Session, ...]:
        return tuple(session for session in self.everything if session.user_id == user_id)
