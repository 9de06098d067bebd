"""Cases: sessions are ended on purpose, one, the others or all, and only by whom they belong to."""

from deeper_auth.conformance.cases import Case, case, expect_same, present
from deeper_auth.conformance.harnesses import POLICY, Stage, new_session
from deeper_auth.conformance.refreshing import expect_verdict, open_session
from deeper_auth.refresh_tokens import RefreshVerdict
from deeper_auth.sessions import RevocationReason
from deeper_core.ids import SessionId, new_id


async def a_revoked_session_is_dead_for_good(stage: Stage) -> None:
    """Every generation of it is REVOKED, also the one that was within its grace."""
    session = await open_session(stage, 1)
    done = await stage.store.revoke(session.id, session.user_id, RevocationReason.LOGOUT)
    expect_same(done, True, "whether a live session was revoked")
    expect_same(await stage.store.find_live(session.id), None, "a session that was ended")
    for generation in (1, 0, 2):
        after = await expect_verdict(stage, session, generation, RefreshVerdict.REVOKED)
        expect_same(after.generation, 1, "the generation of a session that was ended")


async def every_reason_is_kept(stage: Stage) -> None:
    """Why a session ended is told with the verdict on its token."""
    for reason in RevocationReason:
        session = await open_session(stage)
        await stage.store.revoke(session.id, session.user_id, reason)
        after = await expect_verdict(stage, session, 0, RefreshVerdict.REVOKED)
        expect_same(after.revoke_reason, reason, "the reason of the end")
        present(after.revoked_at, "the time of the end")


async def ending_twice_changes_nothing(stage: Stage) -> None:
    """The first end counts: its reason and its time stay, and the second one says that there was nothing to do."""
    session = await open_session(stage)
    await stage.store.revoke(session.id, session.user_id, RevocationReason.LOGOUT)
    before = await expect_verdict(stage, session, 0, RefreshVerdict.REVOKED)
    again = await stage.store.revoke(session.id, session.user_id, RevocationReason.ACCOUNT_DISABLED)
    expect_same(again, False, "whether a session was revoked that had ended")
    count = await stage.store.revoke_all(session.user_id, RevocationReason.ACCOUNT_DISABLED)
    expect_same(count, 0, "how many sessions were revoked where none was live")
    after = await expect_verdict(stage, session, 0, RefreshVerdict.REVOKED)
    expect_same(after, before, "a session that was ended twice")


async def nobody_ends_the_session_of_another(stage: Stage) -> None:
    """Knowing the id of a session is not enough."""
    session = await open_session(stage)
    done = await stage.store.revoke(session.id, await stage.new_user(), RevocationReason.LOGOUT)
    expect_same(done, False, "whether somebody else could end it")
    expect_same(await stage.store.find_live(session.id), session, "the session of another")


async def an_unknown_session_cannot_be_ended(stage: Stage) -> None:
    """There was none to end."""
    session = await open_session(stage)
    done = await stage.store.revoke(SessionId(new_id()), session.user_id, RevocationReason.LOGOUT)
    expect_same(done, False, "whether a session was revoked that nobody created")
    expect_same(await stage.store.find_live(session.id), session, "another session of the same user")


async def ending_one_leaves_the_others(stage: Stage) -> None:
    """Signing one device out signs out no other."""
    user_id = await stage.new_user()
    kept, ended = [await stage.store.create(new_session(user_id), POLICY) for _ in range(2)]
    await stage.store.revoke(ended.id, user_id, RevocationReason.LOGOUT)
    expect_same(await stage.store.find_live(kept.id), kept, "the session that was not ended")


async def ending_all_ends_all_of_one_user(stage: Stage) -> None:
    """And counts those that were live."""
    mine, theirs = await stage.new_user(), await stage.new_user()
    sessions = [await stage.store.create(new_session(mine), POLICY) for _ in range(4)]
    bystander = await stage.store.create(new_session(theirs), POLICY)
    await stage.store.revoke(sessions[0].id, mine, RevocationReason.LOGOUT)
    count = await stage.store.revoke_all(mine, RevocationReason.PASSWORD_CHANGED)
    expect_same(count, 3, "how many live sessions were revoked")
    expect_same(await stage.store.list_live(mine), (), "the list")
    after = await expect_verdict(stage, sessions[1], 0, RefreshVerdict.REVOKED)
    expect_same(after.revoke_reason, RevocationReason.PASSWORD_CHANGED, "the reason of the end")
    expect_same(await stage.store.find_live(bystander.id), bystander, "the session of another")


async def ending_the_others_keeps_one(stage: Stage) -> None:
    """The one that is kept is as it was."""
    user_id = await stage.new_user()
    sessions = [await stage.store.create(new_session(user_id), POLICY) for _ in range(3)]
    kept = sessions[1]
    count = await stage.store.revoke_all(user_id, RevocationReason.LOGOUT_EVERYWHERE, keep=kept.id)
    expect_same(count, 2, "how many others were revoked")
    expect_same(await stage.store.list_live(user_id), (kept,), "the list")


async def keeping_the_session_of_another_keeps_nothing(stage: Stage) -> None:
    """What is kept is one of the user's own, or none."""
    user_id = await stage.new_user()
    await stage.store.create(new_session(user_id), POLICY)
    theirs = await open_session(stage)
    count = await stage.store.revoke_all(user_id, RevocationReason.LOGOUT_EVERYWHERE, keep=theirs.id)
    expect_same(count, 1, "how many were revoked")
    expect_same(await stage.store.list_live(user_id), (), "the list")
    expect_same(await stage.store.find_live(theirs.id), theirs, "the session of another")


async def signing_in_works_after_ending_all(stage: Stage) -> None:
    """What is ended are the sessions, not the user."""
    user_id = await stage.new_user()
    await stage.store.create(new_session(user_id), POLICY)
    await stage.store.revoke_all(user_id, RevocationReason.PASSWORD_CHANGED)
    fresh = await stage.store.create(new_session(user_id), POLICY)
    expect_same(await stage.store.list_live(user_id), (fresh,), "the list")


ENDING: tuple[Case, ...] = (
    case(a_revoked_session_is_dead_for_good),
    case(every_reason_is_kept),
    case(ending_twice_changes_nothing),
    case(nobody_ends_the_session_of_another),
    case(an_unknown_session_cannot_be_ended),
    case(ending_one_leaves_the_others),
    case(ending_all_ends_all_of_one_user),
    case(ending_the_others_keeps_one),
    case(keeping_the_session_of_another_keeps_nothing),
    case(signing_in_works_after_ending_all),
)
