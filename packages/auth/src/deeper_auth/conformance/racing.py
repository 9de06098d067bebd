"""Cases: many things at once. No update is lost, whichever comes first."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Final

from deeper_auth.conformance.cases import Case, case, expect, expect_same, present
from deeper_auth.conformance.harnesses import POLICY, Ability, Stage, new_session
from deeper_auth.conformance.refreshing import expect_verdict, open_session
from deeper_auth.refresh_tokens import RefreshVerdict
from deeper_auth.session_stores import Rotation, SessionStore
from deeper_auth.sessions import RevocationReason, Session

_CROWD: Final = 50  # callers at once
_TIMES: Final = 20  # how often a race is run whose winner is chance
_WHOLE: Final = frozenset({RefreshVerdict.ROTATE, RefreshVerdict.GRACE})


async def _refresh_at_once(stores: Sequence[SessionStore], session: Session, generation: int) -> list[Rotation]:
    calls = (stores[place % len(stores)].rotate(session.id, generation, POLICY) for place in range(_CROWD))
    return await asyncio.gather(*calls)


def _expect_one_successor(rotations: Sequence[Rotation], generation: int) -> None:
    verdicts = Counter(rotation.verdict for rotation in rotations)
    expected = Counter({RefreshVerdict.ROTATE: 1, RefreshVerdict.GRACE: _CROWD - 1})
    expect_same(verdicts, expected, f"the verdicts on {_CROWD} refreshes at once")
    found = {present(rotation.session, "a refreshed session").generation for rotation in rotations}
    expect_same(found, {generation}, "the generations that were given out")


async def refreshes_at_once_rotate_once(stage: Stage) -> None:
    """One of them rotates, and all others get the same successor."""
    session = await open_session(stage)
    for generation in range(3):
        _expect_one_successor(await _refresh_at_once([stage.store], session, generation), generation + 1)
    expect_same(present(await stage.store.find_live(session.id), "it").generation, 3, "the generation that is kept")


async def refreshes_at_once_of_two_processes_rotate_once(stage: Stage) -> None:
    """A lock inside one process is not enough."""
    session = await open_session(stage)
    async with stage.another() as other:
        for generation in range(_TIMES):
            found = await _refresh_at_once([stage.store, other], session, generation)
            _expect_one_successor(found, generation + 1)
        expect_same(await other.find_live(session.id), await stage.store.find_live(session.id), "what the other finds")


async def what_one_process_ends_is_over_for_another(stage: Stage) -> None:
    """A store keeps nothing of its own in memory that another could have changed."""
    session = await open_session(stage)
    async with stage.another() as other:
        expect_same(await other.find_live(session.id), session, "what the other finds")
        await other.revoke(session.id, session.user_id, RevocationReason.LOGOUT)
        expect_same(await stage.store.find_live(session.id), None, "a session that another process ended")
        await expect_verdict(stage, session, 0, RefreshVerdict.REVOKED)


async def reuse_at_once_is_told_once(stage: Stage) -> None:
    """Of many that present an old token one finds the reuse; for the others the session is over."""
    session = await open_session(stage, 2)
    verdicts = Counter(rotation.verdict for rotation in await _refresh_at_once([stage.store], session, 0))
    expected = Counter({RefreshVerdict.REUSE: 1, RefreshVerdict.REVOKED: _CROWD - 1})
    expect_same(verdicts, expected, f"the verdicts on {_CROWD} reuses at once")


async def a_reuse_is_not_lost_to_a_refresh(stage: Stage) -> None:
    """A thief and the owner at the same moment: the session is over, whoever comes first."""
    for _ in range(_TIMES):
        session = await open_session(stage, 2)
        await _at_once(
            stage.store.rotate(session.id, 2, POLICY),
            stage.store.rotate(session.id, 0, POLICY),
            stage.store.rotate(session.id, 2, POLICY),
        )
        expect_same(await stage.store.find_live(session.id), None, "a session after reuse")
        await expect_verdict(stage, session, 3, RefreshVerdict.REVOKED)


async def signing_out_is_not_lost_to_a_refresh(stage: Stage) -> None:
    """After a session was revoked nothing of it lives, however many refreshes were on their way."""
    for _ in range(_TIMES):
        session = await open_session(stage)
        await _at_once(
            stage.store.rotate(session.id, 0, POLICY),
            stage.store.revoke(session.id, session.user_id, RevocationReason.LOGOUT),
            stage.store.rotate(session.id, 0, POLICY),
        )
        await _expect_over(stage, session)


async def ending_all_is_not_lost_to_refreshes(stage: Stage) -> None:
    """A password is changed while every device refreshes."""
    for _ in range(_TIMES):
        user_id = await stage.new_user()
        sessions = [await stage.store.create(new_session(user_id), POLICY) for _ in range(3)]
        await _at_once(
            *(stage.store.rotate(session.id, 0, POLICY) for session in sessions),
            stage.store.revoke_all(user_id, RevocationReason.PASSWORD_CHANGED),
            *(stage.store.rotate(session.id, 0, POLICY) for session in sessions),
        )
        for session in sessions:
            await _expect_over(stage, session)


async def ending_at_once_counts_once(stage: Stage) -> None:
    """Each session has one end, and one caller who is told of it."""
    session = await open_session(stage)
    user_id = session.user_id
    ends = await asyncio.gather(
        *(stage.store.revoke(session.id, user_id, RevocationReason.LOGOUT) for _ in range(_CROWD))
    )
    expect_same(sum(ends), 1, "how many were told that they ended the session")
    for _ in range(3):
        await stage.store.create(new_session(user_id), POLICY)
    counts = await asyncio.gather(
        *(stage.store.revoke_all(user_id, RevocationReason.LOGOUT_EVERYWHERE) for _ in range(10))
    )
    expect_same(sum(counts), 3, "how many sessions were ended by all callers together")


async def sessions_at_once_do_not_disturb_each_other(stage: Stage) -> None:
    """Many people sign in and refresh at the same time."""
    users = [await stage.new_user() for _ in range(5)]
    created = (stage.store.create(new_session(users[place % 5]), POLICY) for place in range(_CROWD))
    sessions = await asyncio.gather(*created)
    rotations = await asyncio.gather(*(stage.store.rotate(session.id, 0, POLICY) for session in sessions))
    verdicts = {rotation.verdict for rotation in rotations}
    expect_same(verdicts, {RefreshVerdict.ROTATE}, "the verdicts on different sessions")
    listed = [await stage.store.list_live(user_id) for user_id in users]
    expect_same([len(sessions) for sessions in listed], [_CROWD // 5] * 5, "how many sessions each user has")
    expect_same({session.generation for sessions in listed for session in sessions}, {1}, "the generations")


async def a_refresh_that_is_cancelled_is_whole(stage: Stage) -> None:
    """It happened or it did not, and nothing that it held stays held."""
    user_id = await stage.new_user()
    for turns in range(_CROWD):
        session = await stage.store.create(new_session(user_id), POLICY)
        task = asyncio.ensure_future(stage.store.rotate(session.id, 0, POLICY))
        for _ in range(turns % 10):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        # The step may still be on its way to the storage, though its caller has gone.
        rotation = await stage.store.rotate(session.id, 0, POLICY)
        expect(rotation.verdict in _WHOLE, f"after a refresh that was cancelled, the next gets {rotation.verdict!r}")
        after = present(rotation.session, "a refreshed session")
        expect_same(after.generation, 1, "the generation after a refresh that was cancelled")
        expect_same(after.expires_at - after.rotated_at, POLICY.idle, "the life of a refreshed session")


async def _at_once(*calls: Awaitable[object]) -> None:
    await asyncio.gather(*calls)


async def _expect_over(stage: Stage, session: Session) -> None:
    expect_same(await stage.store.find_live(session.id), None, "a session that was ended")
    for generation in (0, 1):
        await expect_verdict(stage, session, generation, RefreshVerdict.REVOKED)


RACING: tuple[Case, ...] = (
    case(refreshes_at_once_rotate_once),
    case(refreshes_at_once_of_two_processes_rotate_once, Ability.SHARING),
    case(what_one_process_ends_is_over_for_another, Ability.SHARING),
    case(reuse_at_once_is_told_once),
    case(a_reuse_is_not_lost_to_a_refresh),
    case(signing_out_is_not_lost_to_a_refresh),
    case(ending_all_is_not_lost_to_refreshes),
    case(ending_at_once_counts_once),
    case(sessions_at_once_do_not_disturb_each_other),
    case(a_refresh_that_is_cancelled_is_whole),
)
