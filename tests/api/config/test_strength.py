"""Which secrets look as if nobody had drawn them."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.config.strength import has_weak_password, is_placeholder


@pytest.mark.parametrize(
    "secret",
    [
        "changeme-changeme-changeme-change",
        "this-is-my-SECRET-for-production-9",
        "correct-horse-battery-PASSWORD-78",
        "an-example-key-that-was-copied-01",
        "default-signing-key-of-a-tutorial",
        "1234567890abcdefghijklmnopqrstuv",
        "replace-me-before-you-go-live-999",
        "Your-Signing-Key-Goes-Here-Please",
        "<paste the output of openssl rand>",
        "qwertyuiopasdfghjklzxcvbnm-98765",
        "a" * 64,
        "abababab" * 8,
        "abcdefghijklmnopqrstuvwxyz{|}~\x7f",
        "00112233445566778899aabbccddeeff",
        "0f9b4c7d2e8a" * 3,
        " " * 32,
    ],
)
def test_what_was_typed_is_a_placeholder(secret: str):
    assert is_placeholder(secret)
    assert is_placeholder(secret.upper())


@pytest.mark.parametrize(
    "spell",
    [
        bytes.hex,
        lambda drawn: drawn[:16].hex(),
        lambda drawn: drawn.hex().upper(),
        lambda drawn: b64encode(drawn).decode(),
        lambda drawn: urlsafe_b64encode(drawn).decode().rstrip("="),
    ],
    ids=["hex", "half of it", "upper case", "base64", "for URLs"],
)
def test_what_was_drawn_is_none(spell: Callable[[bytes], str]):
    drawing = Random("the same in each run")
    assert [secret for _ in range(1_000) if is_placeholder(secret := spell(drawing.randbytes(32)))] == []


@given(st.text())
def test_any_text_is_the_one_or_the_other(text: str):
    assert is_placeholder(text) in {True, False}
    assert has_weak_password(text) in {True, False}


@pytest.mark.parametrize("password", ["changeme", "CHANGE-ME", "deeper", "Deeper", "postgres-password", "12345678"])
def test_a_password_that_anybody_would_try_is_weak(password: str):
    assert has_weak_password(f"postgresql://deeper:{password}@host/deeper")


@pytest.mark.parametrize(
    "url",
    ["postgresql://deeper@h/d", "postgresql://deeper:pQ8v0c2kT5@h/d", "redis://h/0", "host=h user=deeper", "", "[:"],
)
def test_no_password_is_not_a_weak_one(url: str):
    assert not has_weak_password(url)
