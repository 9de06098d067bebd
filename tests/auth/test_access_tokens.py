import contextlib
import hashlib
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jwt

from deeper_auth import AccessTokenPolicy, AccessTokens, KeyRing, ManualClock, RefreshTokens, parse_bearer
from deeper_core import InvalidToken, SessionId, UserId, new_id
from tests.auth.attacks import KEY, RING, SECRET, all_attacks, forge, good_header, good_payload

# The names are needed to collect the tests, the tokens are made afresh in each of them.
ATTACKS = sorted(all_attacks(good_payload(0)))
USER, SESSION = UserId(new_id()), SessionId(new_id())


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def tokens(clock):
    return AccessTokens(RING, clock=clock)


def now_of(clock) -> int:
    return int(clock().timestamp())


def test_a_token_says_who_asks_in_which_session_and_until_when(tokens, clock):
    claims = tokens.verify(tokens.issue(USER, SESSION))
    assert (claims.user_id, claims.session_id) == (USER, SESSION)
    assert (claims.issued_at, claims.expires_at) == (clock(), clock() + timedelta(minutes=10))


def test_no_two_tokens_are_the_same(tokens):
    first, second = tokens.issue(USER, SESSION), tokens.issue(USER, SESSION)
    assert tokens.verify(first).token_id != tokens.verify(second).token_id


def test_the_header_names_the_type_and_the_key(tokens):
    assert jwt.get_unverified_header(tokens.issue(USER, SESSION)) == good_header()


def test_a_token_forged_with_our_key_and_no_fault_is_believed(tokens, clock):
    # Or else the attacks below would prove nothing.
    payload = good_payload(now_of(clock))
    assert str(tokens.verify(forge(good_header(), payload)).user_id) == payload["sub"]


def test_the_attack_list_is_long_and_each_attack_differs(clock):
    attacks = all_attacks(good_payload(now_of(clock)))
    assert len(set(attacks.values())) == len(attacks) >= 60


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_like_every_other(tokens, clock, attack):
    with pytest.raises(InvalidToken) as refusal:
        tokens.verify(all_attacks(good_payload(now_of(clock)))[attack])
    assert (refusal.value.message, refusal.value.details) == (InvalidToken.default_message, ())


def test_an_attack_is_refused_a_second_time_too(tokens, clock):
    believed = []
    for name, token in all_attacks(good_payload(now_of(clock))).items():
        for _ in range(2):
            try:
                tokens.verify(token)
            except InvalidToken:
                continue
            believed.append(name)
    assert believed == []


def test_a_refresh_token_is_no_access_token(tokens):
    with pytest.raises(InvalidToken):
        tokens.verify(RefreshTokens(RING).issue(SESSION, 0))


@given(place=st.integers(min_value=0), letter=st.sampled_from("Aaz09-_.~"))
def test_a_token_with_any_letter_changed_is_refused(place, letter):
    tokens = AccessTokens(RING)
    token = tokens.issue(USER, SESSION)
    tokens.verify(token)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(InvalidToken):
            tokens.verify(changed)


@given(st.text())
def test_no_text_at_all_gets_another_error(text):
    with pytest.raises(InvalidToken):
        AccessTokens(RING).verify(text)


def test_a_token_is_valid_until_the_second_it_expires_and_not_in_it(tokens, clock):
    token = tokens.issue(USER, SESSION)
    clock.advance(599)
    tokens.verify(token)
    clock.advance(1)
    with pytest.raises(InvalidToken):
        tokens.verify(token)


def test_a_token_never_verified_before_its_end_is_refused_after_it(tokens, clock):
    token = tokens.issue(USER, SESSION)
    clock.advance(600)
    with pytest.raises(InvalidToken):
        tokens.verify(token)


def test_the_clock_of_another_replica_may_be_a_little_ahead(tokens, clock):
    token = tokens.issue(USER, SESSION)
    clock.advance(-60)
    assert tokens.verify(token).user_id == USER
    clock.advance(-0.001)
    with pytest.raises(InvalidToken):
        tokens.verify(token)


def test_lifetime_issuer_and_audience_can_be_set(clock):
    policy = AccessTokenPolicy(issuer="us", audience="you", lifetime=timedelta(seconds=30))
    tokens = AccessTokens(RING, policy, clock=clock)
    token = tokens.issue(USER, SESSION)
    assert tokens.verify(token).expires_at - clock() == timedelta(seconds=30)
    with pytest.raises(InvalidToken):
        AccessTokens(RING, clock=clock).verify(token)


def test_a_policy_whose_tokens_would_be_refused_is_refused_at_once():
    with pytest.raises(ValueError, match=r"^issuer and audience make a token longer than this class would read back$"):
        AccessTokens(RING, AccessTokenPolicy(issuer="i" * 2_000))


