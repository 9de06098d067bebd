import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_auth import PasswordPolicy
from deeper_auth.password_policies import common_passwords
from deeper_core import ValidationFailed

POLICY = PasswordPolicy()
SOUND = "correct horse battery staple"


@pytest.mark.parametrize(
    "password", [SOUND, "zxcvqwer", "        x", "ヒミツのことばです", "\N{GRINNING FACE}" * 8, "x" * 1024, "0" * 30]
)
def test_length_is_all_that_is_asked_for(password):
    assert POLICY.faults(password) == ()


@pytest.mark.parametrize("password", ["", "seven 7", "cafe\u0301 12", "x" * 1025, "ab\ud800cdefgh"])
def test_a_password_too_short_too_long_or_not_unicode_is_refused(password):
    assert len(POLICY.faults(password)) == 1


def test_length_is_counted_after_normalisation():
    assert len("pe\u0301qxuvw") == 8
    assert POLICY.faults("pe\u0301qxuvw")
    assert not POLICY.faults("pe\u0301qxuvwz")
    assert not POLICY.faults(unicodedata.normalize("NFD", "\u1f82" * 1024))


@pytest.mark.parametrize("password", ["nul\0nul\0nul", "line\nbreak", "tab\ttabtab", "\x7f" * 9, "c1\x85c1c1c1"])
def test_control_characters_are_refused(password):
    assert [fault.message for fault in POLICY.faults(password)] == ["A password holds no control characters."]


@pytest.mark.parametrize("password", ["password", "PASSWORD", "Password1", "1234567890", "iloveyou", "qwertyuiop"])
def test_common_passwords_are_refused_however_they_are_capitalised(password):
    assert len(POLICY.faults(password)) == 1


def test_the_list_holds_at_least_the_3000_that_asvs_asks_for():
    assert len(common_passwords()) >= 3_000
    assert min(map(len, common_passwords())) == 8
    assert {entry.lower() for entry in common_passwords()} == common_passwords()


@pytest.mark.parametrize("password", ["ann@example.org", "ANN@Example.org"])
def test_the_email_address_is_no_password(password):
    assert len(POLICY.faults(password, email="ann@example.org")) == 1
    assert POLICY.faults(password, email="bob@example.org") == ()


def test_the_least_length_can_be_set():
    assert PasswordPolicy(min_length=15).faults("x" * 14)
    assert not PasswordPolicy(min_length=15).faults("x" * 15)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("x" * 1025, "A password is valid Unicode: at most 1024 letters, with 30 marks each."),
        ("xvqz 12", "A password has at least 8 characters."),
        ("password", "This password is one of the most common ones, which are tried first."),
        ("ann@example.org", "A password must not be the e-mail address."),
    ],
)
def test_each_fault_is_said_in_words_at_the_field_of_a_password(password, message):
    (fault,) = POLICY.faults(password, email="ann@example.org")
    assert (fault.field, fault.message) == ("$.password", message)


def test_every_fault_is_told_at_once_at_the_field_of_the_caller():
    faults = POLICY.faults("\0", field="$.new_password")
    assert len(faults) == 2
    assert {fault.field for fault in faults} == {"$.new_password"}


def test_what_may_not_be_chosen_is_refused_with_the_reasons():
    with pytest.raises(ValidationFailed) as refusal:
        POLICY.require("password")
    assert [fault.field for fault in refusal.value.details] == ["$.password"]


def test_whoever_requires_a_password_to_be_sound_says_of_whom_and_where():
    with pytest.raises(ValidationFailed) as refusal:
        POLICY.require("ann@example.org", email="ann@example.org", field="$.new_password")
    assert [(fault.field, fault.message) for fault in refusal.value.details] == [
        ("$.new_password", "A password must not be the e-mail address.")
    ]


def test_what_may_be_chosen_passes():
    POLICY.require(SOUND, email="ann@example.org")


@given(st.text(max_size=40))
def test_no_message_repeats_the_password(password):
    longer = password + "\0§secret§"
    assert not [fault for fault in POLICY.faults(longer) if "§secret§" in fault.message]


@given(st.text(), st.none() | st.text())
def test_any_text_gets_an_answer(password, email):
    assert isinstance(POLICY.faults(password, email=email), tuple)
