"""Snippets of what was found, with the places of the words."""

import unicodedata

from msgspec import Struct

from deeper_api.store.searches import MARKS


class Snippet(Struct, frozen=True, kw_only=True):
    """A piece of a text; ``highlights`` are pairs of code points, from the first to the one behind the last."""

    text: str
    highlights: tuple[tuple[int, int], ...]


def snippet_of(headline: str) -> Snippet:
    """Return the text of a headline in one line, and where in it the words between `MARKS` are."""
    opening, closing = MARKS
    pieces = headline.split(opening)
    text = [pieces[0]]
    length = len(pieces[0])
    highlights: list[tuple[int, int]] = []
    for piece in pieces[1:]:
        word, _, rest = piece.partition(closing)
        highlights.append((length, length + len(word)))
        text += word, rest
        length += len(word) + len(rest)
    return Snippet(text=_in_one_line("".join(text)), highlights=tuple(highlights))


def _in_one_line(text: str) -> str:
    """Return ``text`` with a space for each character that is none to be seen, so that no place in it moves."""
    return "".join(" " if unicodedata.category(each) in {"Cc", "Zl", "Zp"} else each for each in text)
