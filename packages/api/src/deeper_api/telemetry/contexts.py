"""What every log line says of where it belongs: the request, or the generation that one began, and its trace."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import Context, ContextVar

from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

_request_id: ContextVar[str | None] = ContextVar("deeper_request_id", default=None)

# For tasks that work for whoever comes: what begins one by chance must not be named by its lines and spans.
NOBODYS = Context


@contextmanager
def in_request(request_id: str) -> Generator[None]:
    """Name this request in whatever is logged here, and in tasks that are begun here."""
    token = _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.reset(token)


def current_fields() -> dict[str, str]:
    """Return the fields that a line written here and now has besides its own."""
    fields: dict[str, str] = {}
    if (request_id := _request_id.get()) is not None:
        fields["request_id"] = request_id
    if (span := get_current_span().get_span_context()).is_valid:
        fields["trace_id"] = format_trace_id(span.trace_id)
        fields["span_id"] = format_span_id(span.span_id)
    return fields
