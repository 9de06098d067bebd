"""Decoding the stream of an answer of Ollama's: newline-delimited JSON."""

from deeper_core import (
    AnswerIncomplete,
    DeeperError,
    Delta,
    Finish,
    FinishReason,
    FunctionCallDelta,
    ModelProtocolBroken,
    Timings,
    ToolCallDelta,
    Usage,
    new_id,
)
from deeper_model.deltas import DeltaGatherer
from deeper_model.lines import LineSplitter
from deeper_model.ollama_wire import Function, Line, ToolCall
from deeper_model.refusals import classify_stream_error
from deeper_model.wire import WireDecoder, arguments_text

_MILLISECOND = 1_000_000  # nanoseconds, the unit of all of Ollama's durations
_REASONS = {"length": FinishReason.LENGTH}  # every other reason is one way or another of having said everything
_LINES = WireDecoder(Line)


class OllamaDecoder:
    """The `AnswerDecoder` of Ollama's newline-delimited JSON."""

    def __init__(self, max_line_bytes: int | None) -> None:
        self.events = 0
        self.error: DeeperError | None = None
        self.ended = False
        self._lines = LineSplitter(max_line_bytes)
        self._gatherer = DeltaGatherer()
        self._calls = 0
        self._last = Line()

    @property
    def complete(self) -> bool:
        """Nothing follows the line that ends an answer."""
        return self.ended

    def feed(self, data: bytes) -> Delta | None:
        """Return what the answer grew by with ``data``."""
        try:
            block = self._lines.feed(data)
            if block:
                self._take_block(block)
        except ModelProtocolBroken as error:
            self.error = error
        return self._gathered()

    def close(self) -> Delta | None:
        """Return what is left at the end of the stream: errors may come without a line feed."""
        tail = self._lines.take_tail().strip()
        if tail and not self.ended:
            try:
                self._take(_LINES.decode(tail))
            except ModelProtocolBroken as error:
                # Half a line after whole ones was cut off; alone, it was never a line.
                self.error = AnswerIncomplete() if self.events else error
        return self._gathered(last=True)

    def finish(self) -> Finish:
        """Return reason, usage and timings of the last line."""
        last = self._last
        reason = _REASONS.get(last.done_reason or "", FinishReason.STOP)
        if reason is FinishReason.STOP and self._gatherer.called_tools:
            reason = FinishReason.TOOL_CALLS
        counted = last.prompt_eval_count is not None or last.eval_count is not None
        usage = Usage(prompt_tokens=last.prompt_eval_count or 0, completion_tokens=last.eval_count or 0)
        timings = Timings(
            load_ms=_milliseconds(last.load_duration),
            prefill_ms=_milliseconds(last.prompt_eval_duration),
            decode_ms=_milliseconds(last.eval_duration),
        )
        return Finish(reason=reason, usage=usage if counted else None, timings=timings)

    def _take_block(self, block: bytes) -> None:
        try:
            lines = _LINES.decode_lines(block)
        except ModelProtocolBroken:
            # Something in it is bad. One by one, so that nothing good before it is lost.
            for line in block.split(b"\n"):
                if line.strip() and not self._over():
                    self._take(_LINES.decode(line))
            return
        for line in lines:
            if self._over():
                return
            self._take(line)

    def _take(self, line: Line) -> None:
        self.events += 1
        message = line.message
        if message is not None:
            self._gatherer.add_text(message.content, message.thinking)
            for call in message.tool_calls or ():
                self._add_call(call)
        if line.error is not None:
            self.error = classify_stream_error(line.error)
        elif line.done or line.done_reason:
            self.ended = True
            self._last = line

    def _add_call(self, call: ToolCall) -> None:
        function = call.function or Function()
        self._gatherer.add_call(
            ToolCallDelta(
                index=self._calls,
                id=call.id or f"call_{new_id().hex}",
                function=FunctionCallDelta(name=function.name, arguments=arguments_text(function.arguments)),
            )
        )
        self._calls += 1

    def _over(self) -> bool:
        return self.ended or self.error is not None

    def _gathered(self, *, last: bool = False) -> Delta | None:
        return self._gatherer.take_last() if last or self._over() else self._gatherer.take()


def _milliseconds(nanoseconds: int | None) -> float | None:
    try:
        return None if nanoseconds is None else nanoseconds / _MILLISECOND
    except OverflowError:  # JSON has integers that no float can hold
        return None
