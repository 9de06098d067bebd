import asyncio
from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from deeper_auth import (
    AccessTokens,
    KeyRing,
    ManualClock,
    MemorySessionStore,
    RefreshTokens,
    RevocationReason,
    SessionPolicy,
    SessionService,
    TokenPair,
)
from deeper_core import (
    DatabaseUnavailable,
    InvalidRefreshToken,
    InvalidToken,
    RefreshTokenReused,
    SessionId,
    UserId,
    new_id,
)
from tests.auth.faults.stores import Unreachable

RING = KeyRing("s" * 32)
USER, OTHER = UserId(new_id()), UserId(new_id())


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def store(clock):
    return MemorySessionStore(clock=clock)


@pytest.fixture
def sessions(store, clock):
    return SessionService(store, AccessTokens(RING, clock=clock), RefreshTokens(RING))


async def stands(sessions: SessionService, pair: TokenPair) -> bool:
    """Whether the pair's access token is still believed when the store is asked."""
    try:
        await sessions.check(sessions.verify(pair.access_token))
    except InvalidToken:
        return False
    return True


async def test_signing_in_gives_tokens_of_one_session(sessions):
    pair = await sessions.open(USER, user_agent="Firefox", ip_address="192.0.2.1")
    claims = sessions.verify(pair.access_token)
    assert (claims.user_id, claims.session_id) == (USER, pair.session.id)
    assert pair.expires_in == 600
    assert await sessions.check(claims) == pair.session


async def test_refreshing_gives_new_tokens_of_the_same_session(sessions, clock):
    first = await sessions.open(USER)
    clock.advance(300)
    second = await sessions.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert second.access_token != first.access_token
    assert (second.session.id, second.session.generation) == (first.session.id, 1)


async def test_fifty_refreshes_at_once_get_one_successor(sessions):
    first = await sessions.open(USER)
    pairs = await asyncio.gather(*(sessions.refresh(first.refresh_token) for _ in range(50)))
    assert len({pair.refresh_token for pair in pairs}) == 1
    assert {pair.session.generation for pair in pairs} == {1}


async def test_an_answer_that_got_lost_can_be_asked_for_again(sessions, clock):
    first = await sessions.open(USER)
    lost = await sessions.refresh(first.refresh_token)
    clock.advance(9)
    again = await sessions.refresh(first.refresh_token)
    assert again.refresh_token == lost.refresh_token
    assert (await sessions.refresh(again.refresh_token)).session.generation == 2


async def test_reuse_ends_every_token_of_the_session(sessions):
    pairs = [await sessions.open(USER)]
    pairs += [await sessions.refresh(pairs[-1].refresh_token)]
    pairs += [await sessions.refresh(pairs[-1].refresh_token)]
    with pytest.raises(RefreshTokenReused) as caught:
        await sessions.refresh(pairs[0].refresh_token)
    assert (caught.value.user_id, caught.value.session_id) == (USER, pairs[0].session.id)
    for pair in pairs:
        with pytest.raises(InvalidRefreshToken):
            await sessions.refresh(pair.refresh_token)
        assert not await stands(sessions, pair)


async def test_reuse_leaves_other_sessions_alone(sessions, clock):
    first, bystander = await sessions.open(USER), await sessions.open(USER)
    await sessions.refresh(first.refresh_token)
    clock.advance(11)
    with pytest.raises(RefreshTokenReused):
        await sessions.refresh(first.refresh_token)
    assert await stands(sessions, bystander)


async def test_a_thief_and_the_owner_cannot_take_turns(sessions, clock):
    stolen = own = await sessions.open(USER)
    own = await sessions.refresh(own.refresh_token)
    clock.advance(11)
    with pytest.raises(RefreshTokenReused):
        await sessions.refresh(stolen.refresh_token)
    with pytest.raises(InvalidRefreshToken):
        await sessions.refresh(own.refresh_token)


async def test_an_expired_session_cannot_be_refreshed(sessions, clock):
    pair = await sessions.open(USER)
    clock.advance(15 * 86_400)
    with pytest.raises(InvalidRefreshToken):
        await sessions.refresh(pair.refresh_token)


async def test_a_token_of_no_session_cannot_be_refreshed(sessions):
    with pytest.raises(InvalidRefreshToken):
        await sessions.refresh(RefreshTokens(RING).issue(SessionId(new_id()), 0))


async def test_an_access_token_cannot_be_refreshed(sessions):
    with pytest.raises(InvalidRefreshToken):
        await sessions.refresh((await sessions.open(USER)).access_token)


async def test_a_refresh_racing_a_logout_leaves_no_live_token(sessions):
    for _ in range(200):
        pair = await sessions.open(USER)
        outcomes = await asyncio.gather(
            sessions.refresh(pair.refresh_token),
            sessions.revoke(pair.session.id, USER),
            sessions.refresh(pair.refresh_token),
            return_exceptions=True,
        )
        for survivor in (pair, *(outcome for outcome in outcomes if isinstance(outcome, TokenPair))):
            assert not await stands(sessions, survivor)
            with pytest.raises(InvalidRefreshToken):
                await sessions.refresh(survivor.refresh_token)


async def test_a_session_is_not_believed_for_somebody_else(sessions):
    claims = sessions.verify((await sessions.open(USER)).access_token)
    with pytest.raises(InvalidToken):
        await sessions.check(replace(claims, user_id=OTHER))


