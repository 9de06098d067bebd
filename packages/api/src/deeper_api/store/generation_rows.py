"""Generations as they go into the database, and as they come out of it."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from deeper_core import (
    ChatRole,
    ConversationId,
    GenerationId,
    MessageId,
    ToolCall,
    ToolCallDelta,
    UserId,
)

Kind = Literal["thinking", "content", "tool_calls"]
State = Literal["running", "complete", "cancelled", "failed", "interrupted"]


class Run(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stretch of one kind in the order of an ended answer.

    ``length`` counts positions. Text is kept as one elsewhere; ``tool_calls`` are kept here, piece by piece.
    """

    kind: Kind
    length: int
    tool_calls: tuple[ToolCallDelta, ...] = ()


class NewMessage(Struct, frozen=True, kw_only=True):
    """A message to keep with a generation; ``images`` in the hexadecimal form of PostgreSQL."""

    generation_id: GenerationId
    id: MessageId
    parent_id: MessageId | None
    role: ChatRole
    state: Literal["complete", "running"] = "complete"
    content: str = ""
    thinking: str | None = None
    images: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None
    model: str | None = None


class NewGeneration(Struct, frozen=True, kw_only=True):
    """A generation to take on.

    ``conversation_id`` and ``message_id`` say where its answer is to be kept, if anywhere; ``opens`` that the
    conversation is new; ``title`` is given to a conversation that has none. ``body_hash`` is hexadecimal and belongs to
    ``idempotency_key``. ``traceparent`` is where its trace can be continued.
    """

    id: GenerationId
    user_id: UserId
    model: str
    created_at: datetime
    purpose: Literal["chat", "title"] = "chat"
    request_id: str | None = None
    traceparent: str | None = None
    prompt_tokens: int = 0
    dropped: tuple[MessageId, ...] = ()
    conversation_id: ConversationId | None = None
    message_id: MessageId | None = None
    opens: bool = False
    title: str = ""
    idempotency_key: str | None = None
    body_hash: str | None = None
    messages: tuple[NewMessage, ...] = ()


class RunningGeneration(Struct, frozen=True, kw_only=True):
    """What a list tells of a row of ``generations``."""

    id: GenerationId
    state: State
    model: str
    created_at: datetime
    conversation_id: ConversationId | None
    message_id: MessageId | None
    parent_id: MessageId | None


class StoredGeneration(RunningGeneration, frozen=True, kw_only=True):
    """A row of ``generations``, without the text.

    ``kept`` tells whether there is a text: it may have been deleted with its conversation, or forgotten.
    """

    finish_reason: str | None
    error: object
    prompt_tokens: int
    completion_tokens: int
    estimated: bool
    timings: object
    dropped: list[MessageId]
    length: int
    runs: object
    kept: bool


class StoredChunk(Struct, frozen=True, kw_only=True):
    """A row of the journal; ``body`` of tool calls is JSON."""

    position: int
    kind: Kind
    body: str
    tokens: int


class KnownKey(Struct, frozen=True, kw_only=True):
    """What an idempotency key stands for."""

    body_hash: bytes
    generation_id: GenerationId
