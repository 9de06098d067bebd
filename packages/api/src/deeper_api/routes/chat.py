"""POST /v1/chat: ask a model and follow its answer."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation
from msgspec import UNSET, Meta, Struct, UnsetType

from deeper_api.chat.allowances import allowance, permits
from deeper_api.chat.answers import Answer
from deeper_api.chat.questions import Asked, Questions
from deeper_api.config import AppConfig
from deeper_api.middleware.bodies import JsonRequest
from deeper_api.middleware.refusals import Envelope
from deeper_api.providers.callers import Caller, StillStands
from deeper_api.routes.answers import idempotency_key, whole
from deeper_api.routes.parameters import refusal
from deeper_api.routes.streams import FrameStream, wire_for
from deeper_core import (
    ChatMessage,
    ChatOptions,
    ChatRequest,
    ConversationId,
    JsonObject,
    MessageId,
    ModelName,
    ModelNotFound,
    Tool,
)


class CancelAfter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Go on for so many seconds without a viewer."""

    cancel_after: Annotated[float, Meta(ge=0, le=3_600)]


class ChatBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to ask, how to answer, and what to keep.

    ``store`` keeps question and answer as a new conversation. ``conversation_id`` continues one: ``messages`` are then
    the new ones, after ``parent_id``, or after the newest message without it; null begins anew. No messages: what
    ``parent_id`` says is answered again.
    """

    model: ModelName
    messages: Annotated[tuple[ChatMessage, ...], Meta(max_length=10_000)] = ()
    stream: bool = True
    options: ChatOptions = ChatOptions()
    tools: Annotated[tuple[Tool, ...], Meta(max_length=128)] = ()
    format: Literal["json"] | JsonObject | None = None
    think: bool | Literal["low", "medium", "high"] | None = None
    store: bool | None = None
    conversation_id: UUID | None = None
    parent_id: UUID | UnsetType | None = UNSET
    on_disconnect: Literal["cancel", "continue"] | CancelAfter | None = None

    def request(self) -> ChatRequest:
        """Return the part that concerns the model."""
        return ChatRequest(
            model=self.model,
            messages=self.messages,
            options=self.options,
            tools=self.tools,
            format=self.format,
            think=self.think,
        )

    def abandon_after(self) -> float | UnsetType | None:
        """Return after how many seconds without a viewer the answer is given up; None for never."""
        match self.on_disconnect:
            case "continue":
                return None
            case "cancel":
                return 0.0
            case CancelAfter(cancel_after=seconds):
                return seconds
            case None:
                return UNSET


@post("/v1/chat", status_code=200, operation_id="chat", tags=["chat"])
async def answer_chat(
    request: JsonRequest,
    data: JSONBody[ChatBody],
    caller: NamedDependency[Caller],
    questions: NamedDependency[SkipValidation[Questions]],
    request_id: NamedDependency[str],
    config: NamedDependency[SkipValidation[AppConfig]],
    still_stands: NamedDependency[SkipValidation[StillStands]],
) -> Response[Answer] | FrameStream | Response[Envelope] | Response[None]:
    """Answer as server-sent events, as lines of JSON where NDJSON is accepted, or whole with ``"stream": false``.

    An answer that is kept goes on for a minute when nobody follows it, and GET /v1/generations/{id}/events comes back
    to it; one that is not is cancelled when whoever asked goes away. ``on_disconnect`` changes either. A request with
    an ``Idempotency-Key`` may be sent again within a day: it is not asked twice.
    """
    if not permits(config, caller.role, data.model):
        raise ModelNotFound
    key = idempotency_key(request)
    feed = await questions.ask(
        Asked(
            user_id=caller.user_id,
            request=data.request(),
            request_id=request_id,
            store=_stores(data),
            conversation_id=None if data.conversation_id is None else ConversationId(data.conversation_id),
            parent_id=MessageId(data.parent_id) if isinstance(data.parent_id, UUID) else data.parent_id,
            abandon_after=data.abandon_after(),
            idempotency_key=key,
            fingerprint=b"" if key is None else msgspec.json.encode(data, order="deterministic"),
            allowance=allowance(config, caller.role, caller.tokens_per_day),
            key_id=caller.key_id,
        )
    )
    if data.stream:
        return FrameStream(feed, wire_for(request), config.server.heartbeat_seconds, still_stands)
    answer = await whole(request, feed, still_stands)
    return Response(answer) if isinstance(answer, Answer) else answer


def _stores(data: ChatBody) -> bool:
    if data.conversation_id is None:
        if data.parent_id is not UNSET:
            raise refusal("$.parent_id", "Expected a conversation_id beside it")
        return data.store is True
    if data.store is False:
        raise refusal("$.store", "Expected true, or nothing: what continues a conversation is kept in it")
    return True
