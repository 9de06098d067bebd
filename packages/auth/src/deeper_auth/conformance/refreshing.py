"""Cases: what becomes of a session when a refresh token of some generation comes, one at a time."""

from datetime import timedelta

from deeper_auth.conformance.cases import Case, case, expect, expect_same, present
from deeper_auth.conformance.harnesses import POLICY, Ability, Stage, new_session
from deeper_auth.refresh_tokens import RefreshVerdict
from deeper_auth.session_stores import Rotation
from deeper_auth.sessions import RevocationReason, Session, SessionPolicy
from deeper_core.ids import SessionId, new_id

_SECOND = timedelta(seconds=1)


async def open_session(stage: Stage, generation: int = 0) -> Session:
    """Return a new session of somebody new, refreshed as often as ``generation`` says."""
    session = await stage.store.create(new_session(await stage.new_user()), POLICY)
    for current in range(generation):
        rotation = await stage.store.rotate(session.id, current, POLICY)
        expect_same(rotation.verdict, RefreshVerdict.ROTATE, f"the current generation {current}")
        session = present(rotation.session, "a refreshed session")
    return session


async def expect_verdict(stage: Stage, session: Session, generation: int, expected: RefreshVerdict) -> Session:
    """Return ``session`` after presenting ``generation``, which gets the verdict that is ``expected``."""
    rotation = await stage.store.rotate(session.id, generation, POLICY)
    expect_same(rotation.verdict, expected, f"the verdict on generation {generation}")
    return present(rotation.session, "a known session")


async def the_current_generation_rotates(stage: Stage) -> None:
    """ROTATE counts up by one, and keeps the rest of the session."""
    before = await open_session(stage)
    after = await expect_verdict(stage, before, 0, RefreshVerdict.ROTATE)
    expect_same(after.generation, 1, "the generation after the first refresh")
    expect_same(after.expires_at - after.rotated_at, POLICY.idle, "the life of a refreshed session")
    expect_same((after.id, after.user_id, after.created_at), (before.id, before.user_id, before.created_at), "the rest")
    expect_same((after.user_agent, after.ip_address), (before.user_agent, before.ip_address), "the client")
    expect_same((after.revoked_at, after.revoke_reason), (None, None), "the end of a live session")


async def what_a_rotation_returns_is_what_is_kept(stage: Stage) -> None:
    """The session that comes with the verdict is the one after the step."""
    session = await open_session(stage, 3)
    expect_same(await stage.store.find_live(session.id), session, "the session that is kept")
    expect_same(session.generation, 3, "the generation after three refreshes")


async def a_refresh_goes_by_the_policy_that_it_is_given(stage: Stage) -> None:
    """A policy that changed between two refreshes counts from the next one on."""
    session = await open_session(stage)
    for generation, hours in enumerate((1, 100)):
        policy = SessionPolicy(idle=timedelta(hours=hours), absolute=timedelta(days=30))
        after = present((await stage.store.rotate(session.id, generation, policy)).session, "a refreshed session")
        expect_same(after.expires_at - after.rotated_at, policy.idle, "the life of a refreshed session")


async def a_refresh_never_passes_the_absolute_limit(stage: Stage) -> None:
    """However long the idle limit is."""
    session = await open_session(stage)
    policy = SessionPolicy(idle=timedelta(days=60), absolute=timedelta(days=30))
    after = present((await stage.store.rotate(session.id, 0, policy)).session, "a refreshed session")
    expect_same(after.expires_at - after.created_at, policy.absolute, "the whole life of a session")


async def the_previous_generation_within_grace_changes_nothing(stage: Stage) -> None:
    """GRACE gives the session as it stands, so that its token is the same successor."""
    session = await open_session(stage, 2)
    for _ in range(3):
        found = await stage.store.rotate(session.id, 1, POLICY)
        expect_same(found, Rotation(verdict=RefreshVerdict.GRACE, session=session), "a refresh within the grace")
    expect_same(await stage.store.find_live(session.id), session, "the session after it")


async def the_successor_is_current_within_grace(stage: Stage) -> None:
    """Who got the successor goes on, also while somebody repeats the refresh before."""
    session = await open_session(stage, 1)
    await expect_verdict(stage, session, 0, RefreshVerdict.GRACE)
    after = await expect_verdict(stage, session, 1, RefreshVerdict.ROTATE)
    expect_same(after.generation, 2, "the generation after the second refresh")


async def without_grace_the_previous_generation_is_reuse_at_once(stage: Stage) -> None:
    """The grace of the policy that is given counts, also if there is none."""
    session = await open_session(stage, 1)
    rotation = await stage.store.rotate(session.id, 0, SessionPolicy(grace=timedelta(0)))
    expect_same(rotation.verdict, RefreshVerdict.REUSE, "the verdict on the previous generation without grace")


