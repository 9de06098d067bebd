"""Parameters in queries that are more than text.

Litestar would take ``null`` for nothing at all, and calls what it refuses by its name in Python.
"""

from typing import TypeVar

import msgspec

from deeper_core import ErrorDetail, ValidationFailed

T = TypeVar("T")


def parsed(parameter: str, text: str | None, kind: type[T], expected: str) -> T | None:
    """Return the value that ``text`` spells, None where there is none.

    Raises:
        ValidationFailed: it spells no value of this kind; the details say what was ``expected``.
    """
    try:
        return None if text is None else msgspec.convert(text, kind)
    except msgspec.ValidationError as error:
        raise refusal(parameter, expected) from error


def plain(parameter: str, text: str | None, most: int) -> str | None:
    """Return one line of text of at most so many characters, without the blanks around it; None where there is none.

    Raises:
        ValidationFailed: it is none.
    """
    if text is None:
        return None
    text = text.strip()
    if not 1 <= len(text) <= most:
        raise refusal(parameter, f"Expected 1 to {most} characters")
    if not text.isprintable():
        raise refusal(parameter, "Expected one line, without control characters")
    return text


def refusal(parameter: str, message: str) -> ValidationFailed:
    """Return the error that says what was expected of a parameter."""
    return ValidationFailed(details=(ErrorDetail(message=message, field=parameter),))
