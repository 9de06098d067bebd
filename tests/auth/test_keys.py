import pytest

from deeper_auth import KeyPurpose, KeyRing
from deeper_auth.keys import derive_key

SECRET = "correct horse battery staple 0123456789"


def test_a_short_secret_is_refused_without_being_repeated():
    with pytest.raises(ValueError, match="32 bytes") as refusal:
        KeyRing("short-secret-of-mine")
    assert "short-secret" not in str(refusal.value)


def test_a_short_previous_secret_is_refused_too():
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing(SECRET, ["x" * 31])


def test_a_secret_that_is_no_unicode_is_refused_and_not_carried_along():
    with pytest.raises(ValueError, match="valid Unicode") as refusal:
        KeyRing(SECRET, [SECRET + "\udc80"])
    assert type(refusal.value) is ValueError
    assert refusal.value.__context__ is None


@pytest.mark.parametrize("half", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_no_half_of_a_pair_is_unicode(half):
    with pytest.raises(ValueError, match=r"^each signing secret is valid Unicode, or bytes$"):
        KeyRing(SECRET + chr(half))


def test_the_letters_beside_the_halves_of_pairs_are_unicode():
    assert KeyRing(SECRET + "\ud7ff\ue000").current(KeyPurpose.ACCESS).id


def test_a_ring_shows_the_ids_of_its_keys():
    ring = KeyRing(SECRET)
    access, refresh = ring.current(KeyPurpose.ACCESS).id, ring.current(KeyPurpose.REFRESH).id
    assert repr(ring) == f"KeyRing(access=(SigningKey(id='{access}'),), refresh=(SigningKey(id='{refresh}'),))"


def test_the_secrets_of_before_are_a_list():
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing(SECRET, SECRET)


def test_length_is_counted_in_bytes():
    assert KeyRing("ä" * 16).current(KeyPurpose.ACCESS).id


def test_text_and_bytes_are_the_same_secret():
    assert KeyRing(SECRET).current(KeyPurpose.ACCESS).id == KeyRing(SECRET.encode()).current(KeyPurpose.ACCESS).id


def test_each_purpose_has_a_key_of_its_own():
    ring = KeyRing(SECRET)
    keys = {ring.current(purpose).secret for purpose in KeyPurpose}
    assert len(keys) == len(KeyPurpose)
    assert SECRET.encode() not in keys


def test_the_current_key_comes_first():
    ring = KeyRing(SECRET, ["p" * 32, "q" * 32])
    assert ring.accepted(KeyPurpose.REFRESH)[0] is ring.current(KeyPurpose.REFRESH)
    assert len({key.id for key in ring.accepted(KeyPurpose.REFRESH)}) == 3


def test_nothing_secret_is_ever_shown():
    ring = KeyRing(SECRET)
    key = ring.current(KeyPurpose.ACCESS)
    for text in (repr(ring), str(ring), repr(key), f"{key}", repr([ring, {"key": key}])):
        assert SECRET not in text
        assert key.secret.hex() not in text
        assert repr(key.secret)[2:-1] not in text


def test_the_ids_of_keys_stay_what_they_are_for_tokens_name_them():
    ring = KeyRing("0" * 32)
    assert ring.current(KeyPurpose.ACCESS).id == "937cd2f5995af106"
    assert ring.current(KeyPurpose.REFRESH).id == "b4c48afab18563bb"


def test_the_id_is_not_a_part_of_the_key():
    key = KeyRing(SECRET).current(KeyPurpose.ACCESS)
    assert key.id not in key.secret.hex()


def test_keys_are_derived_as_rfc_5869_says():
    # Appendix A.1, whose first 32 bytes of output are the first block.
    secret = bytes.fromhex("0b" * 22)
    salt = bytes.fromhex("000102030405060708090a0b0c")
    label = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
    assert derive_key(secret, salt, label).hex() == expected
