"""Titles of conversations: those that users give, and those that are made of first words."""

import re
import unicodedata
from typing import Final

from deeper_core import ErrorDetail, ValidationFailed

MAX_TITLE: Final = 200  # characters
_WORDS: Final = 60  # characters of a title that is made of words
# More than a title ever needs, so that nobody has megabytes looked through for one.
_LOOKED_AT: Final = 2_000

# Characters that turn the direction of what follows, and unless something ends it also of what comes after a title:
# https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters. Scripts that run from right to left need none
# of them in a title, nor do marks such as U+200F do harm.
_TURNING: Final = str.maketrans("", "", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# What Markdown puts at the beginning of a line, and around words.
_LINE_MARKS: Final = re.compile(
    r"""
    ^[ \t]*
    (?:
        (?:`{3,}|~{3,})[^`\n]*$  # a fence with its language
        | [-*_=|: \t]{3,}$  # a rule, or the line below the head of a table
        | (?: (?:\#{1,6}|[-*+]|\d{1,9}[.)])[ \t]+ | >[ \t]? )+  # a heading, an item, a quotation
    )
    """,
    re.MULTILINE | re.VERBOSE,
)
_LINKS: Final = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_EMPHASIS: Final = re.compile(r"(\*{1,3}|_{1,3}|~~|`+)(?=\S)(.+?)(?<=\S)\1(?!\w)")


def title_from(text: str) -> str:
    """Return a title made of the first words of ``text``: one line of at most 60 characters; empty for a blank text.

    Marks of Markdown and control characters are left out. What is cut is cut between words, where there are any, and
    ends with an ellipsis.
    """
    looked_at = text[:_LOOKED_AT]
    plain = _LINKS.sub(r"\1", _LINE_MARKS.sub(" ", looked_at))
    plain = _EMPHASIS.sub(r"\2", plain)
    words = tidied(plain) or tidied(looked_at)
    if len(words) <= _WORDS and len(text) <= _LOOKED_AT:
        return words
    return _cut(words, _WORDS)


def checked_title(text: str) -> str:
    """Return the title that a user gave, without the blanks around it and without what turns the direction of a line.

    Raises:
        ValidationFailed: nothing is left, or more than 200 characters, or there is a control character in it.
    """
    title = text.translate(_TURNING).strip()
    if not 1 <= len(title) <= MAX_TITLE:
        raise _refusal(f"Expected 1 to {MAX_TITLE} characters")
    if any(map(_breaks_lines, title)):
        raise _refusal("Expected one line, without control characters")
    return title


def tidied(text: str) -> str:
    """Return ``text`` as one line: no control characters, nothing that turns it, and one space where there was more."""
    return " ".join("".join(" " if _breaks_lines(each) else each for each in text.translate(_TURNING)).split())


def _cut(words: str, length: int) -> str:
    if len(words) < length:
        return words + "…" if words else ""
    kept = words[:length]  # one more than there is room for, to see whether a word ends there
    whole = kept.rpartition(" ")[0] if not kept.endswith(" ") else kept
    return (whole.rstrip(" ,;:-") or kept[: length - 1]) + "…"


def _breaks_lines(character: str) -> bool:
    # Cc: controls, line feeds among them; Zl and Zp: the separators of lines and paragraphs; Cs: no characters at all
    return unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"}


def _refusal(message: str) -> ValidationFailed:
    return ValidationFailed(details=(ErrorDetail(message=message, field="$.title"),))
