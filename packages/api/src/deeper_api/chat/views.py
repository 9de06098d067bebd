"""A generation as one object: what it is, how far it is, and how it ended."""

from datetime import datetime

from msgspec import Struct

from deeper_api.chat.answers import join_message
from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Context, Done, Failed, Start
from deeper_api.errors import ErrorBody
from deeper_api.store.generation_rows import RunningGeneration, State
from deeper_core import (
    ChatMessage,
    ConversationId,
    ErrorCode,
    FinishReason,
    GenerationId,
    InternalError,
    MessageId,
    Timings,
    Usage,
)

_INTERRUPTIONS = {ErrorCode.INTERRUPTED, ErrorCode.SHUTTING_DOWN}


class GenerationView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A generation. ``position`` is that of the last thing in ``message``: the events after it are what is missing."""

    id: GenerationId
    state: State
    model: str
    created_at: datetime
    conversation_id: ConversationId | None = None
    message_id: MessageId | None = None
    parent_id: MessageId | None = None
    dropped: tuple[MessageId, ...] = ()
    position: int | None = None
    message: ChatMessage | None = None
    finish_reason: FinishReason | None = None
    error: ErrorBody | None = None
    usage: Usage | None = None
    timings: Timings | None = None


async def view(feed: Feed) -> GenerationView:
    """Return what there is of the generation now; ``feed`` is from its beginning.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    numbered = await feed.available()
    frames = [frame for _, frame in numbered]
    start = next((frame for frame in frames if isinstance(frame, Start)), None)
    if start is None:
        raise InternalError  # a feed from the beginning begins with it
    last = frames[-1]
    done = last if isinstance(last, Done) else None
    failed = last if isinstance(last, Failed) else None
    return GenerationView(
        id=start.generation_id,
        state=_state(done, failed),
        model=start.model,
        created_at=start.created_at,
        conversation_id=start.conversation_id,
        message_id=start.message_id,
        parent_id=start.parent_id,
        dropped=next((frame.dropped for frame in frames if isinstance(frame, Context)), ()),
        position=max(position or 0 for position, frame in numbered if not isinstance(frame, Done | Failed)),
        message=join_message(frames),
        finish_reason=done and done.finish_reason,
        error=failed and failed.error,
        usage=done and done.usage,
        timings=done and done.timings,
    )


def view_of_running(row: RunningGeneration) -> GenerationView:
    """Return what a list says of a running generation: all but the text."""
    return GenerationView(
        id=row.id,
        state=row.state,
        model=row.model,
        created_at=row.created_at,
        conversation_id=row.conversation_id,
        message_id=row.message_id,
        parent_id=row.parent_id,
    )


def _state(done: Done | None, failed: Failed | None) -> State:
    if done is not None:
        return "cancelled" if done.finish_reason is FinishReason.CANCELLED else "complete"
    if failed is not None:
        return "interrupted" if failed.error.code in _INTERRUPTIONS else "failed"
    return "running"
