"""Spans of what a request does, and the generation that it begins; nothing at all where no trace is kept.

Attributes are those of https://opentelemetry.io/docs/specs/semconv where it has them. None holds what people write,
their addresses, or the text of an exception.
"""

import asyncio
import importlib
import sys
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final, Protocol, cast

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from deeper_api.config.sections import TracingConfig

Attributes = Mapping[str, str | int | float | bool | tuple[str, ...]]

_W3C: Final = TraceContextTextMapPropagator()
_W3C_HEADERS: Final = (b"traceparent", b"tracestate")
_LONGEST_HEADER: Final = 512  # bytes, as the recommendation has it
# Where a trace is kept, by what spans of it are made.
_tracer: ContextVar[Tracer | None] = ContextVar("deeper_tracer", default=None)
# In place of what traces, where nothing is traced: it does nothing, and may be entered by many at once.
UNTRACED: Final = nullcontext()
# What a server that ends waits for its last spans to be sent.
_LAST_SECONDS: Final = 3.0


class Tracing:
    """Traces requests, and sends what it keeps of them to a collector while it is running."""

    def __init__(self, config: TracingConfig, version: str) -> None:
        self._config = config
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(config.sample_ratio)),
            resource=Resource.create({SERVICE_NAME: "deepersensor", SERVICE_VERSION: version}),
            shutdown_on_exit=False,
        )
        self._tracer = self._provider.get_tracer("deeper", version)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Send spans for as long as the context lasts, by a thread that is begun here and not before a fork."""
        otlp = cast("_Otlp", importlib.import_module("deeper_api.telemetry.otlp"))
        headers = dict(cast("tuple[str, str]", tuple(header.split("=", 1))) for header in self._config.headers)
        processor = otlp.create_processor(self._config.endpoint, headers)
        self._provider.add_span_processor(processor)
        try:
            yield
        finally:
            await asyncio.to_thread(otlp.shut_down, processor, _LAST_SECONDS)

    @contextmanager
    def request(self, headers: Iterable[tuple[bytes, bytes]]) -> Generator[Span]:
        """Trace what happens in the context as one request, of a caller who may have begun the trace."""
        caller = _caller(headers)
        above, links = Context(), list[Link]()
        if caller is not None and self._config.callers == "parent":
            above = set_span_in_context(NonRecordingSpan(caller), above)
        elif caller is not None:
            links.append(Link(caller))
        token = _tracer.set(self._tracer)
        span = self._tracer.start_span("request", context=above, kind=SpanKind.SERVER, links=links)
        try:
            with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
                yield span
        finally:
            _tracer.reset(token)

    @contextmanager
    def continuing(self, traceparent: str, generation_id: str) -> Generator[None]:
        """Trace what happens in the context as the end of a generation whose own span was lost with its process."""
        above = _W3C.extract({"traceparent": traceparent}, Context())
        attributes = {"deeper.generation.id": generation_id}
        span = self._tracer.start_span("generation taken over", context=above, attributes=attributes)
        fail(span, "interrupted")
        token = _tracer.set(self._tracer)
        try:
            with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
                yield
        finally:
            _tracer.reset(token)


class _Otlp(Protocol):
    """The module `deeper_api.telemetry.otlp`."""

    def create_processor(self, endpoint: str, headers: Mapping[str, str]) -> SpanProcessor: ...

    def shut_down(self, processor: SpanProcessor, seconds: float) -> None: ...


def begin_span(name: str, attributes: Attributes, *, kind: SpanKind = SpanKind.INTERNAL) -> Span | None:
    """Return a new span below the current one, which whoever asked has to end; None where nothing is traced."""
    tracer = _tracer.get()
    return None if tracer is None else tracer.start_span(name, attributes=attributes, kind=kind)


@contextmanager
def span(name: str, attributes: Attributes, *, kind: SpanKind = SpanKind.INTERNAL) -> Generator[Span]:
    """Trace what happens in the context, if the trace is kept. An exception marks it as failed, with its type alone."""
    tracer = _tracer.get()
    if tracer is None or not get_current_span().is_recording():
        yield INVALID_SPAN
        return
    began = tracer.start_span(name, attributes=attributes, kind=kind)
    with use_span(began, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield began
        except BaseException as error:
            fail(began, type(error).__qualname__)
            raise


def within(began: Span | None, *, ends: bool = False) -> AbstractContextManager[object]:
    """Make ``began`` the current span, which ``ends`` with the context or goes on after it."""
    if began is None:
        return UNTRACED
    return use_span(began, end_on_exit=ends, record_exception=False, set_status_on_exception=False)


def fail(began: Span, error: str) -> None:
    """Mark a span as failed with ``error``, a code or the name of a type."""
    began.set_attribute("error.type", error)
    began.set_status(StatusCode.ERROR)


def traced_headers() -> dict[str, str]:
    """Return the headers that continue the current trace elsewhere; none where nothing is traced."""
    headers: dict[str, str] = {}
    if _tracer.get() is not None:
        _W3C.inject(headers)
    return headers


def caller_of(depth: int) -> str:
    """Return the name of the function that called, ``depth`` calls up; empty where nothing is traced.

    It names spans of what every function of a kind does by the same seam. Private ones work for others, who are named.
    """
    if _tracer.get() is None:
        return ""
    frame = sys._getframe(depth + 1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  - documented
    while frame.f_code.co_name.startswith("_") and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_qualname


def _caller(headers: Iterable[tuple[bytes, bytes]]) -> SpanContext | None:
    """Return the span of a caller who sent a ``traceparent``."""
    carrier = {
        name.decode("ascii"): value.decode("latin-1")
        for name, value in headers
        if name in _W3C_HEADERS and len(value) <= _LONGEST_HEADER
    }
    if not carrier:
        return None
    caller = get_current_span(_W3C.extract(carrier, Context())).get_span_context()
    return caller if caller.is_valid else None
