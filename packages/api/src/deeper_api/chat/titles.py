"""Titles by the model: better than a question's first words, and made when nobody waits."""

import asyncio
import logging
from contextlib import aclosing
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from deeper_api.chat.allowances import Allowance
from deeper_api.chat.contexts import estimate_prompt
from deeper_api.chat.engine import Engine
from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Done, Piece
from deeper_api.chat.running import Question
from deeper_api.conversations.titles import title_from
from deeper_api.store.conversations import ConversationStore
from deeper_api.store.generation_rows import NewGeneration
from deeper_core import (
    ChatMessage,
    ChatOptions,
    ChatRequest,
    ChatRole,
    ConversationId,
    DeeperError,
    FinishReason,
    GenerationId,
    new_id,
)

_log = logging.getLogger("deeper.titles")

_ORDER: Final = (
    "Write a title of at most six words for the conversation below, in its language. Answer with nothing but the title."
)
# What a title is made of: the beginnings of question and answer, in characters.
_LOOKED_AT: Final = 1_000
# Six words, in any language. A model that thinks all the same gets no further, and the first words stay.
_MAX_TOKENS: Final = 40
# Nobody waits for these frames, so nothing has to be sent in the pauses.
_NO_HEARTBEAT: Final = 3_600.0


class Titles:
    """Asks the model for titles of new conversations, in the background.

    The asking is a generation like others: it has its row in the ledger, and stops with the engine. A title that cannot
    be had is no error. Leaving the context manager forgets those that have not come.
    """

    def __init__(self, engine: Engine, conversations: ConversationStore) -> None:
        self._engine = engine
        self._conversations = conversations
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def improve(self, question: Question, answer: Feed) -> None:
        """Give the conversation that ``question`` opened a title, once ``answer`` is complete."""
        conversation_id = question.new.conversation_id
        if conversation_id is None or not question.new.opens:
            return
        task = asyncio.create_task(self._improve(question, conversation_id, answer), name="title")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _improve(self, question: Question, conversation_id: ConversationId, answer: Feed) -> None:
        asked = next((message.content for message in question.request.messages if message.role is ChatRole.USER), "")
        answered = await _text(answer)
        if not asked or not answered:
            return
        user_id = question.new.user_id
        try:
            text = await _text(await self._engine.answer(_order(question, asked, answered)))
            title = title_from((text or "").strip().strip("\"'“”«»"))
            if title:
                await self._conversations.give_title(conversation_id, user_id, title)
        except DeeperError as error:
            _log.info("no title from the model", extra={"fields": {"outcome": error.code.value}})


def _order(question: Question, asked: str, answered: str) -> Question:
    model = question.request.model
    text = f"{_ORDER}\n\nUser: {asked[:_LOOKED_AT]}\n\nAssistant: {answered[:_LOOKED_AT]}"
    request = ChatRequest(
        model=model,
        messages=(ChatMessage(role=ChatRole.USER, content=text),),
        options=ChatOptions(max_tokens=_MAX_TOKENS, temperature=0.0),
        think=False,
    )
    new = NewGeneration(
        id=GenerationId(new_id()),
        user_id=question.new.user_id,
        model=model,
        created_at=datetime.now(UTC),
        purpose="title",
        prompt_tokens=estimate_prompt(request),
    )
    allowance = Allowance(tokens_per_day=question.allowance.tokens_per_day)
    return Question(new=new, request=request, abandon_after=None, allowance=allowance)


async def _text(feed: Feed) -> str | None:
    """Follow ``feed`` to its end without being a viewer; return the beginning of the text, None if it is not whole."""
    content = ""
    async with aclosing(feed.tail(_NO_HEARTBEAT, asyncio.get_running_loop().create_future())) as tail:
        async for frames in tail:
            for _, frame in frames:
                if isinstance(frame, Piece) and len(content) < _LOOKED_AT:
                    content += frame.content
                if isinstance(frame, Done) and frame.finish_reason in {FinishReason.STOP, FinishReason.LENGTH}:
                    return content
    return None
