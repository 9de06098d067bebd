import pytest

from deeper_api.conversations.queries import checked_text, words_of
from deeper_core import ValidationFailed


@pytest.mark.parametrize(
    ("text", "query", "wanted", "pattern"),
    [
        ("hel", "'hel'", "'hel':*", r"\mhel"),
        ("a", "'a'", "'a'", r"\ma\M"),
        ("天", "'天'", "'天':*", r"\m天"),
        ("a b", "'a' & 'b'", "'a' & 'b'", r"\ma\M|\mb\M"),
        ("blue sk", "'blue' & 'sk'", "'blue' & 'sk':*", r"\mblue\M|\msk"),
        ('"blue sky"', "'blue' <-> 'sky'", "'blue' <-> 'sky'", r"\mblue\M|\msky\M"),
        ('"blue sk', "'blue' & 'sk'", "'blue' & 'sk':*", r"\mblue\M|\msk"),
        ("blue -sky", "'blue' & !'sky'", "'blue' & !'sky'", r"\mblue\M"),
        ("-sky", "!'sky'", "!'sky'", "^"),
        ('-"blue sky', "!( 'blue' <-> 'sky' )", "!( 'blue' <-> 'sky' )", r"\mblue\M|\msky\M"),
        ("a or bc", "'a' | 'bc'", "'a' | 'bc':*", r"\ma\M|\mbc"),
        ("/a.com/b", "'/a.com/b'", "'/a.com/b':*", r"/a\.com/b"),
        ("o'x", "'o''x'", "'o''x':*", r"\mo'x"),
        ("o\\x", "'o\\\\x'", "'o\\\\x':*", r"\mo\\x"),
        ("été", "'été'", "'été':*", r"\mété"),
    ],
)
def test_the_last_word_may_go_on(text: str, query: str, wanted: str, pattern: str):
    words = words_of(text, query)
    assert (words.query, words.pattern) == (wanted, pattern)


def test_what_has_no_words_is_refused():
    with pytest.raises(ValidationFailed):
        words_of("!!", "")


def test_more_words_than_can_be_ranked_are_refused():
    words_of("a", " & ".join(["'a'"] * 16))
    with pytest.raises(ValidationFailed, match="not allowed") as caught:
        words_of("a", " & ".join(["'a'"] * 17))
    assert [(detail.field, detail.message) for detail in caught.value.details] == [("q", "Expected at most 16 words")]


@pytest.mark.parametrize("text", ["", "  ", "\u3000", "x" * 301, "a\0b", "\ud800"])
def test_what_cannot_be_searched_for_is_refused(text: str):
    with pytest.raises(ValidationFailed):
        checked_text(text)


def test_blanks_around_what_is_searched_for_do_not_matter():
    assert checked_text(" \n a  b ") == "a  b"
