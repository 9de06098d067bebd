"""A whole answer as one object, for callers that do not stream."""

from datetime import datetime
from typing import cast

from msgspec import Struct

from deeper_api.chat.frames import Done, Failed, Frame, Piece, Start
from deeper_api.chat.generations import Generation
from deeper_api.errors import ErrorBody
from deeper_core import (
    ChatMessage,
    ChatRole,
    FinishReason,
    GenerationId,
    Timings,
    ToolCallDelta,
    Usage,
    join_tool_calls,
)


class Answer(Struct, frozen=True, kw_only=True):
    """A complete answer; the same facts as the frames of its stream."""

    generation_id: GenerationId
    model: str
    created_at: datetime
    message: ChatMessage
    finish_reason: FinishReason
    usage: Usage
    timings: Timings


async def whole_answer(generation: Generation, heartbeat: float) -> Answer | ErrorBody:
    """Follow ``generation`` to its end, as one of its viewers, and return the answer or what went wrong."""
    frames: list[Frame] = []
    async for _, batch in generation.tail(heartbeat):
        frames += batch
    last = frames[-1]
    if isinstance(last, Failed):
        return last.error
    return _join(cast("Start", frames[0]), frames, cast("Done", last))


def _join(start: Start, frames: list[Frame], last: Done) -> Answer:
    content: list[str] = []
    thinking: list[str] = []
    calls: list[ToolCallDelta] = []
    for frame in frames:
        if isinstance(frame, Piece):
            content.append(frame.content)
            thinking.append(frame.thinking)
            calls += frame.tool_calls
    message = ChatMessage(
        role=ChatRole.ASSISTANT,
        content="".join(content),
        thinking="".join(thinking) or None,
        tool_calls=join_tool_calls(calls),
    )
    return Answer(
        generation_id=start.generation_id,
        model=start.model,
        created_at=start.created_at,
        message=message,
        finish_reason=last.finish_reason,
        usage=last.usage,
        timings=last.timings,
    )
