"""Whole conversations as streams of bytes. Nothing is held between two pages but a place, and no connection."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from deeper_api.conversations.documents import Document, document_message
from deeper_api.conversations.markdown import markdown_message, markdown_title
from deeper_api.store.conversations import Conversation
from deeper_api.store.message_rows import Message
from deeper_api.store.messages import MessageStore
from deeper_core import MessageId, NotFound, UserId

_PAGE: Final = 100  # messages
# Rendering more than this takes longer than others on the same loop should wait.
_LONG: Final = 50_000  # characters


async def json_document(messages: MessageStore, user_id: UserId, conversation: Conversation) -> AsyncGenerator[bytes]:
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
        page = await messages.oldest(conversation.id, user_id, after=after, limit=_PAGE)
        if after is not None and not page.messages:
            raise NotFound
        for each in page.messages:
            yield separator + msgspec.json.encode(document_message(each))
            separator, after = b",\n", each.id
        more = page.more
    yield b"\n]}\n"


async def markdown_document(
    messages: MessageStore, user_id: UserId, conversation: Conversation
) -> AsyncGenerator[bytes]:
    """Yield the path to the newest leaf as Markdown.

    Raises:
        NotFound: the conversation was deleted meanwhile; what was yielded is not all.
    """
    yield markdown_title(conversation).encode()
    path = await messages.newest_path(conversation.id, user_id)
    done = 0
    while done < len(path):
        ids = path[done : done + _PAGE]
        page = await messages.these(conversation.id, user_id, ids)
        if not page:
            raise NotFound
        for each in page:
            yield (await _rendered(each)).encode()
        done += ids.index(page[-1].id) + 1


async def _rendered(message: Message) -> str:
    if len(message.content) + len(message.thinking or "") > _LONG:
        return await asyncio.to_thread(markdown_message, message)
    return markdown_message(message)
