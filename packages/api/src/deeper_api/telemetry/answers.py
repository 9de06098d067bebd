"""Metrics and spans of generations: who was asked, how it ended, and where the time went.

Names are those of the conventions for generative AI, https://github.com/open-telemetry/semantic-conventions-genai,
where there is one: towards the model server this is a client, towards those who follow an answer it is a server.
"""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Final

from msgspec import Struct
from opentelemetry.metrics import Histogram, Meter
from opentelemetry.trace import Span, SpanKind

from deeper_api.telemetry.contexts import in_request
from deeper_api.telemetry.tallies import Tally
from deeper_api.telemetry.traces import Attributes, Tracing, begin_span, fail, traced_headers, within
from deeper_core import ChatRequest, ErrorCode, Timings, Usage
from deeper_model import passing_on

# In seconds.
_LONG: Final = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_SHORT: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
_TOKEN_SECONDS: Final = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5)
_TOKENS: Final = (16, 64, 256, 1_024, 4_096, 16_384, 65_536)
_OTHER: Final = "(other)"
# Models that have series of their own.
_MOST_MODELS: Final = 50
# Of which the time to the first token consists. That of what comes after it is `gen_ai.server.time_per_output_token`.
_PHASES: Final = tuple((phase, f"{phase}_ms") for phase in ("queue", "connect", "load", "prefill"))


class Outcome(Struct, frozen=True, kw_only=True):
    """How a generation ended: by a finish reason, or with the code of an error."""

    finish_reason: str | None = None
    error: str | None = None
    usage: Usage
    timings: Timings


class AnswerMetrics:
    """Counts generations once each, when they end. ``is_listed`` tells whether a model server has a model.

    Only such a name becomes the value of a label, and only the first so many: all others are what people made up.
    """

    def __init__(self, meter: Meter, is_listed: Callable[[str], bool]) -> None:
        self._is_listed = is_listed
        self._models: set[str] = set()
        self._generations = Tally(
            meter,
            "deeper.generations",
            "gen_ai.request.model",
            "outcome",
            unit="{generation}",
            description="Generations that ended, by how.",
        )
        self._duration = _seconds(
            meter, "gen_ai.client.operation.duration", "What the model server took for an answer.", _LONG
        )
        self._usage = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Tokens that models read and wrote for an answer.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._first = _seconds(
            meter, "gen_ai.server.time_to_first_token", "From the question to the first token, waiting included.", _LONG
        )
        self._each = _seconds(
            meter, "gen_ai.server.time_per_output_token", "Time for each token after the first.", _TOKEN_SECONDS
        )
        self._phases = _seconds(
            meter, "deeper.generation.phase.duration", "What the time to the first token consists of.", _SHORT
        )

    def expect(self, model: str) -> None:
        """Take note of one that begins: who is asked what models there are may have to ask, too."""
        self._label(model)

    def count(self, model: str, outcome: Outcome, server: str | None) -> None:
        """Count one that has ended; what it took of the ``server`` that answered, unless none was asked."""
        model = self._label(model)
        self._generations.add(model, outcome.error or outcome.finish_reason or "")
        self._count_phases(outcome.timings)
        if server is not None:
            self._count_work(model, outcome, server)

    def _count_work(self, model: str, outcome: Outcome, server: str) -> None:
        common = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": server,
            "gen_ai.request.model": model,
        }
        timings, usage = outcome.timings, outcome.usage
        if timings.total_ms is not None:
            failed = {} if outcome.error is None else {"error.type": outcome.error}
            # Waiting is counted from a little earlier on, by another clock: what fails at once took less than nothing.
            took = max(0.0, timings.total_ms - (timings.queue_ms or 0.0))
            self._duration.record(took / 1_000, common | failed)
        if usage.prompt_tokens or usage.completion_tokens:  # else no model has read the question
            for kind, tokens in (("input", usage.prompt_tokens), ("output", usage.completion_tokens)):
                self._usage.record(tokens, common | {"gen_ai.token.type": kind})
        if timings.first_token_ms is not None:
            self._first.record(timings.first_token_ms / 1_000, common)
            later = usage.completion_tokens - 1
            if timings.total_ms is not None and later > 0:
                self._each.record((timings.total_ms - timings.first_token_ms) / 1_000 / later, common)

    def count_interrupted(self, model: str) -> None:
        """Count one of which nobody knows how long it took."""
        self._generations.add(self._label(model), ErrorCode.INTERRUPTED.value)

    def _count_phases(self, timings: Timings) -> None:
        for phase, field in _PHASES:
            took: float | None = getattr(timings, field)
            if took is not None:
                self._phases.record(took / 1_000, {"phase": phase})

    def _label(self, model: str) -> str:
        if model in self._models:
            return model
        if len(self._models) < _MOST_MODELS and self._is_listed(model):
            self._models.add(model)
            return model
        return _OTHER


