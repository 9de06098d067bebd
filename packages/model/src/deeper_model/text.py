"""Making a model's text fit to be stored and sent on."""

import re

# JSON can escape halves of surrogate pairs. Model servers that cut their text between two UTF-16 units send one half at
# the end of a delta and the other at the start of the next. Neither UTF-8 nor PostgreSQL can hold a half, and
# PostgreSQL cannot hold NUL.
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_HIGH_FIRST, _HIGH_LAST = "\ud800", "\udbff"
REPLACEMENT = "�"


def mend(text: str) -> str:
    """Return ``text`` with its surrogate pairs joined, and what is left of surrogates and NUL as U+FFFD."""
    if not _UNFIT.search(text):
        return text
    return _UNFIT.sub(REPLACEMENT, _PAIR.sub(_join, text))


class TextMender:
    """`mend` for a text that comes in pieces: a pair that was cut between two pieces is joined, too."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return ``text`` mended, but for a high surrogate at its end, which waits for its other half."""
        if self._held and text:
            text, self._held = self._held + text, ""
        if text and _HIGH_FIRST <= text[-1] <= _HIGH_LAST:
            text, self._held = text[:-1], text[-1]
        return mend(text)

    def close(self) -> str:
        """Return what was still waiting: U+FFFD or nothing."""
        held, self._held = self._held, ""
        return mend(held)


def _join(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le")
