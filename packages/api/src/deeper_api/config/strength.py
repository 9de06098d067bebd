"""Telling secrets that were drawn from those that somebody typed, or forgot to replace."""

from itertools import pairwise
from urllib.parse import urlsplit

# A secret with fewer distinct characters than this, or fewer distinct steps from one to the next, was typed.
_DISTINCT = 10
# Words of those who mean something else to stand there. Fewer than one in 10,000 secrets that were drawn has any.
_PLACEHOLDERS = (
    *("change", "secret", "password", "example", "default", "replace", "insert", "random", "sample", "openssl"),
    *("12345678", "qwerty", "your-", "your_"),
)


def is_placeholder(secret: str) -> bool:
    """Return whether ``secret`` was typed: it has such a word, or too little of what chance has, or repeats itself."""
    text = secret.lower()
    pairs = list(pairwise(text))
    steps = {ord(after) - ord(before) for before, after in pairs}
    repeats = len(set(pairs)) <= len(pairs) // 2
    return min(len(set(text)), len(steps)) < _DISTINCT or repeats or _has_placeholder(text)


def has_weak_password(url: str) -> bool:
    """Return whether the password in ``url``, if there is one, has such a word or is the name of the user."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    password = (parts.password or "").lower()
    return bool(password) and (_has_placeholder(password) or password == (parts.username or "").lower())


def _has_placeholder(text: str) -> bool:
    return any(word in text for word in _PLACEHOLDERS)
