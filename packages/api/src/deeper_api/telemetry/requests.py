"""Metrics and spans of HTTP requests, as https://opentelemetry.io/docs/specs/semconv/http names them."""

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from msgspec import Struct
from opentelemetry.metrics import Meter
from opentelemetry.trace import Span

from deeper_api.telemetry.tallies import gauge
from deeper_api.telemetry.traces import UNTRACED, Tracing, fail

# Fewer than the convention advises: each costs a series for every route and status. In seconds.
_BOUNDS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10)
# Those that this server has; whatever else clients make up has one name.
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
NO_ROUTE: Final = "(none)"
# In place of the paths of files that are no pages: there is one for each of them.
FILE: Final = "(file)"


class Served(Struct, frozen=True, kw_only=True):
    """A request after its response, or after it was found that there will be none: ``status`` is 0.

    ``route`` is the template of a path, never the path itself, which may hold anything.
    """

    method: str
    route: str
    status: int
    seconds: float
    request_id: str


class Requests:
    """Watches over the requests of this process, each to the end of its response, streams included."""

    def __init__(self, meter: Meter, tracing: Tracing | None) -> None:
        self._tracing = tracing
        self._active = 0
        self._duration = meter.create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=_BOUNDS,
        )
        gauge(
            meter,
            "http.server.active_requests",
            lambda: self._active,
            unit="{request}",
            description="Number of active HTTP server requests.",
        )

    def traced(
        self, headers: Iterable[tuple[bytes, bytes]], served: Callable[[], Served]
    ) -> AbstractContextManager[None]:
        """Trace a request, if any are, for as long as the context lasts; ``served`` then tells what came of it."""
        return UNTRACED if self._tracing is None else _traced(self._tracing, headers, served)

    def begin(self) -> None:
        """Count a request among those that are served."""
        self._active += 1

    def end(self, served: Served) -> None:
        """Count what came of a request."""
        self._active -= 1
        attributes: dict[str, str | int] = {
            "http.request.method": _known(served.method),
            "http.route": served.route,
            "http.response.status_code": served.status,
        }
        self._duration.record(served.seconds, attributes)


@contextmanager
def _traced(tracing: Tracing, headers: Iterable[tuple[bytes, bytes]], served: Callable[[], Served]) -> Generator[None]:
    with tracing.request(headers) as span:
        try:
            yield
        finally:
            _describe(span, served())


def _describe(span: Span, served: Served) -> None:
    method = _known(served.method)
    span.update_name(method if served.route == NO_ROUTE else f"{method} {served.route}")
    span.set_attributes(
        {"http.request.method": method, "http.route": served.route, "deeper.request.id": served.request_id}
    )
    if served.status:
        span.set_attribute("http.response.status_code", served.status)
    if served.status == 0 or served.status >= 500:
        fail(span, str(served.status or "no_response"))


def _known(method: str) -> str:
    return method if method in _METHODS else "_OTHER"
