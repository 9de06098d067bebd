"""Cases: sessions end by time, and are forgotten when they may be."""

from datetime import timedelta

from deeper_auth.conformance.cases import Case, case, expect_same, present
from deeper_auth.conformance.harnesses import POLICY, Ability, Stage, new_session
from deeper_auth.conformance.refreshing import expect_verdict, open_session
from deeper_auth.refresh_tokens import RefreshVerdict
from deeper_auth.session_stores import Rotation
from deeper_auth.sessions import RevocationReason

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_FORGOTTEN = Rotation(verdict=RefreshVerdict.FORGED, session=None)


async def an_idle_session_expires(stage: Stage) -> None:
    """It is gone for every question, and its refresh token is EXPIRED."""
    session = await open_session(stage)
    await stage.advance(POLICY.idle - _MINUTE)
    present(await stage.store.find_live(session.id), "a session within its idle limit")
    await stage.advance(2 * _MINUTE)
    expect_same(await stage.store.find_live(session.id), None, "an expired session")
    expect_same(await stage.store.list_live(session.user_id), (), "the list")
    after = await expect_verdict(stage, session, 0, RefreshVerdict.EXPIRED)
    expect_same((after.generation, after.revoked_at), (0, None), "an expired session after a refresh")


async def refreshing_keeps_a_session_alive(stage: Stage) -> None:
    """The idle limit counts from the latest refresh."""
    session = await open_session(stage)
    for generation in range(2):
        await stage.advance(POLICY.idle - _DAY)
        await expect_verdict(stage, session, generation, RefreshVerdict.ROTATE)


async def the_absolute_limit_ends_a_session_in_use(stage: Stage) -> None:
    """However often it is refreshed."""
    session = await open_session(stage)
    await stage.advance(13 * _DAY)
    await expect_verdict(stage, session, 0, RefreshVerdict.ROTATE)
    await stage.advance(13 * _DAY)
    after = await expect_verdict(stage, session, 1, RefreshVerdict.ROTATE)
    expect_same(after.expires_at - after.created_at, POLICY.absolute, "the whole life of a session")
    await stage.advance(4 * _DAY + _MINUTE)
    expect_same(await stage.store.find_live(session.id), None, "a session past its absolute limit")
    await expect_verdict(stage, session, 2, RefreshVerdict.EXPIRED)


async def an_old_generation_of_an_expired_session_is_no_reuse(stage: Stage) -> None:
    """What is over anyhow raises no alarm."""
    session = await open_session(stage, 2)
    await stage.advance(POLICY.idle + _MINUTE)
    after = await expect_verdict(stage, session, 0, RefreshVerdict.EXPIRED)
    expect_same(after.revoked_at, None, "the end of a session that ran out")


async def an_expired_session_cannot_be_revoked(stage: Stage) -> None:
    """Neither alone nor with all others; it ended before."""
    session = await open_session(stage)
    await stage.advance(POLICY.idle + _MINUTE)
    expect_same(await stage.store.revoke(session.id, session.user_id, RevocationReason.LOGOUT), False, "revoking it")
    expect_same(await stage.store.revoke_all(session.user_id, RevocationReason.LOGOUT), 0, "revoking all")
    after = await expect_verdict(stage, session, 0, RefreshVerdict.EXPIRED)
    expect_same(after.revoke_reason, None, "the reason of an end by time")


async def live_sessions_are_never_forgotten(stage: Stage) -> None:
    """Whatever their age is, and however long ago they were refreshed."""
    session = await open_session(stage)
    await stage.advance(POLICY.idle - _DAY)
    await expect_verdict(stage, session, 0, RefreshVerdict.ROTATE)
    await stage.advance(POLICY.idle - _DAY)
    expect_same(await stage.store.forget_ended(timedelta(0)), 0, "how many were forgotten")
    await expect_verdict(stage, session, 1, RefreshVerdict.ROTATE)


async def a_revoked_session_is_forgotten_when_it_is_old_enough(stage: Stage) -> None:
    """Its age counts from its end, and until then it is known as revoked."""
    user_id = await stage.new_user()
    revoked, live = [await stage.store.create(new_session(user_id), POLICY) for _ in range(2)]
    await stage.advance(3 * _DAY)
    await stage.store.revoke(revoked.id, user_id, RevocationReason.LOGOUT)
    await stage.advance(2 * _DAY - _MINUTE)
    expect_same(await stage.store.forget_ended(2 * _DAY), 0, "how many were forgotten too early")
    await expect_verdict(stage, revoked, 0, RefreshVerdict.REVOKED)
    await stage.advance(2 * _MINUTE)
    expect_same(await stage.store.forget_ended(2 * _DAY), 1, "how many were forgotten")
    expect_same(await stage.store.rotate(revoked.id, 0, POLICY), _FORGOTTEN, "a forgotten session")
    await expect_verdict(stage, live, 0, RefreshVerdict.ROTATE)


async def a_session_that_ran_out_is_forgotten_when_it_is_old_enough(stage: Stage) -> None:
    """Its age counts from when it ran out, and until then it is known as expired."""
    session = await open_session(stage)
    await stage.advance(POLICY.idle + 2 * _DAY - _MINUTE)
    expect_same(await stage.store.forget_ended(2 * _DAY), 0, "how many were forgotten too early")
    await expect_verdict(stage, session, 0, RefreshVerdict.EXPIRED)
    await stage.advance(2 * _MINUTE)
    expect_same(await stage.store.forget_ended(2 * _DAY), 1, "how many were forgotten")
    expect_same(await stage.store.rotate(session.id, 0, POLICY), _FORGOTTEN, "a forgotten session")


async def what_is_forgotten_is_counted_once(stage: Stage) -> None:
    """With an age of zero everything that has ended goes, and a second time there is nothing left."""
    user_id = await stage.new_user()
    for _ in range(5):
        await stage.store.create(new_session(user_id), POLICY)
    await stage.store.revoke_all(user_id, RevocationReason.LOGOUT)
    live = await stage.store.create(new_session(user_id), POLICY)
    expect_same(await stage.store.forget_ended(_DAY), 0, "how many were forgotten too early")
    expect_same(await stage.store.forget_ended(timedelta(0)), 5, "how many were forgotten")
    expect_same(await stage.store.forget_ended(timedelta(0)), 0, "how many were forgotten a second time")
    expect_same(await stage.store.list_live(user_id), (live,), "the list")


EXPIRING: tuple[Case, ...] = (
    case(an_idle_session_expires, Ability.TIME),
    case(refreshing_keeps_a_session_alive, Ability.TIME),
    case(the_absolute_limit_ends_a_session_in_use, Ability.TIME),
    case(an_old_generation_of_an_expired_session_is_no_reuse, Ability.TIME),
    case(an_expired_session_cannot_be_revoked, Ability.TIME),
    case(live_sessions_are_never_forgotten, Ability.TIME),
    case(a_revoked_session_is_forgotten_when_it_is_old_enough, Ability.TIME),
    case(a_session_that_ran_out_is_forgotten_when_it_is_old_enough, Ability.TIME),
    case(what_is_forgotten_is_counted_once),
)
