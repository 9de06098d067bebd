"""Decoding the stream of an answer in OpenAI's chat completions: server-sent events."""

from deeper_core import AnswerIncomplete, DeeperError, Delta, Finish, FinishReason, ModelProtocolBroken, Timings, Usage
from deeper_model.calls import CallNumbering
from deeper_model.deltas import DeltaGatherer
from deeper_model.openai_wire import Choice, Chunk, FunctionFragment
from deeper_model.refusals import classify_stream_error
from deeper_model.sse import SseParser
from deeper_model.wire import WireDecoder, arguments_text

_REASONS = {
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
    "content_filter": FinishReason.CONTENT_FILTER,
}
_CHUNKS = WireDecoder(Chunk)


class OpenAIDecoder:
    """The `AnswerDecoder` of chat completions as server-sent events.

    A finish reason ends the answer; counts and times may follow it, then ``[DONE]`` or just the end of the stream. An
    end without a finish reason is how some servers swallow an error.
    """

    def __init__(self, max_event_bytes: int | None) -> None:
        self.events = 0
        self.error: DeeperError | None = None
        self.ended = False
        self.complete = False
        self._sse = SseParser(max_event_bytes)
        self._gatherer = DeltaGatherer()
        self._numbering = CallNumbering()
        self._reason = FinishReason.STOP
        self._usage: Usage | None = None
        self._timings = Timings()

    def feed(self, data: bytes) -> Delta | None:
        """Return what the answer grew by with ``data``."""
        try:
            self._take_events(self._sse.feed(data))
        except ModelProtocolBroken as error:
            self.error = None if self.ended else error
            self.complete = self.ended
        over = self.complete or self.error is not None
        return self._gatherer.take_last() if over else self._gatherer.take()

    def close(self) -> Delta | None:
        """Return what is left at the end of the stream."""
        try:
            self._take_events(self._sse.close())
        except ModelProtocolBroken as error:
            if not self.ended:
                self.error = AnswerIncomplete() if self.events else error
        return self._gatherer.take_last()

    def finish(self) -> Finish:
        """Return reason, usage and timings as far as they were told."""
        reason = self._reason
        if reason is FinishReason.STOP and self._gatherer.called_tools:
            reason = FinishReason.TOOL_CALLS
        return Finish(reason=reason, usage=self._usage, timings=self._timings)

    def _take_events(self, events: list[bytes]) -> None:
        for data in events:
            if self.complete or self.error is not None:
                return
            if data.strip() == b"[DONE]":
                self.complete = True
            else:
                self._take(_CHUNKS.decode(data))

    def _take(self, chunk: Chunk) -> None:
        self.events += 1
        for choice in chunk.choices or ():
            if not choice.index:
                self._take_choice(choice)
        if chunk.usage is not None:
            self._usage = Usage(
                prompt_tokens=chunk.usage.prompt_tokens or 0, completion_tokens=chunk.usage.completion_tokens or 0
            )
        if chunk.timings is not None:
            self._timings = Timings(prefill_ms=chunk.timings.prompt_ms, decode_ms=chunk.timings.predicted_ms)
        if chunk.error is not None and not self.ended:
            self.error = classify_stream_error(chunk.error)
        elif chunk.kind == "error" and not self.ended:
            self.error = classify_stream_error(chunk.message)

    def _take_choice(self, choice: Choice) -> None:
        delta = choice.delta
        if delta is not None:
            self._gatherer.add_text(delta.content, delta.reasoning_content or delta.reasoning)
            for call in delta.tool_calls or ():
                function = call.function or FunctionFragment()
                arguments = "" if function.arguments is None else arguments_text(function.arguments)
                self._gatherer.add_call(self._numbering.number(call.index, call.id, function.name, arguments))
        if choice.finish_reason:
            self.ended = True
            self._reason = _REASONS.get(choice.finish_reason, FinishReason.STOP)
