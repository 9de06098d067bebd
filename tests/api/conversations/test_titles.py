import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.conversations.titles import checked_title, tidied, title_from
from deeper_core import ValidationFailed

# By Unicode's names: embeddings, overrides and isolates, and what ends them.
TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
CONTROLS = "".join(chr(each) for each in [*range(32), *range(127, 160), 0x2028, 0x2029])


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("", ""),
        ("  \n\t ", ""),
        ("\x00\x07\x1b", ""),
        ("Hello", "Hello"),
        ("  Hello,\n\n world!  ", "Hello, world!"),
        ("How do I\tsort a list?\r\nThanks", "How do I sort a list? Thanks"),
        ("# A heading\nand text", "A heading and text"),
        ("## **Bold** and `code` and *this*", "Bold and code and this"),
        ("- one\n- two\n1. three", "one two three"),
        ("> quoted\n>> twice", "quoted twice"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("Title\n=====\ntext", "Title text"),
        ("see [the docs](https://example.com/x) and ![a cat](cat.png)", "see the docs and a cat"),
        ("2 * 3 * 4 = 24", "2 * 3 * 4 = 24"),
        ("snake_case_names stay", "snake_case_names stay"),
        ("C# and C++", "C# and C++"),
        ("#hashtag stays", "#hashtag stays"),
        ("---", "---"),
        ("为什么天空是蓝色的", "为什么天空是蓝色的"),
        ("a" * 60, "a" * 60),
        ("a" * 61, "a" * 59 + "…"),
        ("word " * 20, "word " * 11 + "word…"),
        ("x" * 58 + " y z", "x" * 58 + "…"),
        ("x" * 59 + " y", "x" * 59 + "…"),
        (f"{'x' * 52} and, more", f"{'x' * 52} and…"),
    ],
)
def test_a_title_is_the_first_words(text: str, title: str):
    assert title_from(text) == title


@given(st.text() | st.text(alphabet="ab #*_`>-=[]()!\n\t\x07 ", max_size=300))
def test_a_title_fits_into_a_list(text: str):
    title = title_from(text)
    assert len(title) <= 60
    assert title == title.strip()
    assert not set(title) & set(CONTROLS)
    assert bool(title) == bool(tidied(text))


@given(st.text(min_size=3_000, max_size=4_000))
def test_a_long_text_ends_with_an_ellipsis(text: str):
    assert title_from(text)[-1:] in {"…", ""}


def test_a_title_is_made_at_once_of_however_much():
    assert title_from("**" * 4_000_000).startswith("*")
    assert title_from("[" * 4_000_000).startswith("[")


@pytest.mark.parametrize("text", ["x", "x" * 200, "Ünïcode 👩‍👩‍👧", "a\u200db", "# *x*"])
def test_a_users_title_is_taken_as_it_is(text: str):
    assert checked_title(f"  {text}\u3000\n") == text


@pytest.mark.parametrize("make", [checked_title, tidied, title_from])
def test_nothing_in_a_title_turns_the_direction_of_a_line(make: Callable[[str], str]):
    turning = [chr(each) for each in range(0x110000) if unicodedata.bidirectional(chr(each)) in TURNING]
    assert len(turning) == 9
    assert make("a" + "".join(turning) + "b") == "ab"
    assert make("\u202e evil \u202d") == "evil"
    assert make("שלום\u200f 1, سلام\u200e") == "שלום\u200f 1, سلام\u200e"


@pytest.mark.parametrize("text", ["", "   ", "\u202e \u2066", "x" * 201, *(f"a{each}b" for each in CONTROLS)])
def test_a_users_title_that_cannot_be_one_is_refused(text: str):
    with pytest.raises(ValidationFailed) as caught:
        checked_title(text)
    assert [detail.field for detail in caught.value.details] == ["$.title"]


def test_no_character_of_a_title_is_a_control():
    assert [each for each in tidied(CONTROLS) if unicodedata.category(each) == "Cc"] == []
