"""From what somebody typed to what is looked for."""

import re
import unicodedata
from typing import Final

from deeper_api.store.searches import Words
from deeper_core import ErrorDetail, ValidationFailed

MAX_CHARACTERS: Final = 300
# Ranking and snippets take longer with every word.
_MAX_WORDS: Final = 16
# A prefix of one letter is the beginning of too much, except where a letter is a word.
_PREFIX_LETTERS: Final = 2
_WIDE: Final = frozenset("WF")

# A word as PostgreSQL writes it in a query: in quotes, with quotes and backslashes doubled, behind "!" if excluded.
_WORD: Final = re.compile(r"(?P<excluded>!?)'(?P<word>(?:[^'\\]|''|\\\\)*)'")


def checked_text(text: str) -> str:
    """Return what to search for without the blanks around it.

    Raises:
        ValidationFailed: it is empty or too long, or holds U+0000 or what is no character.
    """
    text = text.strip()
    if not 1 <= len(text) <= MAX_CHARACTERS:
        raise refusal(f"Expected 1 to {MAX_CHARACTERS} characters")
    if any(each == "\0" or "\ud800" <= each <= "\udfff" for each in text):
        raise refusal("Expected text without U+0000")
    return text


def words_of(text: str, query: str) -> Words:
    """Return what to look for, given what was typed and what PostgreSQL made of it.

    The last word may go on: it is looked for as the beginning of a word too, unless it closes a quotation, is excluded
    or has one letter of an alphabet.

    Raises:
        ValidationFailed: there are no words in it, or too many.
    """
    found = list(_WORD.finditer(query))
    if not found:
        raise refusal("Expected a word")
    if len(found) > _MAX_WORDS:
        raise refusal(f"Expected at most {_MAX_WORDS} words")
    last = found[-1]
    goes_on = (
        last.end() == len(query)
        and not last["excluded"]
        and not text.endswith('"')
        and _may_go_on(_plain(last["word"]))
    )
    wanted = [_plain(each["word"]) for each in found if not each["excluded"]]
    patterns = [_pattern(word, goes_on=goes_on and each == len(wanted) - 1) for each, word in enumerate(wanted)]
    return Words(query=f"{query}:*" if goes_on else query, pattern="|".join(patterns) or "^")


def refusal(message: str) -> ValidationFailed:
    """Return the error that says of the parameter ``q`` what was expected."""
    return ValidationFailed(details=(ErrorDetail(message=message, field="q"),))


def _may_go_on(word: str) -> bool:
    return len(word) >= _PREFIX_LETTERS or unicodedata.east_asian_width(word) in _WIDE


def _plain(word: str) -> str:
    return word.replace("''", "'").replace("\\\\", "\\")


def _pattern(word: str, *, goes_on: bool) -> str:
    r"""Return a regular expression of PostgreSQL's that finds ``word``; \m and \M are there the ends of a word."""
    start = r"\m" if word[:1].isalnum() else ""
    end = r"\M" if word[-1:].isalnum() and not goes_on else ""
    return f"{start}{re.escape(word)}{end}"
