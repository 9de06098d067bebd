"""What a generation says while it runs: one `Start`, any number of `Piece`, then one `Done` or one `Failed`."""

from datetime import datetime

from msgspec import Struct

from deeper_api.errors import ErrorBody
from deeper_core import FinishReason, GenerationId, Timings, ToolCallDelta, Usage


class Start(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="start"):
    """The generation exists, and which it is."""

    generation_id: GenerationId
    model: str
    created_at: datetime


# One for each token or so: the garbage collector passes it by, as it does Delta.
class Piece(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="event", tag="delta"):
    """What the answer grew by."""

    content: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()


class Done(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="done"):
    """The answer is complete, or was stopped on purpose."""

    finish_reason: FinishReason
    usage: Usage
    timings: Timings


class Failed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="error"):
    """The answer will not be completed."""

    error: ErrorBody


Frame = Start | Piece | Done | Failed
