"""Whether a session stands is remembered for five seconds, and not when it has just ended here."""

import pytest

from deeper_api.accounts.standings import Standings
from deeper_api.store.sessions import Standing
from deeper_core import DatabaseUnavailable, Role, SessionId, UserId, new_id

USER = UserId(new_id())
STANDING = Standing(user_id=USER, role=Role.USER)


class Store:
    """A store that says what it is told to, and counts how often it is asked."""

    def __init__(self) -> None:
        self.answer: Standing | Exception | None = STANDING
        self.asked = 0

    async def standing(self, session_id: SessionId) -> Standing | None:  # noqa: ARG002  - the signature of a store
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def standings(store: Store, clock: Clock) -> Standings:
    return Standings(store, clock=clock)  # type: ignore[arg-type]


SESSION = SessionId(new_id())


async def test_a_standing_is_asked_for_once_in_five_seconds(standings: Standings, store: Store, clock: Clock):
    assert [await standings.find(SESSION) for _ in range(3)] == [STANDING] * 3
    clock.now += 4.9
    await standings.find(SESSION)
    assert store.asked == 1
    clock.now += 0.1
    await standings.find(SESSION)
    assert store.asked == 2


async def test_asking_does_not_prolong_the_five_seconds(standings: Standings, store: Store, clock: Clock):
    for _ in range(6):
        await standings.find(SESSION)
        store.answer = None
        clock.now += 1
    assert await standings.find(SESSION) is None


async def test_that_a_session_has_ended_is_not_remembered(standings: Standings, store: Store):
    store.answer = None
    assert await standings.find(SESSION) is None
    store.answer = STANDING
    assert await standings.find(SESSION) == STANDING


async def test_what_this_process_ends_is_forgotten_at_once_for_that_user_only(standings: Standings, store: Store):
    mine, theirs = SessionId(new_id()), SessionId(new_id())
    await standings.find(mine)
    store.answer = Standing(user_id=UserId(new_id()), role=Role.USER)
    await standings.find(theirs)
    store.answer = None
    standings.forget(USER)
    assert await standings.find(mine) is None
    assert await standings.find(theirs) is not None


async def test_a_database_that_is_gone_matters_only_when_nothing_is_remembered(
    standings: Standings, store: Store, clock: Clock
):
    await standings.find(SESSION)
    store.answer = DatabaseUnavailable()
    assert await standings.find(SESSION) == STANDING
    clock.now += 5
    with pytest.raises(DatabaseUnavailable):
        await standings.find(SESSION)


async def test_no_more_than_ten_thousand_are_remembered(standings: Standings, store: Store):
    sessions = [SessionId(new_id()) for _ in range(10_001)]
    for session in sessions:
        await standings.find(session)
    await standings.find(sessions[-1])
    assert store.asked == 10_001
    await standings.find(sessions[0])
    assert store.asked == 10_002
