"""Chat: what is asked of a language model, and what streams back.

A request is a `ChatRequest`; an answer is any number of `Delta` followed by exactly one `Finish`. The JSON shapes of
messages, tools and tool calls are those that Ollama's and OpenAI's chat APIs share.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

JsonObject = dict[str, object]
"""A schema or an argument object of somebody else's making: any JSON object."""

_LONGEST_NAME: Final = 256

ModelName = Annotated[str, Meta(min_length=1, max_length=256)]
"""The name of a model, as its server knows it."""

Stop = Annotated[str, Meta(min_length=1, max_length=256)]
"""A text at which the model stops; it is not part of the answer."""


class ChatRole(StrEnum):
    """Who speaks in a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class FunctionCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function that the model wants called; ``arguments`` is JSON text, which a model may well get wrong."""

    name: Annotated[str, Meta(max_length=_LONGEST_NAME)]
    arguments: str = "{}"


class ToolCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call of a tool in a finished message; ``id`` pairs it with the tool message that answers it."""

    id: Annotated[str, Meta(max_length=_LONGEST_NAME)]
    function: FunctionCall
    type: Literal["function"] = "function"


class ChatMessage(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One message of a conversation.

    ``images`` are the bytes of image files (base64 in JSON). ``thinking`` is what a reasoning model thought before it
    answered. ``tool_calls`` belongs to the assistant, ``tool_call_id`` and ``tool_name`` to the tool that answers.
    """

    role: ChatRole
    content: str = ""
    thinking: str | None = None
    images: Annotated[tuple[bytes, ...], Meta(max_length=16)] = ()
    tool_calls: Annotated[tuple[ToolCall, ...], Meta(max_length=128)] = ()
    tool_call_id: Annotated[str, Meta(max_length=256)] | None = None
    tool_name: Annotated[str, Meta(max_length=256)] | None = None


class FunctionDefinition(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A function that the model may call; ``parameters`` is a JSON Schema object."""

    # As in OpenAI's API, and dots, which other servers have in the names of their tools.
    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
    description: Annotated[str, Meta(max_length=16_384)] | None = None
    parameters: JsonObject | None = None


class Tool(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool that the model may use. Functions are the only kind."""

    function: FunctionDefinition
    type: Literal["function"] = "function"


class ChatOptions(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How to sample. What is None is left to the model server.

    The bounds are those that Ollama and OpenAI agree on; ``max_tokens`` counts completion tokens only.
    """

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=1_000)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    stop: Annotated[tuple[Stop, ...], Meta(max_length=16)] = ()
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None


class ChatRequest(Struct, frozen=True, kw_only=True):
    """What a provider is asked to answer.

    ``format`` asks for JSON, of any shape or of a JSON Schema's. ``think`` switches reasoning on or off, or names an
    effort; None leaves it to the model. ``tool_choice`` says whether the model has to call one of the ``tools``, and
    ``parallel_tool_calls`` whether it may call several at once. Ollama can be told neither: there the model decides.
    """

    model: ModelName
    messages: tuple[ChatMessage, ...]
    options: ChatOptions = ChatOptions()
    tools: tuple[Tool, ...] = ()
    format: Literal["json"] | JsonObject | None = None
    think: bool | Literal["low", "medium", "high"] | None = None
    tool_choice: Literal["auto", "required"] = "auto"
    parallel_tool_calls: bool = True


class FunctionCallDelta(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a function call: the name comes once, ``arguments`` in fragments to be joined."""

    name: str | None = None
    arguments: str = ""


class ToolCallDelta(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of the tool call at ``index``; ``id`` comes with its first piece."""

    index: int
    id: str | None = None
    function: FunctionCallDelta = FunctionCallDelta()


# There may be one of these for each token; without a place for cycles, the garbage collector passes them by.
class Delta(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What an answer grew by.

    ``pieces`` says how many pieces of the model server's output were joined here. A piece is at least one token, so
    the sum over an answer estimates its completion tokens when the server's own count never came.
    """

    content: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    pieces: int = 1


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    CANCELLED = "cancelled"


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens of one generation; ``estimated`` when they are our count and not the model server's."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False


class Timings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the time of one generation went, in milliseconds; None where nobody told.

    ``queue_ms`` waiting for admission, ``connect_ms`` reaching the model server, ``load_ms`` loading the model,
    ``prefill_ms`` reading the prompt, ``decode_ms`` writing the answer. ``first_token_ms`` and ``total_ms`` count from
    the start of the request.
    """

    queue_ms: float | None = None
    connect_ms: float | None = None
    load_ms: float | None = None
    prefill_ms: float | None = None
    decode_ms: float | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None


class Finish(Struct, frozen=True, kw_only=True):
    """The end of a complete answer; ``usage`` is None where the model server did not count."""

    reason: FinishReason
    usage: Usage | None = None
    timings: Timings = Timings()


ChatEvent = Delta | Finish
"""What an answer streams: any number of `Delta`, then one `Finish`."""


def join_tool_calls(deltas: Iterable[ToolCallDelta]) -> tuple[ToolCall, ...]:
    """Return the whole tool calls that the pieces ``deltas`` make, in the order of their index.

    Ids and names that are longer than a `ToolCall` may have, which no tool has, are cut.
    """
    calls: dict[int, tuple[str, str, list[str]]] = {}
    for delta in deltas:
        call_id, name, arguments = calls.get(delta.index, ("", "", []))
        arguments.append(delta.function.arguments)
        calls[delta.index] = (call_id or delta.id or "", name or delta.function.name or "", arguments)
    return tuple(
        ToolCall(
            id=call_id[:_LONGEST_NAME], function=FunctionCall(name=name[:_LONGEST_NAME], arguments="".join(arguments))
        )
        for _, (call_id, name, arguments) in sorted(calls.items())
    )
