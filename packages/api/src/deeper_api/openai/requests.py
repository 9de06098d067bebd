"""The body of a chat completion as OpenAI's clients send it. What is not known is ignored, and null is nothing.

What would change the answer and cannot be done is refused, see `_UNSUPPORTED`.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from deeper_api.openai.messages import MessageIn, refusal, to_messages
from deeper_core import ChatOptions, ChatRequest, FunctionDefinition, JsonObject, ModelName, Stop, Tool

# Present in the type, so that it can be refused with words and not be ignored.
Unsupported = Annotated[object, Meta(description="Not supported.", extra_json_schema={"type": "null"})]
_UNSUPPORTED: Final = {
    "functions": "Expected tools instead",
    "function_call": "Expected tool_choice instead",
    "audio": "Answers are text here",
    "web_search_options": "This server does not search the web",
}
# So many are there here; OpenAI takes any of 64 bits. Those that are too many stand for one that there is.
_SEEDS: Final = 2**31


class OfferedFunction(Struct, frozen=True, kw_only=True):
    """A function that the model may call."""

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]
    description: Annotated[str, Meta(max_length=16_384)] | None = None
    parameters: JsonObject | None = None


class OfferedTool(Struct, frozen=True, kw_only=True):
    """A tool that the model may use."""

    type: Literal["function"]
    function: OfferedFunction


class FunctionName(Struct, frozen=True, kw_only=True):
    """Which function."""

    name: str


class NamedTool(Struct, frozen=True, kw_only=True):
    """The tool that the model has to use."""

    type: Literal["function"]
    function: FunctionName


class TextFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """Any text."""


class JsonFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="json_object"):
    """Any JSON object."""


class NamedSchema(Struct, frozen=True, kw_only=True):
    """A JSON Schema."""

    schema: JsonObject | None = None


class SchemaFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="json_schema"):
    """JSON of a schema."""

    json_schema: NamedSchema


class StreamOptions(Struct, frozen=True, kw_only=True):
    """What to put into a stream besides the answer."""

    include_usage: bool | None = None


class CompletionBody(Struct, frozen=True, kw_only=True):
    """What to ask and how to answer. No conversation is kept, whatever ``store`` says.

    ``tool_choice`` with the name of a function offers the model that one only. ``n`` is 1.
    """

    model: ModelName
    messages: Annotated[tuple[MessageIn, ...], Meta(min_length=1, max_length=10_000)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=1_000)] | None = None
    stop: Annotated[tuple[Stop, ...], Meta(max_length=16)] | Stop | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    tools: Annotated[tuple[OfferedTool, ...], Meta(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | JsonFormat | SchemaFormat | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    n: Literal[1] | None = None
    logprobs: bool | None = None
    top_logprobs: Literal[0] | None = None
    logit_bias: Annotated[dict[str, float], Meta(max_length=0)] | None = None
    modalities: tuple[Literal["text"], ...] | None = None
    functions: Unsupported = None
    function_call: Unsupported = None
    audio: Unsupported = None
    web_search_options: Unsupported = None

    def request(self) -> ChatRequest:
        """Return what the model is asked.

        Raises:
            ValidationFailed: this asks for something that cannot be done.
        """
        self._check()
        tools = self._tools()
        chosen = self.tool_choice
        return ChatRequest(
            model=self.model,
            messages=to_messages(self.messages),
            options=self._options(),
            tools=tools,
            format=_format(self.response_format),
            think=_think(self.reasoning_effort),
            tool_choice="required" if chosen == "required" or isinstance(chosen, NamedTool) else "auto",
            parallel_tool_calls=self.parallel_tool_calls is not False,
        )

    def _check(self) -> None:
        for name, expected in _UNSUPPORTED.items():
            if getattr(self, name) is not None:
                raise refusal(f"$.{name}", expected)
        if self.logprobs:
            raise refusal("$.logprobs", "This is not supported here")

    def _options(self) -> ChatOptions:
        return ChatOptions(
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            max_tokens=self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens,
            stop=(self.stop,) if isinstance(self.stop, str) else self.stop or (),
            seed=None if self.seed is None else self.seed % _SEEDS,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
        )

    def _tools(self) -> tuple[Tool, ...]:
        """Return the tools that the model is offered."""
        chosen, given = self.tool_choice, self.tools or ()
        if chosen == "none":
            return ()
        if isinstance(chosen, NamedTool):
            given = [tool for tool in given if tool.function.name == chosen.function.name][:1]
        if not given and chosen not in {None, "auto"}:
            raise refusal("$.tool_choice", "Expected a tool in tools that can be chosen")
        return _offered(given)


def _offered(tools: Sequence[OfferedTool]) -> tuple[Tool, ...]:
    return tuple(
        Tool(
            function=FunctionDefinition(
                name=tool.function.name, description=tool.function.description, parameters=tool.function.parameters
            )
        )
        for tool in tools
    )


def _format(wanted: TextFormat | JsonFormat | SchemaFormat | None) -> Literal["json"] | JsonObject | None:
    match wanted:
        case SchemaFormat(json_schema=NamedSchema(schema=schema)) if schema is not None:
            return schema
        case SchemaFormat() | JsonFormat():
            return "json"
        case TextFormat() | None:
            return None


def _think(effort: str | None) -> bool | Literal["low", "medium", "high"] | None:
    """Return the nearest of our efforts."""
    match effort:
        case None:
            return None
        case "none":
            return False
        case "minimal" | "low":
            return "low"
        case "medium":
            return "medium"
        case _:
            return "high"
