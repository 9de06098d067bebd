"""What the scripted model says: pure functions from a request to the pieces of an answer.

A token of the scripted model is a word with the white space around it, so its counts are exact and easy to check.
"""

import random
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import cast

import msgspec

from deeper_core import (
    ChatMessage,
    ChatOptions,
    ChatRequest,
    ChatRole,
    Delta,
    Finish,
    FinishReason,
    FunctionCallDelta,
    JsonObject,
    ToolCallDelta,
    Usage,
)

_PIECE = re.compile(r"\s*\S+(?:\s+$)?")
_OPENINGS = (
    "I am the scripted demo model: no language model is behind these words.",
    "This is the scripted demo model speaking. I follow a script and understand nothing.",
    "A scripted answer, for want of a real model:",
)
_QUOTE_LIMIT = 400
_SCHEMA_DEPTH = 8
_SCHEMA_ITEMS = 8


def pieces(text: str) -> list[str]:
    """Split ``text`` into tokens of the scripted model; joined, they are ``text`` again unless it is blank."""
    # From each blank of a blank text on, the expression would look for what there is none of.
    return [] if text.isspace() else _PIECE.findall(text)


def count_prompt(messages: Sequence[ChatMessage]) -> int:
    """Return how many tokens the scripted model reads: its pieces, and one for the start of each message."""
    return sum(1 + len(pieces(message.content)) + len(message.images) for message in messages)


def answer(request: ChatRequest) -> Iterator[Delta | Finish]:
    """Yield the whole scripted answer to ``request``, one token in each Delta."""
    usage = Usage(prompt_tokens=count_prompt(request.messages))
    left = request.options.max_tokens
    reason = FinishReason.STOP
    for count, delta in enumerate(_deltas(request)):
        if left is not None and count >= left:
            reason = FinishReason.LENGTH
            break
        if delta.tool_calls:
            reason = FinishReason.TOOL_CALLS
        usage = Usage(prompt_tokens=usage.prompt_tokens, completion_tokens=count + 1)
        yield delta
    yield Finish(reason=reason, usage=usage)


def _deltas(request: ChatRequest) -> Iterator[Delta]:
    if request.think:
        for piece in pieces(_thoughts(request)):
            yield Delta(thinking=piece)
    if request.tools and (not request.messages or request.messages[-1].role is not ChatRole.TOOL):
        yield from _tool_call(request)
        return
    text = _json(request) if request.format is not None else _prose(request)
    for piece in pieces(_cut(text, request.options)):
        yield Delta(content=piece)


def _cut(text: str, options: ChatOptions) -> str:
    """Return ``text`` up to the first of the stop sequences."""
    ends = [end for stop in options.stop if (end := text.find(stop)) >= 0]
    return text[: min(ends, default=len(text))]


def _question(request: ChatRequest) -> str:
    spoken = [message for message in request.messages if message.role is ChatRole.USER]
    text = " ".join(spoken[-1].content.split()) if spoken else ""
    return text if len(text) <= _QUOTE_LIMIT else text[:_QUOTE_LIMIT] + "…"


def _thoughts(request: ChatRequest) -> str:
    words = len(_question(request).split())
    return f"The question has {words} words. My script says to repeat it and to admit that I am a script."


def _prose(request: ChatRequest) -> str:
    question = _question(request)
    seed = request.options.seed
    # Without a seed the same question gets the same answer, too: a demo that changes under one's eyes explains nothing.
    chance = random.Random(zlib.crc32(question.encode("utf-8", "replace")) if seed is None else seed)  # noqa: S311  - the choice of a phrase is no secret
    parts = [chance.choice(_OPENINGS)]
    last = request.messages[-1] if request.messages else None
    if last is not None and last.role is ChatRole.TOOL:
        parts.append(f"The tool {last.tool_name or 'that I called'} returned: {last.content[:_QUOTE_LIMIT]}")
    elif question:
        parts.append(f"You wrote: “{question}”")
    else:
        parts.append("You wrote nothing.")
    if last is not None and last.images:
        parts.append(f"You also showed {len(last.images)} image(s), which I cannot see.")
    parts.append(f"This conversation has {len(request.messages)} message(s) so far.")
    return " ".join(parts)


def _tool_call(request: ChatRequest) -> Iterator[Delta]:
    function = request.tools[0].function
    arguments = msgspec.json.encode(_sample(function.parameters or {"type": "object"}, _question(request))).decode()
    call_id = f"call_{zlib.crc32(arguments.encode()):08x}"
    yield Delta(tool_calls=(ToolCallDelta(index=0, id=call_id, function=FunctionCallDelta(name=function.name)),))
    for piece in pieces(arguments):
        yield Delta(tool_calls=(ToolCallDelta(index=0, function=FunctionCallDelta(arguments=piece)),))


def _json(request: ChatRequest) -> str:
    question = _question(request)
    if isinstance(request.format, dict):
        return msgspec.json.encode(_sample(request.format, question)).decode()
    return msgspec.json.encode({"model": "scripted", "question": question}).decode()


def _sample(schema: JsonObject, text: str, depth: int = 0) -> object:  # noqa: PLR0911  - one return for each type of JSON
    """Return a small value that the common part of JSON Schema allows; ``text`` stands where any text may."""
    if "const" in schema:
        return schema["const"]
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return cast("list[object]", choices)[0]
    match _kind(schema):
        case "object":
            return _sample_object(schema, text, depth)
        case "array":
            return _sample_array(schema, text, depth)
        case "integer" | "number":
            least = schema.get("minimum", 1)
            return least if isinstance(least, int | float) else 1
        case "boolean":
            return True
        case "null":
            return None
        case _:
            longest = schema.get("maxLength")
            return text[:longest] if isinstance(longest, int) else text


def _kind(schema: JsonObject) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return str(cast("list[object]", kind)[0] if isinstance(kind, list) and kind else cast("object", kind))


def _sample_array(schema: JsonObject, text: str, depth: int) -> list[object]:
    if depth >= _SCHEMA_DEPTH:
        return []
    items = schema.get("items")
    item = _sample(cast("JsonObject", items), text, depth + 1) if isinstance(items, dict) else text
    few = schema.get("minItems", 1)
    # Only the outermost array is as long as asked: eight in each of eight would be the memory of the machine.
    return [item] * (min(few, 1 if depth else _SCHEMA_ITEMS) if isinstance(few, int) else 0)


def _sample_object(schema: JsonObject, text: str, depth: int) -> JsonObject:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or depth >= _SCHEMA_DEPTH:
        return {}
    return {
        name: _sample(cast("JsonObject", inner), text, depth + 1)
        for name, inner in cast("dict[str, object]", properties).items()
        if isinstance(inner, dict)
    }