def test_tokens_of_any_issuer_are_read_back_or_never_made():
    made = []
    for length in range(450, 570):
        with contextlib.suppress(ValueError):
            tokens = AccessTokens(RING, AccessTokenPolicy(issuer="i" * length))
            assert tokens.verify(tokens.issue(USER, SESSION)).user_id == USER
            made.append(length)
    assert made == list(range(450, max(made) + 1))
    assert max(made) < 569


def test_a_token_may_live_for_a_second_and_no_clock_be_ahead(clock):
    policy = AccessTokenPolicy(lifetime=timedelta(seconds=1), skew=timedelta(0))
    tokens = AccessTokens(RING, policy, clock=clock)
    assert tokens.verify(tokens.issue(USER, SESSION)).expires_at - clock() == timedelta(seconds=1)


@pytest.mark.parametrize(("lifetime", "skew"), [(0, 0), (0.9, 0), (-600, 0), (600, -1)])
def test_a_policy_whose_tokens_are_never_valid_is_refused(lifetime, skew):
    why = r"^an access token lives for a second at least, and the skew is not negative$"
    with pytest.raises(ValueError, match=why):
        AccessTokenPolicy(lifetime=timedelta(seconds=lifetime), skew=timedelta(seconds=skew))


def test_a_clock_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match=r"^the clock does not know its time zone$"):
        AccessTokens(RING, clock=ManualClock(datetime(2026, 1, 1)))  # noqa: DTZ001  - that is the fault


def test_two_services_with_one_secret_do_not_believe_each_other(clock):
    tokens = [AccessTokens(RING, AccessTokenPolicy(issuer=name, audience=name), clock=clock) for name in ("a", "b")]
    with pytest.raises(InvalidToken):
        tokens[1].verify(tokens[0].issue(USER, SESSION))


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER   abc", "Bearer abc "])
def test_a_bearer_token_is_found(header):
    assert parse_bearer(header) == "abc"


@pytest.mark.parametrize("token", ["abc\t", "\tabc", "Xabc", "abcX"])
def test_nothing_but_blanks_is_taken_off_a_bearer_token(token):
    assert parse_bearer(f"Bearer {token} ") == token


@pytest.mark.parametrize("header", [None, "", "abc", "Basic abc", "Bearer\tabc", " Bearer abc", "Bearerabc"])
def test_what_is_no_bearer_token_is_refused(header):
    with pytest.raises(InvalidToken):
        parse_bearer(header)


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer a b"])
def test_an_empty_or_broken_bearer_token_is_refused_as_a_token(tokens, header):
    with pytest.raises(InvalidToken):
        tokens.verify(parse_bearer(header))


def test_a_verified_token_is_read_once_only(tokens):
    token = tokens.issue(USER, SESSION)
    assert tokens.verify(token) is tokens.verify(token)


def test_the_cache_is_bounded_and_drops_the_token_least_used(clock):
    tokens = AccessTokens(RING, clock=clock, cache_size=2)
    first, second, third = (tokens.issue(USER, SESSION) for _ in range(3))
    kept, dropped = tokens.verify(first), tokens.verify(second)
    tokens.verify(first)
    tokens.verify(third)
    assert tokens.verify(first) is kept
    assert tokens.verify(second) is not dropped
    assert len(tokens._cache._claims) == 2


def test_a_cache_of_nothing_keeps_nothing(clock):
    tokens = AccessTokens(RING, clock=clock, cache_size=0)
    token = tokens.issue(USER, SESSION)
    assert tokens.verify(token) == tokens.verify(token)
    assert not tokens._cache._claims


def test_an_expired_token_leaves_the_cache(tokens, clock):
    token = tokens.issue(USER, SESSION)
    tokens.verify(token)
    clock.advance(600)
    with pytest.raises(InvalidToken):
        tokens.verify(token)
    assert hashlib.sha256(token.encode()).digest() not in tokens._cache._claims


def test_a_token_of_the_previous_key_is_valid_and_new_ones_use_the_new_key(tokens, clock):
    rotated = AccessTokens(KeyRing("n" * 32, [SECRET]), clock=clock)
    assert rotated.verify(tokens.issue(USER, SESSION)).user_id == USER
    assert jwt.get_unverified_header(rotated.issue(USER, SESSION))["kid"] != KEY.id


def test_a_token_of_a_key_that_was_dropped_is_refused(tokens, clock):
    token = tokens.issue(USER, SESSION)
    with pytest.raises(InvalidToken):
        AccessTokens(KeyRing("n" * 32), clock=clock).verify(token)


@pytest.mark.parametrize(
    "secret", ['"' + "x" * 32 + '"', "[" + "1," * 20 + "1]", '{"keys": [], "padding": "xxxxxxxx"}']
)
def test_a_secret_that_is_json_signs_and_verifies_like_any_other(secret):
    tokens = AccessTokens(KeyRing(secret))
    assert tokens.verify(tokens.issue(USER, SESSION)).user_id == USER
