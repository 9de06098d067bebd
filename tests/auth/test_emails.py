import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_auth import parse_email
from deeper_core import ValidationFailed

LABEL = "d" * 59
ANY = st.characters(exclude_categories=())  # lone surrogates too


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("ann@example.org", "ann@example.org"),
        ("Ann.Smith@Example.ORG", "ann.smith@example.org"),
        ("ann+tag@example.org", "ann+tag@example.org"),
        ("ann@b\u00fccher.example", "ann@xn--bcher-kva.example"),
        ("ann@u\u0308ber.example", "ann@xn--ber-goa.example"),
        ("ann@B\u00dcCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
    ],
)
def test_an_address_is_kept_as_written_and_compared_by_its_key(text, key):
    email = parse_email(text)
    assert (email.original, email.key) == (text, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "ann@example",
        "ann@@example.org",
        "ann @example.org",
        " ann@example.org",
        "ann@example.org ",
        "ann@example.org\n",
        "ann\r\nBcc: all@example.org",
        "ann\0@example.org",
        "ann@exam\0ple.org",
        '"ann"@example.org',
        "ann@[192.0.2.1]",
        "Ann <ann@example.org>",
        "ann..smith@example.org",
        ".ann@example.org",
        "\u0430nn@example.org",
        "\u00e4nn@example.org",
        "ann\u200b@example.org",
        "ann\u202e@example.org",
        "ann@exam\u200bple.org",
        "\ud800@example.org",
        "ann@\ud800.example",
        "x" * 65 + "@example.org",
        "ann@" + ".".join([LABEL] * 4) + ".example.org",
        "ann@" + "x" * 1_000_000,
    ],
)
def test_what_is_no_address_or_a_dangerous_one_is_refused(text):
    with pytest.raises(ValidationFailed) as refusal:
        parse_email(text, field="$.login")
    assert [detail.field for detail in refusal.value.details] == ["$.login"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ann", "This is not an e-mail address that can be used here."),
        ("j\u00f6rg@example.com", "This is not an e-mail address that can be used here."),
        ("x" * 65 + "@example.com", "An e-mail address has at most 64 characters before the @ sign."),
        ("ann@" + "x" * 251, "An e-mail address has at most 254 characters."),
    ],
)
def test_a_refusal_says_why_and_where(text, message):
    with pytest.raises(ValidationFailed) as refusal:
        parse_email(text)
    assert [(detail.field, detail.message) for detail in refusal.value.details] == [("$.email", message)]


def test_254_characters_are_allowed_and_255_are_not():
    start = "ann@" + ".".join([LABEL] * 4) + "."
    longest = start + "o" * (254 - len(start))
    assert len(parse_email(longest).key) == 254
    with pytest.raises(ValidationFailed):
        parse_email(longest + "o")


def test_an_international_address_is_measured_as_it_is_sent():
    text = "ann@" + ".".join(["\u00fc" * 40] * 5) + ".org"
    assert len(text) <= 254
    with pytest.raises(ValidationFailed):
        parse_email(text)


@given(st.emails())
def test_the_key_of_a_key_is_itself(text):
    try:
        key = parse_email(text).key
    except ValidationFailed:
        return
    assert parse_email(key).key == key
    assert parse_email(text.upper() if text.isascii() else text).key == key


@given(st.text(ANY) | st.builds("{}@{}.org".format, st.text(ANY, max_size=5), st.text(ANY, max_size=5)))
def test_any_text_gets_an_answer(text):
    try:
        key = parse_email(text).key
    except ValidationFailed:
        return
    assert key.isascii()
