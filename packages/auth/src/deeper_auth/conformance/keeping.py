"""Cases: what is created is found and listed as it was, by whom it belongs to."""

from datetime import timedelta

from deeper_auth.conformance.cases import Case, case, expect, expect_same, present
from deeper_auth.conformance.harnesses import POLICY, Ability, Stage, new_session
from deeper_auth.sessions import RevocationReason, SessionPolicy
from deeper_core.ids import SessionId, new_id

# What user agents have been seen to say, and the characters that trip databases up.
_USER_AGENTS = ("", "Mozilla/5.0 (X11; Linux x86_64) 'quoted\" \\ %s", "\ufffd\U0001f98a\u00e9\u0e01", "x" * 256, None)
_ADDRESSES = ("192.0.2.1", "2001:db8::1", "::1", None)


async def a_new_session_is_live_and_of_generation_0(stage: Stage) -> None:
    """What `create` returns is the session, and has what it was given."""
    new = new_session(await stage.new_user())
    session = await stage.store.create(new, POLICY)
    expect_same((session.id, session.user_id, session.generation), (new.id, new.user_id, 0), "a new session")
    expect_same((session.revoked_at, session.revoke_reason), (None, None), "the end of a new session")
    expect_same(session.rotated_at, session.created_at, "the latest use of a new session")
    expect_same(session.expires_at - session.created_at, POLICY.idle, "the life of a new session")


async def what_is_found_is_what_was_created(stage: Stage) -> None:
    """A session comes back to the microsecond: a store may not round its times."""
    for _ in range(5):  # a time without a fraction could be chance
        session = await stage.store.create(new_session(await stage.new_user()), POLICY)
        expect_same(await stage.store.find_live(session.id), session, "a session that was found")
        expect_same(await stage.store.list_live(session.user_id), (session,), "a session in the list")


async def what_a_client_said_of_itself_comes_back(stage: Stage) -> None:
    """Any printable text of up to 256 characters, addresses of both families, and nothing at all."""
    user_id = await stage.new_user()
    for user_agent in _USER_AGENTS:
        for address in _ADDRESSES:
            new = new_session(user_id, user_agent=user_agent, ip_address=address)
            session = await stage.store.create(new, POLICY)
            found = present(await stage.store.find_live(session.id), "a new session")
            expect_same((found.user_agent, found.ip_address), (user_agent, address), "the client")


async def times_know_their_time_zone(stage: Stage) -> None:
    """A time without a zone means another moment on another machine."""
    created = await stage.store.create(new_session(await stage.new_user()), POLICY)
    found = present(await stage.store.find_live(created.id), "a new session")
    for session in (created, found):
        for moment in (session.created_at, session.rotated_at, session.expires_at):
            expect(moment.utcoffset() is not None, f"{moment!r} has no time zone")


async def an_unknown_session_is_not_found(stage: Stage) -> None:
    """Nothing is found under an id that nobody created."""
    await stage.store.create(new_session(await stage.new_user()), POLICY)
    expect_same(await stage.store.find_live(SessionId(new_id())), None, "an unknown session")


async def the_absolute_limit_wins_from_the_start(stage: Stage) -> None:
    """The first expiry is the nearer of the two limits, and the policy that counts is the one that is given."""
    policy = SessionPolicy(idle=timedelta(days=60), absolute=timedelta(days=3))
    session = await stage.store.create(new_session(await stage.new_user()), policy)
    expect_same(session.expires_at - session.created_at, policy.absolute, "the life of a new session")


async def a_user_may_have_many_sessions(stage: Stage) -> None:
    """Signing in once more ends nothing."""
    user_id = await stage.new_user()
    made = [await stage.store.create(new_session(user_id), POLICY) for _ in range(20)]
    listed = await stage.store.list_live(user_id)
    expect_same({session.id for session in listed}, {session.id for session in made}, "the list")
    expect_same(len(listed), len(made), "the length of the list")


async def users_see_their_own_sessions_only(stage: Stage) -> None:
    """Nobody's list holds the session of another."""
    mine, theirs = await stage.new_user(), await stage.new_user()
    session = await stage.store.create(new_session(mine), POLICY)
    await stage.store.create(new_session(theirs), POLICY)
    expect_same(await stage.store.list_live(mine), (session,), "the list")
    expect_same(await stage.store.list_live(await stage.new_user()), (), "the list of somebody who never signed in")


async def the_list_begins_with_the_newest_sign_in(stage: Stage) -> None:
    """Refreshing an older session does not move it up."""
    user_id = await stage.new_user()
    made: list[SessionId] = []
    for _ in range(3):
        made.append((await stage.store.create(new_session(user_id), POLICY)).id)
        await stage.advance(timedelta(seconds=2))
    await stage.store.rotate(made[0], 0, POLICY)
    expect_same([session.id for session in await stage.store.list_live(user_id)], made[::-1], "the order of the list")


async def ended_sessions_are_neither_found_nor_listed(stage: Stage) -> None:
    """Only what is live is listed."""
    user_id = await stage.new_user()
    kept, ended = [await stage.store.create(new_session(user_id), POLICY) for _ in range(2)]
    await stage.store.revoke(ended.id, user_id, RevocationReason.LOGOUT)
    expect_same(await stage.store.list_live(user_id), (kept,), "the list")
    expect_same(await stage.store.find_live(ended.id), None, "a session that was ended")


KEEPING: tuple[Case, ...] = (
    case(a_new_session_is_live_and_of_generation_0),
    case(what_is_found_is_what_was_created),
    case(what_a_client_said_of_itself_comes_back),
    case(times_know_their_time_zone),
    case(an_unknown_session_is_not_found),
    case(the_absolute_limit_wins_from_the_start),
    case(a_user_may_have_many_sessions),
    case(users_see_their_own_sessions_only),
    case(the_list_begins_with_the_newest_sign_in, Ability.TIME),
    case(ended_sessions_are_neither_found_nor_listed),
)
