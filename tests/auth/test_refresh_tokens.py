from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_auth import AccessTokens, KeyRing, RefreshTokens, RefreshVerdict, Session, SessionPolicy, decide
from deeper_core import InvalidRefreshToken, SessionId, UserId, new_id

RING = KeyRing("r" * 32)
TOKENS = RefreshTokens(RING)
SESSION = SessionId(new_id())
NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICY = SessionPolicy(grace=timedelta(seconds=10))
SECOND = timedelta(seconds=1)

session_ids = st.uuids().map(SessionId)
generations = st.integers(min_value=0, max_value=2**64 - 1)


@given(session_ids, generations)
def test_what_is_issued_is_what_is_read(session_id, generation):
    ticket = TOKENS.parse(TOKENS.issue(session_id, generation))
    assert (ticket.session_id, ticket.generation) == (session_id, generation)


@given(session_ids, generations)
def test_a_token_is_short_and_safe_in_a_cookie_or_a_url(session_id, generation):
    token = TOKENS.issue(session_id, generation)
    assert len(token) <= 200
    assert token.replace("-", "").replace("_", "").isalnum()
    assert token.isascii()


def test_the_same_generation_always_gives_the_same_token():
    assert TOKENS.issue(SESSION, 7) == RefreshTokens(RING).issue(SESSION, 7)


def test_every_generation_and_every_session_gives_another_token():
    tokens = {
        TOKENS.issue(SessionId(UUID(int=session)), generation) for session in range(10) for generation in range(10)
    }
    assert len(tokens) == 100


@given(generations, st.integers(min_value=0), st.integers(min_value=0, max_value=6))
def test_a_token_with_one_bit_flipped_is_refused(generation, place, bit):
    token = bytearray(TOKENS.issue(SESSION, generation).encode())
    token[place % len(token)] ^= 1 << bit
    with pytest.raises(InvalidRefreshToken):
        TOKENS.parse(token.decode())


@given(st.text())
def test_no_text_at_all_gets_another_error(text):
    with pytest.raises(InvalidRefreshToken):
        TOKENS.parse(text)


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}=", "{}A", "{}é", "{}\ud800", "x{}", "DSR1{}"])
def test_a_token_with_anything_around_it_is_refused(change):
    with pytest.raises(InvalidRefreshToken):
        TOKENS.parse(change.format(TOKENS.issue(SESSION, 0)))


def test_an_access_token_is_no_refresh_token():
    with pytest.raises(InvalidRefreshToken):
        TOKENS.parse(AccessTokens(RING).issue(UserId(new_id()), SESSION))


def test_a_token_of_the_previous_key_is_read_and_its_successor_uses_the_new_key():
    rotated = RefreshTokens(KeyRing("n" * 32, ["r" * 32]))
    assert rotated.parse(TOKENS.issue(SESSION, 3)).generation == 3
    with pytest.raises(InvalidRefreshToken):
        TOKENS.parse(rotated.issue(SESSION, 4))


def test_a_token_of_a_key_that_was_dropped_is_refused():
    with pytest.raises(InvalidRefreshToken):
        RefreshTokens(KeyRing("n" * 32)).parse(TOKENS.issue(SESSION, 3))


def session(*, age: timedelta = timedelta(0), left: timedelta = timedelta(days=1), revoked: bool = False) -> Session:
    """A session of generation 5, rotated ``age`` ago, with ``left`` to live."""
    return Session(
        id=SESSION,
        user_id=UserId(new_id()),
        generation=5,
        created_at=NOW - timedelta(days=3),
        rotated_at=NOW - age,
        expires_at=NOW + left,
        revoked_at=NOW if revoked else None,
    )


TABLE = [
    ("unknown", None, 0, RefreshVerdict.FORGED),
    ("revoked, current", session(revoked=True), 5, RefreshVerdict.REVOKED),
    ("revoked, previous", session(revoked=True), 4, RefreshVerdict.REVOKED),
    ("revoked, older", session(revoked=True), 0, RefreshVerdict.REVOKED),
    ("revoked, newer", session(revoked=True), 6, RefreshVerdict.REVOKED),
    ("revoked and expired", session(revoked=True, left=-SECOND), 5, RefreshVerdict.REVOKED),
    ("expired, current", session(left=-SECOND), 5, RefreshVerdict.EXPIRED),
    ("expired, older", session(left=-SECOND), 1, RefreshVerdict.EXPIRED),
    ("expired, newer", session(left=-SECOND), 6, RefreshVerdict.EXPIRED),
    ("expires now", session(left=timedelta(0)), 5, RefreshVerdict.EXPIRED),
    ("expires in a moment", session(left=timedelta(microseconds=1)), 5, RefreshVerdict.ROTATE),
    ("current", session(), 5, RefreshVerdict.ROTATE),
    ("current after grace", session(age=timedelta(days=2)), 5, RefreshVerdict.ROTATE),
    ("previous at once", session(), 4, RefreshVerdict.GRACE),
    ("previous just within grace", session(age=10 * SECOND - timedelta(microseconds=1)), 4, RefreshVerdict.GRACE),
    ("previous at the end of grace", session(age=10 * SECOND), 4, RefreshVerdict.REUSE),
    ("previous after grace", session(age=11 * SECOND), 4, RefreshVerdict.REUSE),
    ("older within grace", session(), 3, RefreshVerdict.REUSE),
    ("oldest", session(age=timedelta(days=1)), 0, RefreshVerdict.REUSE),
    ("newer by one", session(), 6, RefreshVerdict.FORGED),
    ("newer by far", session(), 2**64 - 1, RefreshVerdict.FORGED),
]


@pytest.mark.parametrize(("state", "generation", "verdict"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_table_of_verdicts(state, generation, verdict):
    assert decide(state, generation, now=NOW, policy=POLICY) is verdict


@given(generation=generations, policy=st.builds(SessionPolicy, grace=st.timedeltas(timedelta(0), timedelta(days=400))))
def test_a_session_without_grace_or_with_any_never_lets_an_older_generation_in(generation, policy):
    verdict = decide(session(), generation, now=NOW, policy=policy)
    if generation not in {4, 5}:
        assert verdict in {RefreshVerdict.REUSE, RefreshVerdict.FORGED}


def test_without_grace_the_previous_generation_is_reuse_at_once():
    policy = SessionPolicy(grace=timedelta(0))
    assert decide(session(), 4, now=NOW, policy=policy) is RefreshVerdict.REUSE


def test_every_verdict_is_in_the_table_and_in_the_drawing():
    assert {row[3] for row in TABLE} == set(RefreshVerdict)
    assert decide.__doc__ is not None
    assert [verdict.name for verdict in RefreshVerdict if verdict.name not in decide.__doc__] == []
