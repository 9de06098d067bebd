"""Headers that go with whatever is asked of a model server in some context, such as those of a trace."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_passed_on: ContextVar[Mapping[str, str] | None] = ContextVar("deeper_model_headers", default=None)


@contextmanager
def passing_on(headers: Mapping[str, str]) -> Generator[None]:
    """Send ``headers``, too, with each request that begins in the context, in this task or one that it begins.

    Those that a provider sends anyway win.
    """
    token = _passed_on.set(headers)
    try:
        yield
    finally:
        _passed_on.reset(token)


def passed_on() -> Mapping[str, str]:
    """Return the headers that are to be sent here and now."""
    return _passed_on.get() or {}
