"""From what a user asks to a generation: which conversation, which history, and whether it was asked before."""

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Final
from weakref import WeakValueDictionary

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from deeper_api.chat.allowances import Allowance
from deeper_api.chat.contexts import Turn, estimate_overhead, estimate_prompt, fit
from deeper_api.chat.engine import Engine, KeyTaken
from deeper_api.chat.feeds import Feed
from deeper_api.chat.running import Question
from deeper_api.chat.titles import Titles
from deeper_api.conversations.titles import title_from
from deeper_api.store.generation_rows import KnownKey, NewGeneration, NewMessage
from deeper_api.store.generations import GenerationStore
from deeper_api.store.histories import HistoryStore, Past
from deeper_core import (
    ApiKeyId,
    ChatMessage,
    ChatRequest,
    ChatRole,
    Conflict,
    ConversationId,
    ErrorDetail,
    GenerationId,
    MessageId,
    NotFound,
    Overloaded,
    RateLimited,
    UserId,
    ValidationFailed,
    new_id,
)
from deeper_model.pool import ModelPool

# Some bytes more than tokens that fit: no text has fewer tokens than a third of its bytes.
_BYTES_PER_TOKEN: Final = 4
# How much history is sent where nobody knows how much the model takes.
_UNKNOWN_BYTES: Final = 4 * 1024 * 1024
# A request that is repeated comes after the first one failed to be answered: it must find something.
_KEPT_SECONDS: Final = 60.0


class Asked(Struct, frozen=True, kw_only=True):
    """What a user asks. ``request`` has the new messages only; the history is added here.

    ``store`` keeps it as a new conversation; ``conversation_id`` continues one, after ``parent_id``: where that is
    missing after its newest message, where it is None at its beginning. ``abandon_after`` is the number of seconds
    without a viewer after which the answer is given up, None for never; where it is missing, it is 0 for what is not
    kept, else 60. ``fingerprint`` is all of what was asked, to tell whether an idempotency key comes with the same.
    """

    user_id: UserId
    request: ChatRequest
    request_id: str | None = None
    store: bool = False
    conversation_id: ConversationId | None = None
    parent_id: MessageId | UnsetType | None = UNSET
    abandon_after: float | UnsetType | None = UNSET
    idempotency_key: str | None = None
    fingerprint: bytes = b""
    allowance: Allowance = Allowance()
    key_id: ApiKeyId | None = None


class Questions:
    """Asks the engine on behalf of users; ``titles``, if there are any, for the names of new conversations."""

    def __init__(
        self,
        *,
        engine: Engine,
        generations: GenerationStore,
        histories: HistoryStore,
        models: ModelPool,
        titles: Titles | None,
    ) -> None:
        self._engine = engine
        self._generations = generations
        self._histories = histories
        self._models = models
        self._titles = titles
        self._asking: WeakValueDictionary[tuple[UserId, str], asyncio.Lock] = WeakValueDictionary()

    async def ask(self, asked: Asked) -> Feed:
        """Return the feed of the answer.

        A question that comes with the idempotency key of an earlier one is not asked again: its feed is that of the
        earlier answer, from the beginning, wherever that is written.

        Raises:
            ValidationFailed: there is nothing to answer.
            NotFound: the user has no such conversation, or it has no such message.
            Conflict: the message to be answered is itself being written, or the key came with another question.
            Overloaded: too many wait for the model server already.
            RateLimited: this user has too many answers in the making.
            ShuttingDown: the engine is closing.
            DatabaseUnavailable: the database does not answer.
        """
        if asked.idempotency_key is None:
            return await self._answer(asked)
        # One after the other: those that join the first one take no turn.
        async with self._asking.setdefault((asked.user_id, asked.idempotency_key), asyncio.Lock()):
            known = await self._known(asked)
            if known is None:
                try:
                    return await self._answer(asked)
                except (Conflict, Overloaded, RateLimited) as refusal:
                    # Elsewhere the first one may have begun since: it has the key, is itself what is still being
                    # written, or what there are too many of.
                    known = await self._known(asked)
                    if known is None and not isinstance(refusal, KeyTaken):
                        raise
        if known is None:
            raise NotFound  # with its conversation, in this moment
        if known.body_hash != hashlib.sha256(asked.fingerprint).digest():
            raise Conflict("This Idempotency-Key came with another request before. Use a new key for a new request.")
        return await self._engine.find(known.generation_id, asked.user_id)

    async def _answer(self, asked: Asked) -> Feed:
        question = await self._prepare(asked)
        feed = await self._engine.answer(question)
        if self._titles is not None:
            self._titles.improve(question, feed)
        return feed

    async def _known(self, asked: Asked) -> KnownKey | None:
        return await self._generations.find_key(asked.user_id, asked.idempotency_key or "")

    async def _prepare(self, asked: Asked) -> Question:
        if asked.conversation_id is not None:
            return await self._continue(asked, asked.conversation_id)
        if not asked.request.messages:
            raise _nothing("$.messages", "There is nothing to answer: give at least one message.")
        if not asked.store:
            return _question(asked, _new(asked, asked.request), asked.request)
        return _kept(asked, ConversationId(new_id()), None, asked.request, ())

    async def _continue(self, asked: Asked, conversation_id: ConversationId) -> Question:
        request = asked.request
        model = await self._models.find(request.model)
        length = None if model is None else model.context_length
        near = _UNKNOWN_BYTES if length is None else length * _BYTES_PER_TOKEN
        leaf = None if asked.parent_id is UNSET else asked.parent_id
        path = await self._histories.path(asked.user_id, conversation_id, leaf, near=near)
        if path is None:
            raise NotFound
        if asked.parent_id is None:
            path = []  # a new beginning
        elif asked.parent_id is not UNSET and not path:
            raise NotFound("There is no such message in this conversation.")
        _check(path, request)
        fitted = fit(
            [_turn(past) for past in path if not _is_empty(past)],
            request.messages,
            context_length=length,
            max_tokens=request.options.max_tokens,
            overhead=estimate_overhead(request),
        )
        parent_id = path[-1].id if path else None
        return _kept(asked, conversation_id, parent_id, replace(request, messages=fitted.messages), fitted.dropped)


