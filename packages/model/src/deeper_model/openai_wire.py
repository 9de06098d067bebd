"""OpenAI's chat completions, as llama.cpp, vLLM, LM Studio, Ollama and OpenAI speak them.

Every field of what comes in is optional and nullable, because one server or another leaves it out or sends null.
"""

from typing import Literal, cast

from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from deeper_core import (
    ChatMessage,
    ChatRequest,
    ChatRole,
    JsonObject,
    Model,
    Tool,
    ToolCall,
)
from deeper_model.images import data_url
from deeper_model.wire import arguments_object_text


class FunctionFragment(Struct):
    """A piece of a function call; ``arguments`` is text, though some servers send an object."""

    name: str | None = None
    arguments: object = None


class CallFragment(Struct):
    """A piece of a tool call."""

    index: int | None = None
    id: str | None = None
    function: FunctionFragment | None = None


class ChunkDelta(Struct):
    """What one chunk adds. Reasoning is called ``reasoning_content`` by llama.cpp, ``reasoning`` by Ollama and vLLM."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[CallFragment] | None = None


class Choice(Struct):
    """One of the answers of a chunk; we ask for one."""

    index: int | None = None
    delta: ChunkDelta | None = None
    finish_reason: str | None = None


class UsageIn(Struct):
    """Token counts."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class TimingsIn(Struct):
    """The times that llama.cpp measures, in milliseconds."""

    prompt_ms: float | None = None
    predicted_ms: float | None = None


class Chunk(Struct):
    """One event of a stream. vLLM reports an error as ``object: error`` with the text beside it."""

    choices: list[Choice] | None = None
    usage: UsageIn | None = None
    timings: TimingsIn | None = None
    error: object = None
    kind: str | None = field(default=None, name="object")
    message: str | None = None


class ModelMeta(Struct):
    """What llama.cpp tells of its model; ``n_ctx`` is the context of one slot, which older versions leave out."""

    n_ctx: int | None = None
    size: int | None = None


class ModelStatus(Struct):
    """Whether llama.cpp, when it serves several models, has this one in memory."""

    value: str | None = None


class ModelEntry(Struct):
    """A model of the list; ``max_model_len`` is vLLM's."""

    id: str | None = None
    meta: ModelMeta | None = None
    max_model_len: int | None = None
    status: ModelStatus | None = None


class ModelList(Struct):
    """The reply of /v1/models."""

    data: list[ModelEntry] | None = None


class GenerationSettings(Struct):
    """How a slot of llama.cpp is set up; ``n_ctx`` is its share of the context."""

    n_ctx: int | None = None


class Props(Struct):
    """The reply of llama.cpp's /props."""

    default_generation_settings: GenerationSettings | None = None


class ImageUrl(Struct):
    """Where an image is."""

    url: str


class Part(Struct, omit_defaults=True):
    """A part of a message that is more than text."""

    type: Literal["text", "image_url"] | UnsetType = UNSET
    text: str | None = None
    image_url: ImageUrl | None = None


class MessageOut(Struct, omit_defaults=True):
    """A message, as sent."""

    role: str
    content: str | tuple[Part, ...] | UnsetType = UNSET
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class JsonSchema(Struct):
    """A JSON Schema with the name that OpenAI wants it to have."""

    schema: JsonObject
    name: str


class ResponseFormat(Struct, omit_defaults=True):
    """The form that the answer is to have."""

    type: Literal["json_object", "json_schema"] | UnsetType = UNSET
    json_schema: JsonSchema | None = None


class StreamOptions(Struct):
    """What we want from a stream: the token counts, too."""

    include_usage: bool


class ChatOut(Struct, omit_defaults=True):
    """A chat request, as sent."""

    model: str
    messages: tuple[MessageOut, ...]
    stream: bool | UnsetType = UNSET
    stream_options: StreamOptions | UnsetType = UNSET
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    chat_template_kwargs: JsonObject | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


def request_out(request: ChatRequest) -> ChatOut:
    """Return ``request`` in OpenAI's form."""
    options, think = request.options, request.think
    return ChatOut(
        model=request.model,
        messages=tuple(map(_message_out, request.messages)),
        stream=True,
        stream_options=StreamOptions(include_usage=True),
        tools=request.tools,
        tool_choice=request.tool_choice if request.tools and request.tool_choice != "auto" else None,
        parallel_tool_calls=False if request.tools and not request.parallel_tool_calls else None,
        response_format=_format_out(request.format),
        reasoning_effort=think if isinstance(think, str) else None,
        # There is no common switch; this one is for the templates of llama.cpp and vLLM, and sent only when asked for.
        chat_template_kwargs={"enable_thinking": think} if isinstance(think, bool) else None,
        temperature=options.temperature,
        top_p=options.top_p,
        top_k=options.top_k,
        max_tokens=options.max_tokens,
        stop=options.stop,
        seed=options.seed,
        presence_penalty=options.presence_penalty,
        frequency_penalty=options.frequency_penalty,
    )


def lacks_context(listed: ModelList) -> bool:
    """Tell whether ``listed`` is of a llama.cpp that tells its context elsewhere: in /props, for its one model."""
    entries = listed.data or []
    return len(entries) == 1 and entries[0].meta is not None and not entries[0].meta.n_ctx


def models_in(listed: ModelList, props: Props | None = None) -> tuple[Model, ...]:
    """Return the models of ``listed``; ``props`` is what /props told, if it was asked.

    The context of a model is the one that a request has, and not the one that the model was trained with.
    """
    settings = (props or Props()).default_generation_settings or GenerationSettings()
    return tuple(_model_in(entry.id, entry, settings.n_ctx) for entry in listed.data or () if entry.id)


def _message_out(message: ChatMessage) -> MessageOut:
    content: str | tuple[Part, ...] = message.content
    if message.images:
        text = (Part(type="text", text=message.content),) if message.content else ()
        content = (*text, *(Part(type="image_url", image_url=ImageUrl(data_url(image))) for image in message.images))
    return MessageOut(
        role=message.role,
        content=content,
        tool_calls=tuple(map(_call_out, message.tool_calls)) if message.role is ChatRole.ASSISTANT else (),
        tool_call_id=message.tool_call_id if message.role is ChatRole.TOOL else None,
    )


def _call_out(call: ToolCall) -> ToolCall:
    # Servers parse the arguments for their templates; llama.cpp fails for those that are no JSON.
    return replace(call, function=replace(call.function, arguments=arguments_object_text(call.function.arguments)))


def _format_out(wanted: object) -> ResponseFormat | None:
    if wanted is None:
        return None
    if wanted == "json":
        return ResponseFormat(type="json_object")
    return ResponseFormat(type="json_schema", json_schema=JsonSchema(name="answer", schema=cast("JsonObject", wanted)))


def _model_in(name: str, entry: ModelEntry, n_ctx: int | None) -> Model:
    meta = entry.meta or ModelMeta()
    return Model(
        name=name,
        size=meta.size or None,
        context_length=meta.n_ctx or entry.max_model_len or n_ctx or None,
        loaded=None if entry.status is None or entry.status.value is None else entry.status.value == "loaded",
    )
