"""What a generation says while it runs: one `Start`, any number of `Piece`, then one `Done` or one `Failed`.

While it waits for its turn it may say any number of `Queued` before the first piece.

Frames are numbered by *position*: the size of what came so far. A character of thinking or content counts one (a
Unicode code point), and so does a piece of a tool call. The `Start` has position 0, a `Piece` the position behind it,
the last frame one more than the whole answer. So a viewer may ask for what comes after any position, wherever pieces
were joined or cut on the way to it.
"""

from datetime import datetime

from msgspec import Struct

from deeper_api.errors import ErrorBody
from deeper_core import (
    ConversationId,
    FinishReason,
    GenerationId,
    MessageId,
    Timings,
    ToolCallDelta,
    Usage,
)


class Start(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="start"):
    """The generation exists, and which it is.

    ``message_id`` is the answer's and ``parent_id`` that of the message it answers, where the answer is kept.
    """

    generation_id: GenerationId
    model: str
    created_at: datetime
    conversation_id: ConversationId | None = None
    message_id: MessageId | None = None
    parent_id: MessageId | None = None


class Context(Struct, frozen=True, kw_only=True, tag_field="event", tag="context"):
    """The conversation did not fit into the model's context: these messages were left out, the oldest first."""

    dropped: tuple[MessageId, ...]


class Queued(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="queued"):
    """The model server works on others first. It comes again when that changes; at position 0 the wait is over.

    ``position`` counts from 1, which is next. ``estimate_ms`` is how long it takes until then, where that is known.
    """

    position: int
    estimate_ms: int | None = None


# One for each token or so: the garbage collector passes it by, as it does Delta.
class Piece(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="event", tag="delta"):
    """What the answer grew by: thinking, content or tool calls, one of the three."""

    content: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()


class Done(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="done"):
    """The answer is complete, or was stopped on purpose. It has been saved, unless the database is out of reach."""

    finish_reason: FinishReason
    usage: Usage
    timings: Timings
    message_id: MessageId | None = None


class Failed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="error"):
    """The answer will not be completed."""

    error: ErrorBody


Frame = Start | Queued | Context | Piece | Done | Failed

Numbered = tuple[int | None, Frame]
"""A frame with its position. Two have none, for they are not part of the answer: a `Queued`, and a `Context`, which is
sent again to whoever comes back to the beginning.
"""
