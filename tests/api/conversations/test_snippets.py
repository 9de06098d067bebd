from hypothesis import given
from hypothesis import strategies as st

from deeper_api.conversations.snippets import snippet_of
from deeper_api.store.searches import MARKS

OPENING, CLOSING = MARKS
WORDS = st.text(st.characters(exclude_characters="".join(MARKS), exclude_categories=["Cs"]))


@given(st.lists(st.tuples(WORDS, WORDS)))
def test_the_highlights_are_what_stood_between_the_marks(pieces: list[tuple[str, str]]):
    snippet = snippet_of("".join(f"{plain}{OPENING}{marked}{CLOSING}" for plain, marked in pieces))
    marked = [snippet.text[start:end] for start, end in snippet.highlights]
    assert [len(each) for each in marked] == [len(each) for _, each in pieces]
    assert len(snippet.text) == sum(len(plain) + len(each) for plain, each in pieces)
    for each, (_, given_word) in zip(marked, pieces, strict=True):
        assert each == given_word or not given_word.isprintable()


def test_a_snippet_is_one_line_in_which_no_place_has_moved():
    snippet = snippet_of(f"one\r\ntwo\t{OPENING}thr\u2028ee{CLOSING}\x07")
    assert (snippet.text, snippet.highlights) == ("one  two thr ee ", ((9, 15),))


def test_places_are_counted_in_code_points():
    assert snippet_of(f"👩‍👩‍👧 é {OPENING}x{CLOSING}").highlights == ((8, 9),)


def test_a_mark_that_is_not_closed_reaches_to_the_end():
    assert snippet_of(f"a {OPENING}b c").highlights == ((2, 5),)
