"""Ollama's native chat API: its JSON.

Source: Ollama's API types and routes at v0.33. Every field may be absent or null in one version or another.
"""

from datetime import UTC, datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from deeper_core import (
    ChatMessage,
    ChatOptions,
    ChatRequest,
    JsonObject,
    Model,
    Tool,
)
from deeper_model.wire import arguments_object


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
    """A model in the list of those that are there, or of those that are loaded; only the latter have a context here.

    ``remote_model`` is set where Ollama only hands requests on to ollama.com.
    """

    name: str | None = None
    model: str | None = None
    modified_at: datetime | None = None
    size: int | None = None
    details: ModelDetails | None = None
    context_length: int | None = None
    capabilities: list[str] | None = None
    remote_model: str | None = None


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


def models_in(tags: ModelList, loaded: ModelList | None, num_ctx: int | None) -> tuple[Model, ...]:
    """Return the models of ``tags``; ``loaded`` is what /api/ps told, or None if it told nothing.

    The context of a model is the one that its next request will have, and not the one that it was trained with: the
    configured ``num_ctx``, for which Ollama loads the model anew if it must, or else the one it was loaded with. Of a
    model that is not loaded nobody knows: Ollama chooses by free memory, from 4,096 on.
    """
    running = None if loaded is None else {entry.name or entry.model: entry for entry in loaded.models or ()}
    models: list[Model] = []
    for entry in tags.models or ():
        name = entry.name or entry.model
        if name:
            live = None if running is None else running.get(name)
            model = replace(
                _model_in(name, entry),
                loaded=None if running is None else live is not None,
                context_length=_context_in(entry, live, num_ctx),
            )
            models.append(model)
    return tuple(models)


def _context_in(entry: ModelEntry, live: ModelEntry | None, num_ctx: int | None) -> int | None:
    trained = (entry.details or ModelDetails()).context_length or None
    if entry.remote_model:  # ollama.com runs it, with all of its context
        return trained
    if num_ctx:
        return min(num_ctx, trained or num_ctx)
    return None if live is None else live.context_length or None


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
    return Model(
        name=name,
        size=entry.size,
        family=details.family or None,
        parameter_size=details.parameter_size or None,
        quantization=details.quantization_level or None,
        modified_at=entry.modified_at and _moment(entry.modified_at),
        capabilities=None if entry.capabilities is None else tuple(entry.capabilities),
    )


def _moment(time: datetime) -> datetime | None:
    """Return ``time`` in UTC, or None for the year 1, which is how Go writes a time that is not set."""
    try:
        return None if time.year == 1 else time.astimezone(UTC)
    except OverflowError:  # the last hours of the year 9999, said in another zone
        return None