def _kept(
    asked: Asked,
    conversation_id: ConversationId,
    parent_id: MessageId | None,
    request: ChatRequest,
    dropped: tuple[MessageId, ...],
) -> Question:
    """Return the question whose new messages and answer become messages of the conversation."""
    new = _new(asked, request)
    messages: list[NewMessage] = []
    for message in asked.request.messages:
        messages.append(_new_message(new.id, parent_id, message))
        parent_id = messages[-1].id
    answer = NewMessage(
        generation_id=new.id,
        id=MessageId(new_id(after=parent_id)),
        parent_id=parent_id,
        role=ChatRole.ASSISTANT,
        state="running",
        model=request.model,
    )
    new = replace(
        new,
        dropped=dropped,
        conversation_id=conversation_id,
        message_id=answer.id,
        opens=asked.conversation_id is None,
        title=_title(asked.request.messages),
        messages=(*messages, answer),
    )
    return _question(asked, new, request, parent_id)


def _new(asked: Asked, request: ChatRequest) -> NewGeneration:
    keyed = asked.idempotency_key is not None
    return NewGeneration(
        id=GenerationId(new_id()),
        user_id=asked.user_id,
        model=request.model,
        created_at=datetime.now(UTC),
        request_id=asked.request_id,
        prompt_tokens=estimate_prompt(request),
        idempotency_key=asked.idempotency_key,
        body_hash=hashlib.sha256(asked.fingerprint).hexdigest() if keyed else None,
    )


def _question(asked: Asked, new: NewGeneration, request: ChatRequest, parent_id: MessageId | None = None) -> Question:
    abandon_after = asked.abandon_after
    if abandon_after is UNSET:
        returns = new.conversation_id is not None or asked.idempotency_key is not None
        abandon_after = _KEPT_SECONDS if returns else 0.0
    return Question(
        new=new,
        request=request,
        parent_id=parent_id,
        abandon_after=abandon_after,
        allowance=asked.allowance,
        key_id=asked.key_id,
    )


def _new_message(generation_id: GenerationId, parent_id: MessageId | None, message: ChatMessage) -> NewMessage:
    return NewMessage(
        generation_id=generation_id,
        id=MessageId(new_id(after=parent_id)),
        parent_id=parent_id,
        role=message.role,
        content=message.content,
        thinking=message.thinking,
        images=tuple(f"\\x{image.hex()}" for image in message.images),
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
        tool_name=message.tool_name,
    )


def _title(messages: tuple[ChatMessage, ...]) -> str:
    return next((title_from(message.content) for message in messages if message.role is ChatRole.USER), "")


def _check(path: list[Past], request: ChatRequest) -> None:
    """Raise unless the question has something to answer, and that is complete."""
    if path and path[-1].state == "running":
        raise Conflict("The message that this would follow is still being written. Wait for it, or cancel it.")
    if request.messages:
        return
    if not path:
        raise _nothing("$.messages", "There is nothing to answer: give at least one message.")
    if path[-1].role not in {ChatRole.USER, ChatRole.TOOL}:
        raise _nothing(
            "$.parent_id", "Without messages, this has to be what is to be answered again: a message of a user or tool."
        )


def _nothing(field: str, message: str) -> ValidationFailed:
    return ValidationFailed(details=(ErrorDetail(message=message, field=field),))


def _is_empty(past: Past) -> bool:
    """Tell whether it is an answer of which nothing ever came."""
    message = past.message
    return past.role is ChatRole.ASSISTANT and message is not None and not (message.content or message.tool_calls)


def _turn(past: Past) -> Turn:
    return Turn(message_id=past.id, role=past.role, message=past.message)
