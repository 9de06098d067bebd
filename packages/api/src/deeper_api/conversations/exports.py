"""Whole conversations as streams of bytes. Nothing is held between two pages but a place, and no connection."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from deeper_api.conversations.documents import Document, document_message
from deeper_api.conversations.markdown import markdown_message, markdown_title
from deeper_api.store.conversations import Conversation, ConversationStore
from deeper_api.store.message_rows import Message
from deeper_api.store.messages import MessageStore
from deeper_core import MessageId, NotFound, UserId

_PAGE: Final = 100  # messages
# Rendering more than this takes longer than others on the same loop should wait.
_LONG: Final = 50_000  # characters


class Exports:
    """Writes conversations."""

    def __init__(self, conversations: ConversationStore, messages: MessageStore) -> None:
        self._conversations = conversations
        self._messages = messages

    async def json(self, user_id: UserId, conversation: Conversation) -> AsyncGenerator[bytes]:
        """Yield the conversation as a `Document`.

        Raises:
            NotFound: the conversation was deleted meanwhile; what was yielded is not all.
        """
        head = Document(
            format="deepersensor.conversation",
            version=1,
            title=conversation.title,
            created_at=conversation.created_at,
            active_at=conversation.active_at,
            messages=(),
        )
        yield msgspec.json.encode(head).removesuffix(b"]}")
        separator = b"\n"
        after: MessageId | None = None
        more = True
        while more:
            page = await self._messages.oldest(conversation.id, user_id, after=after, limit=_PAGE)
            if not page.messages:
                await self._require(user_id, conversation)
            for each in page.messages:
                yield separator + msgspec.json.encode(document_message(each))
                separator, after = b",\n", each.id
            more = page.more
        yield b"\n]}\n"

    async def markdown(self, user_id: UserId, conversation: Conversation) -> AsyncGenerator[bytes]:
        """Yield the path to the newest leaf as Markdown.

        Raises:
            NotFound: the conversation was deleted meanwhile; what was yielded is not all.
        """
        yield markdown_title(conversation).encode()
        path = await self._messages.newest_path(conversation.id, user_id)
        if not path:
            await self._require(user_id, conversation)
        done = 0
        while done < len(path):
            ids = path[done : done + _PAGE]
            page = await self._messages.these(conversation.id, user_id, ids)
            if not page:
                raise NotFound
            for each in page:
                yield (await _rendered(each)).encode()
            done += ids.index(page[-1].id) + 1

    async def _require(self, user_id: UserId, conversation: Conversation) -> None:
        """Raise NotFound if the conversation is no longer there."""
        if await self._conversations.find(conversation.id, user_id) is None:
            raise NotFound


async def _rendered(message: Message) -> str:
    if len(message.content) + len(message.thinking or "") > _LONG:
        return await asyncio.to_thread(markdown_message, message)
    return markdown_message(message)
