"""A store without a fault, one whose storage is gone, and the harness of both."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NoReturn

from msgspec.structs import replace

from deeper_auth import (
    Clock,
    ManualClock,
    MemorySessionStore,
    Session,
    SessionStore,
)
from deeper_auth.conformance import Ability, Stage
from deeper_core import DatabaseUnavailable, SessionId


class Faultless(MemorySessionStore):
    """Keeps the contract; each mutant differs from it in one thing. Stores over the same ``sessions`` share them."""

    def __init__(self, clock: Clock, sessions: dict[SessionId, Session]) -> None:
        super().__init__(clock=clock)
        self._sessions = sessions

    @property
    def everything(self) -> tuple[Session, ...]:
        return tuple(self._sessions.values())

    def change(self, session_id: SessionId, **changes: object) -> Session:
        session = self._sessions[session_id] = replace(self._sessions[session_id], **changes)
        return session


class Unreachable:
    """A store whose storage does not answer."""

    def __init__(self, retry_after: float | None = 1.0) -> None:
        async def fail(*_: object, **__: object) -> NoReturn:
            raise DatabaseUnavailable(retry_after=retry_after)

        self.create = self.rotate = self.find_live = self.list_live = fail
        self.revoke = self.revoke_all = self.forget_ended = fail


class FaultyStage(Stage):
    def __init__(self, fault: type[Faultless], unreachable: SessionStore) -> None:
        self.clock = ManualClock()
        self.sessions: dict[SessionId, Session] = {}
        self.fault = fault
        self.none = unreachable
        super().__init__(fault(self.clock, self.sessions))

    async def advance(self, duration: timedelta) -> None:
        self.clock.advance(duration.total_seconds())

    @asynccontextmanager
    async def another(self) -> AsyncGenerator[SessionStore]:
        yield self.fault(self.clock, self.sessions)

    @asynccontextmanager
    async def unreachable(self) -> AsyncGenerator[SessionStore]:
        yield self.none


class FaultyHarness:
    """Can do everything."""

    def __init__(self, fault: type[Faultless], unreachable: SessionStore | None = None) -> None:
        self.without: dict[Ability, str] = {}
        self._fault = fault
        self._unreachable = unreachable or Unreachable()

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[Stage]:
        yield FaultyStage(self._fault, self._unreachable)
