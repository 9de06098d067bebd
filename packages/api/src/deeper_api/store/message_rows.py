"""Messages as they come out of the database."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec
from msgspec import Struct

from deeper_api.errors import ErrorBody
from deeper_core import (
    ChatRole,
    ConversationId,
    FinishReason,
    FunctionCall,
    GenerationId,
    MessageId,
    Timings,
    ToolCall,
    Usage,
)


class MessageState(StrEnum):
    """How far a message is; anything but complete is an answer of a model."""

    COMPLETE = "complete"
    RUNNING = "running"
    CANCELLED = "cancelled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that was said in a conversation.

    ``content`` is empty while the answer is written: the text so far is to be had from its generation. ``siblings``
    are the ids of all messages with the same parent, this one included, the oldest first; they come with a path.
    """

    id: MessageId
    conversation_id: ConversationId
    parent_id: MessageId | None
    role: ChatRole
    state: MessageState
    content: str
    created_at: datetime
    thinking: str | None = None
    images: tuple[bytes, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None
    model: str | None = None
    generation_id: GenerationId | None = None
    finish_reason: FinishReason | None = None
    error: ErrorBody | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    siblings: tuple[MessageId, ...] = ()


class _Function(Struct, frozen=True):
    """A function call without the bounds of the API: what a model named once has to stay readable."""

    name: str
    arguments: str = "{}"


class _Call(Struct, frozen=True):
    id: str
    function: _Function

    def call(self) -> ToolCall:
        return ToolCall(id=self.id, function=FunctionCall(name=self.function.name, arguments=self.function.arguments))


class MessageRow(Struct, frozen=True, kw_only=True):
    """A row of ``messages`` with what its generation says of it, at a place in a list of which ``listed`` is known."""

    place: int
    listed: int
    id: MessageId
    conversation_id: ConversationId
    parent_id: MessageId | None
    role: str
    state: str
    content: str
    created_at: datetime
    thinking: str | None
    images: list[bytes]
    tool_calls: object
    tool_call_id: str | None
    tool_name: str | None
    model: str | None
    generation_id: GenerationId | None
    finish_reason: str | None
    error: object
    prompt_tokens: int | None
    completion_tokens: int | None
    estimated: bool | None
    timings: object
    siblings: list[UUID] | None

    def message(self) -> Message:
        """Return the message as the API shows it."""
        return Message(
            id=self.id,
            conversation_id=self.conversation_id,
            parent_id=self.parent_id,
            role=ChatRole(self.role),
            state=MessageState(self.state),
            content=self.content,
            created_at=self.created_at,
            thinking=self.thinking,
            images=tuple(self.images),
            tool_calls=tuple(call.call() for call in msgspec.convert(self.tool_calls, list[_Call])),
            tool_call_id=self.tool_call_id,
            tool_name=self.tool_name,
            model=self.model,
            generation_id=self.generation_id,
            finish_reason=None if self.finish_reason is None else FinishReason(self.finish_reason),
            error=None if self.error is None else msgspec.convert(self.error, ErrorBody),
            usage=self._usage(),
            timings=None if self.timings is None else msgspec.convert(self.timings, Timings),
            siblings=tuple(map(MessageId, self.siblings or ())),
        )

    def _usage(self) -> Usage | None:
        if self.prompt_tokens is None or self.completion_tokens is None:
            return None
        return Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            estimated=bool(self.estimated),
        )
