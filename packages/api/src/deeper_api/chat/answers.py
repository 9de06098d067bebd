"""A whole answer as one object, for callers that do not stream."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Context, Done, Failed, Frame, Piece, Start
from deeper_api.errors import ErrorBody
from deeper_core import (
    ChatMessage,
    ChatRole,
    ConversationId,
    FinishReason,
    GenerationId,
    InternalError,
    MessageId,
    Timings,
    ToolCallDelta,
    Usage,
    join_tool_calls,
)

# Nobody looks at the pauses; once an hour costs nothing.
_NO_HEARTBEAT = 3_600.0


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A complete answer; the same facts as the frames of its stream."""

    generation_id: GenerationId
    model: str
    created_at: datetime
    message: ChatMessage
    finish_reason: FinishReason
    usage: Usage
    timings: Timings
    conversation_id: ConversationId | None = None
    message_id: MessageId | None = None
    parent_id: MessageId | None = None
    dropped: tuple[MessageId, ...] = ()


async def whole_answer(feed: Feed, leaving: asyncio.Future[None]) -> Answer | ErrorBody | None:
    """Follow ``feed`` from its beginning to its end, as a viewer, and return the answer or what went wrong.

    Returns None as soon as ``leaving`` is done.
    """
    frames: list[Frame] = []
    with feed.viewer():
        async for batch in feed.tail(_NO_HEARTBEAT, leaving):
            frames += [frame for _, frame in batch]
    last = frames[-1] if frames else None
    if isinstance(last, Failed):
        return last.error
    return _join(frames, last) if isinstance(last, Done) else None


def join_message(frames: Iterable[Frame]) -> ChatMessage:
    """Return the message that the pieces among ``frames`` make."""
    content: list[str] = []
    thinking: list[str] = []
    calls: list[ToolCallDelta] = []
    for frame in frames:
        if isinstance(frame, Piece):
            content.append(frame.content)
            thinking.append(frame.thinking)
            calls += frame.tool_calls
    return ChatMessage(
        role=ChatRole.ASSISTANT,
        content="".join(content),
        thinking="".join(thinking) or None,
        tool_calls=join_tool_calls(calls),
    )


def _join(frames: list[Frame], last: Done) -> Answer:
    start = next((frame for frame in frames if isinstance(frame, Start)), None)
    if start is None:
        raise InternalError  # a feed from the beginning begins with it
    return Answer(
        generation_id=start.generation_id,
        model=start.model,
        created_at=start.created_at,
        message=join_message(frames),
        finish_reason=last.finish_reason,
        usage=last.usage,
        timings=last.timings,
        conversation_id=start.conversation_id,
        message_id=start.message_id,
        parent_id=start.parent_id,
        dropped=next((frame.dropped for frame in frames if isinstance(frame, Context)), ()),
    )