async def the_grace_ends_and_is_not_prolonged(stage: Stage) -> None:
    """It counts from the rotation, however often it is used in between."""
    session = await open_session(stage, 1)
    for _ in range(2):
        await stage.advance(POLICY.grace * 0.45)
        await expect_verdict(stage, session, 0, RefreshVerdict.GRACE)
    await stage.advance(POLICY.grace * 0.2)
    await expect_verdict(stage, session, 0, RefreshVerdict.REUSE)


async def reuse_ends_the_session(stage: Stage) -> None:
    """REUSE revokes with the reason that says so, and the session that comes with it is the revoked one."""
    session = await open_session(stage, 3)
    after = await expect_verdict(stage, session, 1, RefreshVerdict.REUSE)
    expect_same(after.revoke_reason, RevocationReason.REUSE, "the reason of the end")
    expect(after.revoked_at is not None, "a session that was ended does not say when")
    expect_same(after.generation, 3, "the generation after reuse")
    expect_same(await stage.store.find_live(session.id), None, "a session that was ended")
    expect_same(await stage.store.list_live(session.user_id), (), "the list")


async def after_reuse_no_generation_works(stage: Stage) -> None:
    """The current one, the previous one and all others are REVOKED from then on."""
    session = await open_session(stage, 2)
    await expect_verdict(stage, session, 0, RefreshVerdict.REUSE)
    for generation in range(5):
        after = await expect_verdict(stage, session, generation, RefreshVerdict.REVOKED)
        expect_same(after.revoke_reason, RevocationReason.REUSE, "the reason of the end")


async def reuse_leaves_other_sessions_alone(stage: Stage) -> None:
    """Other sign-ins of the same user have tokens of their own."""
    session = await open_session(stage, 2)
    bystander = await stage.store.create(new_session(session.user_id), POLICY)
    await expect_verdict(stage, session, 0, RefreshVerdict.REUSE)
    expect_same(await stage.store.find_live(bystander.id), bystander, "another session of the same user")


async def a_newer_generation_is_forged_and_changes_nothing(stage: Stage) -> None:
    """A generation that was never given out proves nothing, not even that there was a theft."""
    session = await open_session(stage, 1)
    for generation in (2, 3, 2**63 - 1, 2**63, 2**64 - 1):
        found = await stage.store.rotate(session.id, generation, POLICY)
        expect_same(found, Rotation(verdict=RefreshVerdict.FORGED, session=session), f"generation {generation}")
    expect_same(await stage.store.find_live(session.id), session, "the session after it")


async def an_unknown_session_is_forged(stage: Stage) -> None:
    """There is nothing to return with that verdict, and nothing comes into being."""
    unknown = SessionId(new_id())
    expected = Rotation(verdict=RefreshVerdict.FORGED, session=None)
    expect_same(await stage.store.rotate(unknown, 0, POLICY), expected, "an unknown session")
    expect_same(await stage.store.find_live(unknown), None, "an unknown session")


async def times_are_those_of_the_steps(stage: Stage) -> None:
    """``rotated_at`` and ``revoked_at`` are when it happened; ``created_at`` stays."""
    pause = timedelta(hours=1)
    session = await open_session(stage)
    await stage.advance(pause)
    rotated = await expect_verdict(stage, session, 0, RefreshVerdict.ROTATE)
    # A store that moves its rows into the past also lets the time of the test itself go by.
    expect(rotated.rotated_at - rotated.created_at >= pause - _SECOND, "`rotated_at` is not when it was refreshed")
    await stage.advance(pause)
    await stage.store.revoke(session.id, session.user_id, RevocationReason.LOGOUT)
    await stage.advance(pause)
    ended = await expect_verdict(stage, session, 1, RefreshVerdict.REVOKED)
    lived = present(ended.revoked_at, "the time of the end") - ended.created_at
    expect(2 * pause - _SECOND <= lived < 3 * pause, "`revoked_at` is not when it was revoked")


REFRESHING: tuple[Case, ...] = (
    case(the_current_generation_rotates),
    case(what_a_rotation_returns_is_what_is_kept),
    case(a_refresh_goes_by_the_policy_that_it_is_given),
    case(a_refresh_never_passes_the_absolute_limit),
    case(the_previous_generation_within_grace_changes_nothing),
    case(the_successor_is_current_within_grace),
    case(without_grace_the_previous_generation_is_reuse_at_once),
    case(the_grace_ends_and_is_not_prolonged, Ability.TIME),
    case(reuse_ends_the_session),
    case(after_reuse_no_generation_works),
    case(reuse_leaves_other_sessions_alone),
    case(a_newer_generation_is_forged_and_changes_nothing),
    case(an_unknown_session_is_forged),
    case(times_are_those_of_the_steps, Ability.TIME),
)
