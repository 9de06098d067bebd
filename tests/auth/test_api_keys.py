import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_auth import AccessTokens, KeyRing, new_api_key, parse_api_key
from deeper_core import InvalidToken, SessionId, UserId, new_id


def test_a_key_is_read_as_it_was_made():
    key = new_api_key()
    assert parse_api_key(key.text) == key


def test_a_key_matches_its_own_digest_only():
    key, other = new_api_key(), new_api_key()
    assert key.matches(key.digest)
    assert not key.matches(other.digest)
    assert not key.matches(b"")


def test_the_digest_covers_the_prefix_too():
    key = new_api_key()
    assert not parse_api_key(key.text.replace(key.prefix, new_api_key().prefix)).matches(key.digest)


def test_no_two_keys_are_the_same():
    keys = [new_api_key() for _ in range(1_000)]
    assert len({key.secret for key in keys}) == 1_000
    assert {len(key.text) for key in keys} == {45}


def test_a_key_that_is_printed_gives_nothing_away():
    key = new_api_key()
    assert key.secret not in repr(key)
    assert key.secret not in f"{[key]}"
    assert key.__rich_repr__() == [("prefix", key.prefix)]


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}a", "Bearer {}", "{}é", "{}\ud800"])
def test_a_key_with_anything_around_it_is_refused(change):
    with pytest.raises(InvalidToken):
        parse_api_key(change.format(new_api_key().text))


def test_an_access_token_is_no_api_key():
    with pytest.raises(InvalidToken):
        parse_api_key(AccessTokens(KeyRing("k" * 32)).issue(UserId(new_id()), SessionId(new_id())))


def test_an_api_key_is_no_access_token():
    with pytest.raises(InvalidToken):
        AccessTokens(KeyRing("k" * 32)).verify(new_api_key().text)


@given(st.text())
def test_no_text_gets_another_error(text):
    with pytest.raises(InvalidToken):
        parse_api_key(text)
