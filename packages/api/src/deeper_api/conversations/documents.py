"""The JSON form of a whole conversation: what is exported, and may be imported again."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from msgspec import Meta, Struct

from deeper_api.conversations.titles import MAX_TITLE, tidied
from deeper_api.store.imports import NewConversation, NewMessage
from deeper_api.store.message_rows import Message, MessageState
from deeper_core import (
    ChatRole,
    ConversationId,
    ErrorDetail,
    MessageId,
    ModelName,
    ToolCall,
    ValidationFailed,
    new_id,
)

MAX_MESSAGES: Final = 10_000
# Whoever wrote an earlier one means something else than a time.
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)

Moment = Annotated[datetime, Meta(tz=True)]
Name = Annotated[str, Meta(max_length=256)]


class DocumentMessage(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A message of a document. Its ids mean something within the document only.

    ``images`` are the bytes of image files (base64 in JSON).
    """

    id: UUID
    parent_id: UUID | None
    role: ChatRole
    created_at: Moment
    content: str
    state: MessageState = MessageState.COMPLETE
    thinking: str | None = None
    images: Annotated[tuple[bytes, ...], Meta(max_length=16)] = ()
    tool_calls: Annotated[tuple[ToolCall, ...], Meta(max_length=128)] = ()
    tool_call_id: Name | None = None
    tool_name: Name | None = None
    model: ModelName | None = None


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole conversation; ``messages`` are in the order in which they were made, the oldest first."""

    format: Literal["deepersensor.conversation"]
    version: Literal[1]
    title: Annotated[str, Meta(max_length=MAX_TITLE)]
    created_at: Moment
    active_at: Moment
    messages: Annotated[tuple[DocumentMessage, ...], Meta(max_length=MAX_MESSAGES)]


def document_message(message: Message) -> DocumentMessage:
    """Return a message as it is exported; one that is still written counts as interrupted."""
    return DocumentMessage(
        id=message.id,
        parent_id=message.parent_id,
        role=message.role,
        created_at=message.created_at,
        state=_at_rest(message.state),
        content=message.content,
        thinking=message.thinking,
        images=message.images,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
        tool_name=message.tool_name,
        model=message.model,
    )


def renewed(document: Document) -> NewConversation:
    """Return the conversation of ``document`` under new ids, which keep the order and the tree of its messages.

    Raises:
        ValidationFailed: the messages make no tree, or one of them cannot be; the details say which.
    """
    for index, message in enumerate(document.messages):
        _check(index, message)
    _check_time("$.created_at", document.created_at)
    _check_time("$.active_at", document.active_at)
    order = _parents_first(document.messages)
    ids = {message.id: MessageId(new_id()) for message in document.messages}
    return NewConversation(
        id=ConversationId(new_id()),
        title=tidied(document.title),
        created_at=document.created_at,
        active_at=document.active_at,
        messages=[_renewed(document.messages[index], ids) for index in order],
    )


def _renewed(message: DocumentMessage, ids: dict[UUID, MessageId]) -> NewMessage:
    return NewMessage(
        id=ids[message.id],
        parent_id=None if message.parent_id is None else ids[message.parent_id],
        role=message.role,
        state=_at_rest(message.state),
        content=message.content,
        thinking=message.thinking,
        images=message.images,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
        tool_name=message.tool_name,
        model=message.model,
        created_at=message.created_at,
    )


def _at_rest(state: MessageState) -> MessageState:
    return MessageState.INTERRUPTED if state is MessageState.RUNNING else state


def _check(index: int, message: DocumentMessage) -> None:
    if message.state is not MessageState.COMPLETE and message.role is not ChatRole.ASSISTANT:
        raise _refusal(f"$.messages[{index}].state", "Expected 'complete': only answers can be anything else")
    _check_time(f"$.messages[{index}].created_at", message.created_at)


def _check_time(field: str, moment: datetime) -> None:
    if moment < _EARLIEST:
        raise _refusal(field, "Expected a time after 1970")


def _parents_first(messages: Sequence[DocumentMessage]) -> list[int]:
    """Return the places of ``messages`` in an order in which each one comes after its parent.

    Raises:
        ValidationFailed: an id comes twice, a parent is missing, or messages follow each other in a circle.
    """
    places: dict[UUID, int] = {}
    for index, message in enumerate(messages):
        if places.setdefault(message.id, index) != index:
            raise _refusal(f"$.messages[{index}].id", "Expected an id that no message before has")
    children: dict[UUID | None, list[int]] = {None: []}
    for index, message in enumerate(messages):
        if message.parent_id is not None and message.parent_id not in places:
            raise _refusal(f"$.messages[{index}].parent_id", "Expected the id of a message of this conversation")
        children.setdefault(message.parent_id, []).append(index)
    order = list(children[None])
    for index in order:  # grows while it is gone through
        order += children.get(messages[index].id, ())
    if len(order) < len(messages):
        lost = min(set(range(len(messages))) - set(order))
        raise _refusal(f"$.messages[{lost}].parent_id", "Expected a message that does not follow from this one")
    return order


def _refusal(field: str, message: str) -> ValidationFailed:
    return ValidationFailed(details=(ErrorDetail(message=message, field=field),))
