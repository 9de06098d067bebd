"""What users do with their conversations, apart from talking in them."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, Literal
from uuid import UUID

from msgspec import Struct

from deeper_api.conversations.documents import Document, renewed
from deeper_api.conversations.exports import Exports
from deeper_api.conversations.queries import checked_text, words_of
from deeper_api.conversations.titles import checked_title
from deeper_api.store.conversations import Activity, Conversation, ConversationStore
from deeper_api.store.imports import ImportStore
from deeper_api.store.messages import MessagePage, MessageStore
from deeper_api.store.pool import Pool
from deeper_api.store.searches import Found, SearchStore
from deeper_core import ConversationId, NotFound, Overloaded, UserId, new_id

# Each import takes one connection for some seconds; more of them at once would leave none to the chats.
_IMPORTS: Final = 2


class Export(Struct, frozen=True, kw_only=True):
    """A conversation, and itself as a stream of bytes."""

    conversation: Conversation
    body: AsyncGenerator[bytes]


class Conversations:
    """The conversations of all users.

    Every method raises DatabaseUnavailable if the database does not answer, and NotFound for a conversation that is
    not the user's.
    """

    def __init__(self, pool: Pool) -> None:
        self._conversations = ConversationStore(pool)
        self._messages = MessageStore(pool)
        self._exports = Exports(self._conversations, self._messages)
        self._imports = ImportStore(pool)
        self._searches = SearchStore(pool)
        self._importing = 0

    async def create(self, user_id: UserId, title: str | None) -> Conversation:
        """Make a conversation without messages.

        Raises:
            Unauthenticated: there is no such user any more.
            ValidationFailed: the title cannot be one.
        """
        checked = None if title is None else checked_title(title)
        return await self._conversations.create(ConversationId(new_id()), user_id, checked)

    async def list_page(
        self, user_id: UserId, *, archived: bool, before: Activity | None, limit: int
    ) -> tuple[list[Conversation], bool]:
        """Return a page of conversations, the newest activity first, and whether there are more behind it."""
        found = await self._conversations.list_page(user_id, archived=archived, before=before, limit=limit + 1)
        return found[:limit], len(found) > limit

    async def find(self, conversation_id: ConversationId, user_id: UserId) -> Conversation:
        """Return the conversation."""
        found = await self._conversations.find(conversation_id, user_id)
        if found is None:
            raise NotFound
        return found

    async def change(
        self, conversation_id: ConversationId, user_id: UserId, *, title: str | None, archived: bool | None
    ) -> Conversation:
        """Rename the conversation, archive it or bring it back; None leaves what is.

        Raises:
            ValidationFailed: the title cannot be one.
        """
        checked = None if title is None else checked_title(title)
        changed = await self._conversations.change(conversation_id, user_id, title=checked, archived=archived)
        if changed is None:
            raise NotFound
        return changed

    async def delete(self, conversation_id: ConversationId, user_id: UserId) -> None:
        """Delete the conversation, and cancel what runs in it."""
        if not await self._conversations.delete(conversation_id, user_id):
            raise NotFound

    async def newest_messages(
        self, conversation_id: ConversationId, user_id: UserId, *, before: UUID | None, limit: int
    ) -> MessagePage:
        """Return a page of all messages, the newest first, of those before ``before``."""
        page = await self._messages.newest(conversation_id, user_id, before=before, limit=limit)
        return await self._existing(page, conversation_id, user_id)

    async def path_from(
        self, conversation_id: ConversationId, user_id: UserId, *, leaf: UUID, limit: int
    ) -> MessagePage:
        """Return a page of the path from the message ``leaf`` up to the root.

        Raises:
            NotFound: also where the conversation has no such message.
        """
        page = await self._messages.path(conversation_id, user_id, leaf=leaf, limit=limit)
        if not page.messages:
            raise NotFound
        return page

    async def path_through(
        self, conversation_id: ConversationId, user_id: UserId, *, through: UUID | None, limit: int
    ) -> MessagePage:
        """Return a page of the path through that message, or else the newest, from its newest descendant to the root.

        Raises:
            NotFound: also where the conversation has no such message.
        """
        page = await self._messages.path_through(conversation_id, user_id, through=through, limit=limit)
        if through is not None and not page.messages:
            raise NotFound
        return await self._existing(page, conversation_id, user_id)

    async def export(
        self, conversation_id: ConversationId, user_id: UserId, form: Literal["json", "markdown"]
    ) -> Export:
        """Return the whole conversation, to be read page by page."""
        conversation = await self.find(conversation_id, user_id)
        write = self._exports.json if form == "json" else self._exports.markdown
        return Export(conversation=conversation, body=write(user_id, conversation))

    async def add(self, user_id: UserId, document: Document) -> Conversation:
        """Keep a conversation that was exported, here or elsewhere, as one of the user's under new ids.

        Raises:
            Overloaded: others are importing.
            Unauthenticated: there is no such user any more.
            ValidationFailed: its messages make no tree, or one of them cannot be.
        """
        new = await asyncio.to_thread(renewed, document)  # of ten thousand messages takes a tenth of a second
        if self._importing >= _IMPORTS:
            raise Overloaded(retry_after=5)
        self._importing += 1
        try:
            return await self._imports.keep(user_id, new)
        finally:
            self._importing -= 1

    async def search(self, user_id: UserId, text: str, *, offset: int, limit: int) -> list[Found]:
        """Return the user's messages with the words of ``text``, the best first; see `SearchStore.find`.

        Raises:
            ValidationFailed: there is nothing to search for, or too much.
        """
        text = checked_text(text)
        words = words_of(text, await self._searches.parse(text))
        return await self._searches.find(user_id, words, offset=offset, limit=limit)

    async def _existing(self, page: MessagePage, conversation_id: ConversationId, user_id: UserId) -> MessagePage:
        """Return ``page``; where it is empty, the conversation may not exist at all."""
        if not page.messages:
            await self.find(conversation_id, user_id)
        return page