class Answers:
    """Watches over the generations of this process; ``metrics`` count them, if there are any."""

    def __init__(self, metrics: AnswerMetrics | None, tracing: Tracing | None = None) -> None:
        self.metrics = metrics
        self._tracing = tracing

    def begin(self, generation_id: str, request: ChatRequest) -> "WatchedAnswer":
        """Return the watch over one that begins now, below the span of the request that asks."""
        if self.metrics is not None:
            self.metrics.expect(request.model)
        return WatchedAnswer(self, generation_id, request)

    @contextmanager
    def orphaned(
        self, generation_id: str, model: str, request_id: str | None, traceparent: str | None
    ) -> Generator[None]:
        """Count one that another process began and will not end, and have what happens here in its trace."""
        with ExitStack() as stack:
            if request_id is not None:
                stack.enter_context(in_request(request_id))
            if self._tracing is not None and traceparent is not None:
                stack.enter_context(self._tracing.continuing(traceparent, generation_id))
            yield
        if self.metrics is not None:
            self.metrics.count_interrupted(model)


class WatchedAnswer:
    """The watch over one generation. It may go on for longer than the request that asked, in the same trace."""

    def __init__(self, answers: Answers, generation_id: str, request: ChatRequest) -> None:
        self._answers = answers
        self._request = request
        self._span = begin_span("generation", {"deeper.generation.id": generation_id})
        self._server: str | None = None  # that is asked, or was asked last
        self._asked: Span | None = None
        self._failed_at: int | None = None  # nanoseconds

    @property
    def traceparent(self) -> str | None:
        """Where its trace is continued by who takes it over; None where nothing is traced."""
        if self._span is None:
            return None
        with within(self._span):
            return traced_headers().get("traceparent")

    def running(self) -> AbstractContextManager[object]:
        """Have what happens in the context below the generation's span, which ends with it."""
        return within(self._span, ends=True)

    def asking(self, server: str) -> Callable[[], None] | None:
        """Trace what happens from now on as the asking of a model server, which gets the trace to continue it.

        Returns what ends that, and may be called more than once; None where nothing is traced.
        """
        self._end_try()
        self._server = server
        if self._span is None:
            return None
        with ExitStack() as stack:
            stack.enter_context(within(self._span))
            self._asked = begin_span(f"chat {self._request.model}", self._attributes(server), kind=SpanKind.CLIENT)
            stack.enter_context(within(self._asked))
            stack.enter_context(passing_on(traced_headers()))
            return stack.pop_all().close

    def try_failed(self, error: ErrorCode) -> None:
        """Take note of what came of the asking; whether another server is asked is not known yet."""
        if self._asked is not None:
            fail(self._asked, error.value)
            self._failed_at = time.time_ns()

    def moved(self, before: str, after: str, reason: str) -> None:
        """Take note that it left the line of one model server, or that server itself, for another."""
        if self._span is not None:
            self._span.add_event("moved", {"from": before, "to": after, "reason": reason})

    def ended(self, outcome: Outcome) -> None:
        """Count it; the model server is done with it, although it may have yet to be saved."""
        if self._answers.metrics is not None:
            self._answers.metrics.count(self._request.model, outcome, self._server)
        for each in (self._asked, self._span):
            if each is not None:
                each.set_attributes(_result(outcome))
                if outcome.error is not None and (each is self._span or self._failed_at is None):
                    fail(each, outcome.error)
        self._end_try()

    def _end_try(self) -> None:
        if self._asked is not None:
            self._asked.end(self._failed_at)
        self._asked = self._failed_at = None

    def _attributes(self, server: str) -> Attributes:
        options = self._request.options
        given = {
            "gen_ai.request.max_tokens": options.max_tokens,
            "gen_ai.request.temperature": options.temperature,
            "gen_ai.request.top_p": options.top_p,
            "gen_ai.request.seed": options.seed,
        }
        return {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": server,
            "gen_ai.request.model": self._request.model,
            **{name: value for name, value in given.items() if value is not None},
        }


# Watches over generations that nobody counts; those of requests that are traced are traced all the same.
UNCOUNTED: Final = Answers(None)


def _result(outcome: Outcome) -> Attributes:
    attributes: dict[str, str | int | float | tuple[str, ...]] = {
        "gen_ai.usage.input_tokens": outcome.usage.prompt_tokens,
        "gen_ai.usage.output_tokens": outcome.usage.completion_tokens,
    }
    if outcome.finish_reason is not None:
        attributes["gen_ai.response.finish_reasons"] = (outcome.finish_reason,)
    for phase, field in _PHASES:
        took: float | None = getattr(outcome.timings, field)
        if took is not None:
            attributes[f"deeper.{phase}.seconds"] = took / 1_000
    return attributes


def _seconds(meter: Meter, name: str, description: str, bounds: Sequence[float]) -> Histogram:
    return meter.create_histogram(
        name, unit="s", description=description, explicit_bucket_boundaries_advisory=list(bounds)
    )
