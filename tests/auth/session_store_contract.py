"""What every `SessionStore` has to do. A store's test module subclasses `SessionStoreContract` and gives two fixtures:

- ``store``: an empty store;
- ``advance``: an async callable; ``await advance(seconds)`` makes the store believe that so many seconds went by (it
  moves the store's clock, or shifts every timestamp in its rows back);
- ``user_id`` and ``other_id`` may be overridden where users have to exist first.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from deeper_auth import NewSession, RefreshVerdict, RevocationReason, Rotation, Session, SessionPolicy, SessionStore
from deeper_core import SessionId, UserId, new_id

Advance = Callable[[float], Awaitable[None]]

POLICY = SessionPolicy(idle=timedelta(days=14), absolute=timedelta(days=30), grace=timedelta(seconds=10))
DAY = 86_400.0


def new_session(user_id: UserId) -> NewSession:
    return NewSession(id=SessionId(new_id()), user_id=user_id, user_agent="Firefox", ip_address="192.0.2.1")


def expect_live(session: Session | None) -> Session:
    assert session is not None
    return session


class SessionStoreContract:
    @pytest.fixture
    def store(self) -> SessionStore:
        raise NotImplementedError

    @pytest.fixture
    def advance(self) -> Advance:
        raise NotImplementedError

    @pytest.fixture
    def user_id(self) -> UserId:
        return UserId(new_id())

    @pytest.fixture
    def other_id(self) -> UserId:
        return UserId(new_id())

    # Creating and finding

    async def test_a_new_session_is_live_and_keeps_what_it_was_given(self, store, user_id):
        new = new_session(user_id)
        session = await store.create(new, POLICY)
        assert (session.id, session.user_id, session.generation) == (new.id, user_id, 0)
        assert (session.user_agent, session.ip_address) == ("Firefox", "192.0.2.1")
        assert (session.revoked_at, session.revoke_reason) == (None, None)
        assert session.created_at == session.rotated_at
        assert session.expires_at - session.created_at == POLICY.idle
        assert await store.find_live(new.id) == session

    async def test_times_know_their_time_zone(self, store, user_id):
        session = await store.create(new_session(user_id), POLICY)
        assert session.created_at.utcoffset() is not None
        assert session.expires_at.utcoffset() is not None

    async def test_a_session_may_know_nothing_of_its_client(self, store, user_id):
        session = await store.create(NewSession(id=SessionId(new_id()), user_id=user_id), POLICY)
        assert (session.user_agent, session.ip_address) == (None, None)

    async def test_an_unknown_session_is_not_found(self, store):
        assert await store.find_live(SessionId(new_id())) is None

    async def test_the_absolute_limit_wins_over_a_longer_idle_limit_from_the_start(self, store, user_id):
        policy = SessionPolicy(idle=timedelta(days=60), absolute=timedelta(days=30))
        session = await store.create(new_session(user_id), policy)
        assert session.expires_at - session.created_at == timedelta(days=30)

    # Rotating

    async def test_the_current_generation_rotates(self, store, advance, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await advance(60)
        rotation = await store.rotate(session.id, 0, POLICY)
        after = expect_live(rotation.session)
        assert rotation.verdict is RefreshVerdict.ROTATE
        assert after.generation == 1
        assert after.rotated_at > after.created_at
        assert after.expires_at - after.rotated_at == POLICY.idle
        assert await store.find_live(session.id) == after

    async def test_the_previous_generation_within_grace_changes_nothing(self, store, advance, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await store.rotate(session.id, 0, POLICY)
        await advance(5)
        before = await store.find_live(session.id)
        rotation = await store.rotate(session.id, 0, POLICY)
        assert rotation == Rotation(verdict=RefreshVerdict.GRACE, session=before)
        assert await store.find_live(session.id) == before

    async def test_a_refresh_within_grace_does_not_prolong_the_grace(self, store, advance, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await store.rotate(session.id, 0, POLICY)
        await advance(6)
        assert (await store.rotate(session.id, 0, POLICY)).verdict is RefreshVerdict.GRACE
        await advance(6)
        assert (await store.rotate(session.id, 0, POLICY)).verdict is RefreshVerdict.REUSE

    async def test_the_previous_generation_after_grace_kills_the_session(self, store, advance, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await store.rotate(session.id, 0, POLICY)
        await advance(11)
        rotation = await store.rotate(session.id, 0, POLICY)
        after = expect_live(rotation.session)
        assert rotation.verdict is RefreshVerdict.REUSE
        assert after.revoke_reason is RevocationReason.REUSE
        assert after.revoked_at is not None
        assert await store.find_live(session.id) is None

    async def test_an_older_generation_kills_the_session_even_within_grace(self, store, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await store.rotate(session.id, 0, POLICY)
        await store.rotate(session.id, 1, POLICY)
        assert (await store.rotate(session.id, 0, POLICY)).verdict is RefreshVerdict.REUSE
        assert await store.find_live(session.id) is None

    async def test_after_reuse_no_generation_of_the_session_works(self, store, user_id):
        session = await store.create(new_session(user_id), POLICY)
        for generation in (0, 1, 2, 0):
            await store.rotate(session.id, generation, POLICY)
        for generation in range(5):
            assert (await store.rotate(session.id, generation, POLICY)).verdict is RefreshVerdict.REVOKED

    async def test_a_newer_generation_is_forged_and_changes_nothing(self, store, user_id):
        session = await store.create(new_session(user_id), POLICY)
        rotation = await store.rotate(session.id, 1, POLICY)
        assert rotation == Rotation(verdict=RefreshVerdict.FORGED, session=session)
        assert await store.find_live(session.id) == session

    async def test_a_generation_too_great_for_any_column_is_forged(self, store, user_id):
        session = await store.create(new_session(user_id), POLICY)
        assert (await store.rotate(session.id, 2**63 - 1, POLICY)).verdict is RefreshVerdict.FORGED

    async def test_an_unknown_session_is_forged(self, store):
        assert await store.rotate(SessionId(new_id()), 0, POLICY) == Rotation(
            verdict=RefreshVerdict.FORGED, session=None
        )

    async def test_fifty_refreshes_at_once_rotate_once_and_agree_on_the_successor(self, store, user_id):
        session = await store.create(new_session(user_id), POLICY)
        rotations = await asyncio.gather(*(store.rotate(session.id, 0, POLICY) for _ in range(50)))
        verdicts = sorted(rotation.verdict for rotation in rotations)
        assert verdicts == [RefreshVerdict.GRACE] * 49 + [RefreshVerdict.ROTATE]
        assert {expect_live(rotation.session).generation for rotation in rotations} == {1}
        assert expect_live(await store.find_live(session.id)).generation == 1

    # Ending by time

    async def test_an_idle_session_expires(self, store, advance, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await advance(14 * DAY - 60)
        assert await store.find_live(session.id) is not None
        await advance(61)
        assert await store.find_live(session.id) is None
        assert (await store.rotate(session.id, 0, POLICY)).verdict is RefreshVerdict.EXPIRED

    async def test_refreshing_keeps_an_idle_session_alive(self, store, advance, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await advance(13 * DAY)
        await store.rotate(session.id, 0, POLICY)
        await advance(13 * DAY)
        assert (await store.rotate(session.id, 1, POLICY)).verdict is RefreshVerdict.ROTATE

    async def test_refreshing_never_extends_the_absolute_lifetime(self, store, advance, user_id):
        session = await store.create(new_session(user_id), POLICY)
        for generation in range(2):
            await advance(13 * DAY)
            await store.rotate(session.id, generation, POLICY)
        after = expect_live(await store.find_live(session.id))
        assert after.expires_at - after.created_at == POLICY.absolute
        await advance(4 * DAY + 60)
        assert await store.find_live(session.id) is None
        assert (await store.rotate(session.id, 2, POLICY)).verdict is RefreshVerdict.EXPIRED

    async def test_an_old_generation_of_an_expired_session_is_expired_and_not_reuse(self, store, advance, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await store.rotate(session.id, 0, POLICY)
        await store.rotate(session.id, 1, POLICY)
        await advance(15 * DAY)
        rotation = await store.rotate(session.id, 0, POLICY)
        assert rotation.verdict is RefreshVerdict.EXPIRED
        assert expect_live(rotation.session).revoked_at is None

    # Ending on purpose

    async def test_a_revoked_session_is_dead_for_good(self, store, user_id):
        session = await store.create(new_session(user_id), POLICY)
        assert await store.revoke(session.id, user_id, RevocationReason.LOGOUT)
        assert await store.find_live(session.id) is None
        rotation = await store.rotate(session.id, 0, POLICY)
        assert rotation.verdict is RefreshVerdict.REVOKED
        assert expect_live(rotation.session).revoke_reason is RevocationReason.LOGOUT

    async def test_a_grace_token_dies_with_its_session(self, store, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await store.rotate(session.id, 0, POLICY)
        await store.revoke(session.id, user_id, RevocationReason.LOGOUT)
        assert (await store.rotate(session.id, 0, POLICY)).verdict is RefreshVerdict.REVOKED

    async def test_revoking_twice_keeps_the_first_reason(self, store, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await store.revoke(session.id, user_id, RevocationReason.LOGOUT)
        assert not await store.revoke(session.id, user_id, RevocationReason.ACCOUNT_DISABLED)
        rotation = await store.rotate(session.id, 0, POLICY)
        assert expect_live(rotation.session).revoke_reason is RevocationReason.LOGOUT

    async def test_nobody_can_revoke_the_session_of_another(self, store, user_id, other_id):
        session = await store.create(new_session(user_id), POLICY)
        assert not await store.revoke(session.id, other_id, RevocationReason.LOGOUT)
        assert await store.find_live(session.id) == session

    async def test_an_unknown_session_cannot_be_revoked(self, store, user_id):
        assert not await store.revoke(SessionId(new_id()), user_id, RevocationReason.LOGOUT)

    async def test_an_expired_session_cannot_be_revoked(self, store, advance, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await advance(15 * DAY)
        assert not await store.revoke(session.id, user_id, RevocationReason.LOGOUT)

    async def test_revoking_all_ends_every_session_of_the_user_only(self, store, user_id, other_id):
        mine = [await store.create(new_session(user_id), POLICY) for _ in range(3)]
        theirs = await store.create(new_session(other_id), POLICY)
        assert await store.revoke_all(user_id, RevocationReason.PASSWORD_CHANGED) == 3
        assert [await store.find_live(session.id) for session in mine] == [None] * 3
        assert await store.find_live(theirs.id) == theirs

    async def test_revoking_the_others_keeps_one(self, store, user_id):
        first, second, third = [await store.create(new_session(user_id), POLICY) for _ in range(3)]
        assert await store.revoke_all(user_id, RevocationReason.LOGOUT_EVERYWHERE, keep=second.id) == 2
        assert await store.list_live(user_id) == (second,)
        assert await store.find_live(first.id) is None
        assert await store.find_live(third.id) is None

    async def test_revoking_all_counts_only_those_that_were_live(self, store, user_id):
        session = await store.create(new_session(user_id), POLICY)
        await store.revoke(session.id, user_id, RevocationReason.LOGOUT)
        assert await store.revoke_all(user_id, RevocationReason.LOGOUT_EVERYWHERE) == 0

    async def test_a_refresh_racing_a_revocation_never_leaves_a_live_session(self, store, user_id):
        async def race() -> bool:
            session = await store.create(new_session(user_id), POLICY)
            await asyncio.gather(
                store.rotate(session.id, 0, POLICY),
                store.revoke(session.id, user_id, RevocationReason.LOGOUT),
                store.rotate(session.id, 0, POLICY),
            )
            verdicts = [(await store.rotate(session.id, generation, POLICY)).verdict for generation in (0, 1)]
            return await store.find_live(session.id) is None and verdicts == [RefreshVerdict.REVOKED] * 2

        assert all([await race() for _ in range(50)])

    # Listing and forgetting

    async def test_live_sessions_are_listed_newest_first(self, store, advance, user_id, other_id):
        sessions = []
        for _ in range(3):
            sessions.append(await store.create(new_session(user_id), POLICY))
            await advance(1)
        await store.create(new_session(other_id), POLICY)
        await store.revoke(sessions[1].id, user_id, RevocationReason.LOGOUT)
        assert [session.id for session in await store.list_live(user_id)] == [sessions[2].id, sessions[0].id]

    async def test_expired_sessions_are_not_listed(self, store, advance, user_id):
        await store.create(new_session(user_id), POLICY)
        await advance(15 * DAY)
        assert await store.list_live(user_id) == ()

    async def test_ended_sessions_are_forgotten_when_they_are_old_enough(self, store, advance, user_id):
        live, revoked = [await store.create(new_session(user_id), POLICY) for _ in range(2)]
        await store.revoke(revoked.id, user_id, RevocationReason.LOGOUT)
        await advance(DAY)
        assert await store.forget_ended(timedelta(days=2)) == 0
        await advance(DAY + 60)
        assert await store.forget_ended(timedelta(days=2)) == 1
        assert (await store.rotate(revoked.id, 0, POLICY)) == Rotation(verdict=RefreshVerdict.FORGED, session=None)
        assert await store.find_live(live.id) is not None

    async def test_sessions_that_ran_out_are_forgotten_too(self, store, advance, user_id):
        await store.create(new_session(user_id), POLICY)
        await advance(20 * DAY)
        assert await store.forget_ended(timedelta(days=7)) == 0
        await advance(2 * DAY)
        assert await store.forget_ended(timedelta(days=7)) == 1