async def test_logging_out_with_the_refresh_token_alone_ends_the_session(sessions):
    pair = await sessions.open(USER)
    assert await sessions.revoke_by_token(pair.refresh_token)
    assert not await stands(sessions, pair)
    assert not await sessions.revoke_by_token(pair.refresh_token)


async def test_logging_out_with_a_forged_token_is_refused(sessions):
    with pytest.raises(InvalidRefreshToken):
        await sessions.revoke_by_token("dsr1_" + "A" * 64)


async def test_ending_the_others_keeps_this_one(sessions):
    this, *others = [await sessions.open(USER) for _ in range(3)]
    theirs = await sessions.open(OTHER)
    assert await sessions.revoke_others(USER, this.session.id) == 2
    assert [await stands(sessions, pair) for pair in (this, *others, theirs)] == [True, False, False, True]


async def test_ending_all_ends_all(sessions):
    pairs = [await sessions.open(USER) for _ in range(3)]
    assert await sessions.revoke_all(USER, RevocationReason.ACCOUNT_DISABLED) == 3
    assert not any([await stands(sessions, pair) for pair in pairs])


async def test_how_a_session_was_ended_is_kept(sessions, store):
    by_token, by_name, other, last = [(await sessions.open(USER)).session.id for _ in range(4)]
    await sessions.revoke_by_token(RefreshTokens(RING).issue(by_token, 0))
    await sessions.revoke(by_name, USER)
    await sessions.revoke_others(USER, last)
    await sessions.revoke_all(USER)
    assert [store._sessions[one].revoke_reason for one in (by_token, by_name, other, last)] == [
        RevocationReason.LOGOUT,
        RevocationReason.LOGOUT,
        RevocationReason.LOGOUT_EVERYWHERE,
        RevocationReason.LOGOUT_EVERYWHERE,
    ]


async def test_sessions_are_listed_newest_first(sessions, clock):
    first = await sessions.open(USER)
    clock.advance(1)
    second = await sessions.open(USER)
    assert await sessions.list_live(USER) == (second.session, first.session)


async def test_what_a_client_says_of_itself_is_cut_and_cleaned(sessions):
    pair = await sessions.open(USER, user_agent="a\0b\x1b[31m\u202e\ud800" + "x" * 10_000)
    assert pair.session.user_agent is not None
    assert pair.session.user_agent.startswith("a\ufffdb\ufffd[31m\ufffd\ufffdxxx")
    assert len(pair.session.user_agent) == 256


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", None),
        ("unix:/run/proxy.sock", None),
        ("192.0.2.1, 198.51.100.7", None),
        ("1" * 100_000, None),
        ("\ud800", None),
        ("", None),
        (None, None),
    ],
)
async def test_only_an_address_is_kept_as_one(sessions, given, kept):
    assert (await sessions.open(USER, ip_address=given)).session.ip_address == kept


async def test_a_list_of_sessions_signs_nobody_in(sessions):
    pairs = [await sessions.open(USER, user_agent="Firefox")]
    pairs += [await sessions.refresh(pairs[0].refresh_token)]
    shown = f"{await sessions.list_live(USER)}" + msgspec.json.encode(await sessions.list_live(USER)).decode()
    for pair in pairs:
        for secret in (pair.access_token, pair.refresh_token, pair.refresh_token[-32:], pair.access_token[-43:]):
            assert secret not in shown


async def test_a_store_that_cannot_be_reached_is_no_session_that_ended():
    sessions = SessionService.over(Unreachable(), RING)
    pair = await SessionService.over(MemorySessionStore(), RING).open(USER)
    for call in (
        sessions.open(USER),
        sessions.refresh(pair.refresh_token),
        sessions.check(sessions.verify(pair.access_token)),
        sessions.list_live(USER),
        sessions.revoke(pair.session.id, USER),
        sessions.revoke_by_token(pair.refresh_token),
        sessions.revoke_others(USER, pair.session.id),
        sessions.revoke_all(USER),
    ):
        with pytest.raises(DatabaseUnavailable) as failure:
            await call
        assert failure.value.retry_after == 1


async def test_what_goes_into_a_body_is_what_oauth_says(sessions):
    pair = await sessions.open(USER)
    body = pair.body()
    assert body == {
        "access_token": pair.access_token,
        "token_type": "Bearer",
        "expires_in": 600,
        "refresh_token": pair.refresh_token,
    }
    assert pair.body(refresh_token=False) == {name: body[name] for name in body if name != "refresh_token"}


@pytest.mark.parametrize("limits", [{"idle": 0}, {"idle": -1}, {"absolute": 0}, {"grace": -1}])
def test_a_policy_by_which_no_session_lives_is_refused(limits):
    with pytest.raises(ValueError, match="positive"):
        SessionPolicy(**{name: timedelta(seconds=seconds) for name, seconds in limits.items()})


async def test_a_pair_that_is_printed_gives_no_token_away(sessions):
    pair = await sessions.open(USER)
    assert pair.refresh_token not in repr(pair)
    assert pair.access_token not in f"{pair}"
    assert [name for name, _ in pair.__rich_repr__()] == ["session"]


async def test_rotating_the_signing_key_signs_nobody_out(store, clock, sessions):
    pair = await sessions.open(USER)
    ring = KeyRing("n" * 32, ["s" * 32])
    rotated = SessionService(store, AccessTokens(ring, clock=clock), RefreshTokens(ring))
    assert await stands(rotated, pair)
    assert (await rotated.refresh(pair.refresh_token)).session.generation == 1
