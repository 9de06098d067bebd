"""A whole answer as one object, for callers that do not stream."""

import asyncio
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

# Nobody looks at the pauses; once an hour costs nothing.
_NO_HEARTBEAT = 3_600.0


class Answer(Struct, frozen=True, kw_only=True):
    """A complete answer; the same facts as the frames of its stream."""

    generation_id: GenerationId
    model: str
    created_at: datetime
    message: ChatMessage
    finish_reason: FinishReason
    usage: Usage
    timings: Timings


async def whole_answer(generation: Generation, leaving: asyncio.Future[None]) -> Answer | ErrorBody | None:
    """Follow ``generation`` to its end, as one of its viewers, and return the answer or what went wrong.

    Returns None as soon as ``leaving`` is done.
    """
    with generation.viewer():
        async for _ in generation.tail(_NO_HEARTBEAT, leaving):
            pass
    last = generation.frames[-1]
    if isinstance(last, Failed):
        return last.error
    if not isinstance(last, Done):
        return None
    return _join(cast("Start", generation.frames[0]), generation.frames, last)


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
