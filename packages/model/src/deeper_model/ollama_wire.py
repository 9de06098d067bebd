"""Ollama's native chat API: its JSON, and the decoder of its streams.

Source: Ollama's API types and routes at v0.33. Every field may be absent or null in one version or another.
"""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from deeper_core import (
    AnswerIncomplete,
    ChatMessage,
    ChatOptions,
    ChatRequest,
    DeeperError,
    Delta,
    Finish,
    FinishReason,
    FunctionCallDelta,
    JsonObject,
    Model,
    ModelProtocolBroken,
    Timings,
    Tool,
    ToolCallDelta,
    Usage,
    new_id,
)
from deeper_model.deltas import DeltaGatherer
from deeper_model.lines import LineSplitter
from deeper_model.refusals import classify_stream_error
from deeper_model.wire import WireDecoder, arguments_object, arguments_text

_MILLISECOND = 1_000_000  # nanoseconds, the unit of all of Ollama's durations
_REASONS = {"length": FinishReason.LENGTH}  # every other reason is one way or another of having said everything


class Function(Struct):
    """A function of a tool call; ``arguments`` is an object here, not text."""

    name: str | None = None
    arguments: object = None


class ToolCall(Struct):
    """A whole tool call; old versions give no id."""

    id: str | None = None
    function: Function | None = None


class Message(Struct):
    """What one line of the stream adds."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[ToolCall] | None = None


class Line(Struct):
    """One line of a chat stream. A metric that is zero is absent."""

    message: Message | None = None
    done: bool | None = None
    done_reason: str | None = None
    error: object = None
    load_duration: int | None = None
    prompt_eval_count: int | None = None
    prompt_eval_duration: int | None = None
    eval_count: int | None = None
    eval_duration: int | None = None


class ModelDetails(Struct):
    """What ``details`` tells of a model."""

    family: str | None = None
    parameter_size: str | None = None
    quantization_level: str | None = None
    context_length: int | None = None


class ModelEntry(Struct):
    """A model in the list of those that are there, or of those that are loaded; only the latter have a context here."""

    name: str | None = None
    model: str | None = None
    modified_at: datetime | None = None
    size: int | None = None
    details: ModelDetails | None = None
    context_length: int | None = None
    capabilities: list[str] | None = None


class ModelList(Struct):
    """The reply of /api/tags and of /api/ps."""

    models: list[ModelEntry] | None = None


class Version(Struct):
    """The reply of /api/version."""

    version: str


class CallOut(Struct, omit_defaults=True):
    """A function of a tool call, as sent."""

    name: str
    arguments: JsonObject


class ToolCallOut(Struct):
    """A tool call, as sent."""

    id: str
    function: CallOut


class MessageOut(Struct, omit_defaults=True):
    """A message, as sent; msgspec writes images in the base64 that Ollama expects."""

    role: str
    content: str | UnsetType = UNSET
    thinking: str | None = None
    images: tuple[bytes, ...] = ()
    tool_calls: tuple[ToolCallOut, ...] = ()
    tool_name: str | None = None
    tool_call_id: str | None = None


class OptionsOut(Struct, omit_defaults=True):
    """Options, as sent. ``num_ctx`` is a load option: requests that differ in it make Ollama load the model again."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    num_predict: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    num_ctx: int | None = None


class ChatOut(Struct, omit_defaults=True):
    """A chat request, as sent.

    ``truncate`` and ``shift`` are off, so that a conversation that does not fit is refused and not silently cut.
    """

    model: str
    messages: tuple[MessageOut, ...]
    truncate: bool | UnsetType = UNSET
    shift: bool | UnsetType = UNSET
    stream: bool | UnsetType = UNSET
    options: OptionsOut | None = None
    tools: tuple[Tool, ...] = ()
    format: Literal["json"] | JsonObject | None = None
    think: bool | str | None = None
    keep_alive: str | float | None = None


def request_out(request: ChatRequest, *, keep_alive: str | float | None, num_ctx: int | None) -> ChatOut:
    """Return ``request`` in Ollama's form."""
    return ChatOut(
        model=request.model,
        messages=tuple(map(_message_out, request.messages)),
        truncate=False,
        shift=False,
        stream=True,
        options=_options_out(request.options, num_ctx),
        tools=request.tools,
        format=request.format,
        think=request.think,
        keep_alive=keep_alive,
    )


def models_in(tags: ModelList, loaded: ModelList | None) -> tuple[Model, ...]:
    """Return the models of ``tags``; ``loaded`` is what /api/ps told, or None if it told nothing.

    The context of a loaded model is the one that it was loaded with, which may be far less than it could have.
    """
    running = None if loaded is None else {entry.name or entry.model: entry for entry in loaded.models or ()}
    models: list[Model] = []
    for entry in tags.models or ():
        name = entry.name or entry.model
        if name:
            model = _model_in(name, entry)
            if running is not None:
                live = running.get(name)
                context = (live.context_length if live is not None else None) or model.context_length
                model = replace(model, loaded=live is not None, context_length=context)
            models.append(model)
    return tuple(models)


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


_LINES = WireDecoder(Line)


def _milliseconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / _MILLISECOND


def _message_out(message: ChatMessage) -> MessageOut:
    return MessageOut(
        role=message.role,
        content=message.content,
        thinking=message.thinking,
        images=message.images,
        tool_calls=tuple(
            ToolCallOut(
                id=call.id,
                function=CallOut(name=call.function.name, arguments=arguments_object(call.function.arguments)),
            )
            for call in message.tool_calls
        ),
        tool_name=message.tool_name,
        tool_call_id=message.tool_call_id,
    )


def _options_out(options: ChatOptions, num_ctx: int | None) -> OptionsOut | None:
    sent = OptionsOut(
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        num_predict=options.max_tokens,
        stop=options.stop,
        seed=options.seed,
        presence_penalty=options.presence_penalty,
        frequency_penalty=options.frequency_penalty,
        num_ctx=num_ctx,
    )
    return None if sent == OptionsOut() else sent


def _model_in(name: str, entry: ModelEntry) -> Model:
    details = entry.details or ModelDetails()
    modified = entry.modified_at
    return Model(
        name=name,
        size=entry.size,
        family=details.family or None,
        parameter_size=details.parameter_size or None,
        quantization=details.quantization_level or None,
        context_length=details.context_length or None,
        # Go writes a time that is not set as the year 1.
        modified_at=None if modified is None or modified.year == 1 else modified,
        capabilities=None if entry.capabilities is None else tuple(entry.capabilities),
    )
