"""What the suite needs to know of a store: how to make one, how time goes by for it, and how it fails."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from deeper_auth.clocks import Clock, ManualClock
from deeper_auth.session_stores import NewSession, SessionStore
from deeper_auth.sessions import SessionPolicy
from deeper_core.ids import SessionId, UserId, new_id

POLICY: Final = SessionPolicy(idle=timedelta(days=14), absolute=timedelta(days=30), grace=timedelta(seconds=10))
"""The policy of cases that are not about another one."""


class Ability(StrEnum):
    """What a harness may be unable to do, and then has to say so in ``without``."""

    TIME = "let time go by for the store"
    SHARING = "open the same sessions a second time, as another process would"
    FAILURE = "make a store whose storage cannot be reached"


class Stage:
    """An empty ``store``, and what can be done around it. Derive from this and override what your store can do."""

    def __init__(self, store: SessionStore) -> None:
        self.store = store

    async def new_user(self) -> UserId:
        """Return a user who may have sessions; to be overridden where users have to exist first."""
        return UserId(new_id())

    async def advance(self, duration: timedelta) -> None:
        """Let time go by for the store: move its clock, or every time in its rows into the past. `Ability.TIME`."""
        raise _undeclared(Ability.TIME, duration)

    def another(self) -> AbstractAsyncContextManager[SessionStore]:
        """Make a second store over the same sessions, with connections and locks of its own. `Ability.SHARING`."""
        raise _undeclared(Ability.SHARING)

    def unreachable(self) -> AbstractAsyncContextManager[SessionStore]:
        """Make a store of this kind whose storage does not answer. `Ability.FAILURE`."""
        raise _undeclared(Ability.FAILURE)


class Harness(Protocol):
    """What somebody who runs the suite supplies; a `ClockHarness` does for stores that are given a clock.

    ``without`` says what cannot be done and why. Cases that need it are not collected.
    """

    @property
    def without(self) -> Mapping[Ability, str]:
        """What cannot be tested, and why."""
        ...

    def stage(self) -> AbstractAsyncContextManager[Stage]:
        """Make an empty store; leaving the context closes whatever it holds. Entered once for each case."""
        ...


class _ClockStage(Stage):
    def __init__(self, store: SessionStore, clock: ManualClock) -> None:
        super().__init__(store)
        self._clock = clock

    async def advance(self, duration: timedelta) -> None:
        self._clock.advance(duration.total_seconds())


class ClockHarness(Struct, frozen=True):
    """The `Harness` of a store that lives in this process and goes by a clock that it is given.

    ``make`` returns a new, empty store. ``without`` names `Ability.SHARING` and `Ability.FAILURE`.
    """

    make: Callable[[Clock], SessionStore]
    without: Mapping[Ability, str]

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[Stage]:
        """Make a store, and a clock that stands still until a case moves it."""
        clock = ManualClock()
        yield _ClockStage(self.make(clock), clock)


def new_session(user_id: UserId, *, user_agent: str | None = "Firefox", ip_address: str | None = None) -> NewSession:
    """Return a sign-in of ``user_id`` for `SessionStore.create`."""
    return NewSession(id=SessionId(new_id()), user_id=user_id, user_agent=user_agent, ip_address=ip_address)


def _undeclared(ability: Ability, *_: object) -> AssertionError:
    return AssertionError(f"a harness that cannot {ability} declares Ability.{ability.name} in `without`")
