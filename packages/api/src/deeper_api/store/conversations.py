"""Conversations in PostgreSQL. Every statement names whose they are: for everybody else they do not exist."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

import psycopg
from msgspec import Struct
from psycopg.rows import class_row

from deeper_api.store.pool import Pool, connection
from deeper_core import ConversationId, Unauthenticated, UserId

# Who made a title, as the column title_source has it.
BY_USER: Final = "user"
BY_WORDS: Final = "words"


class Conversation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tree of messages; ``title`` is empty until there is something to say.

    ``active_at`` is the moment at which something was last asked in it, ``archived_at`` the one from which the usual
    list leaves it out, or None.
    """

    id: ConversationId
    title: str
    created_at: datetime
    active_at: datetime
    archived_at: datetime | None = None


class Activity(Struct, frozen=True, kw_only=True):
    """The place of a conversation in the list."""

    active_at: datetime
    id: UUID


class ConversationStore:
    """Reads and writes conversations.

    Every method raises DatabaseUnavailable if the database does not answer.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _CREATE = """
        insert into conversations (id, user_id, title, title_source)
        values (%(id)s, %(user_id)s, %(title)s, %(title_source)s)
        returning id, title, created_at, active_at, archived_at
    """

    async def create(self, conversation_id: ConversationId, user_id: UserId, title: str | None) -> Conversation:
        """Keep a new conversation and return it; ``title`` is the user's, or None.

        Raises:
            Unauthenticated: there is no such user any more.
        """
        values = {
            "id": conversation_id,
            "user_id": user_id,
            "title": title or "",
            "title_source": BY_USER if title else BY_WORDS,
        }
        try:
            row = await self._one(self._CREATE, values)
        except psycopg.errors.ForeignKeyViolation as error:  # the account was deleted a moment ago
            raise Unauthenticated from error
        if row is None:
            raise AssertionError("an insert returns its row")
        return row

    _FIND = """
        select id, title, created_at, active_at, archived_at
        from conversations
        where id = %(id)s and user_id = %(user_id)s
    """

    async def find(self, conversation_id: ConversationId, user_id: UserId) -> Conversation | None:
        """Return the user's conversation with this id."""
        return await self._one(self._FIND, {"id": conversation_id, "user_id": user_id})

    # The subquery keeps the planner from writing "= false" as "is null", which no longer fits the index.
    _LIST = """
        select id, title, created_at, active_at, archived_at
        from conversations
        where user_id = %(user_id)s
          and (archived_at is not null) = (select %(archived)s::boolean)
          and (active_at, id) < (
              coalesce(%(active_at)s, 'infinity'::timestamptz),
              coalesce(%(id)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
          )
        order by active_at desc, id desc
        limit %(limit)s
    """

    async def list_page(
        self, user_id: UserId, *, archived: bool, before: Activity | None, limit: int
    ) -> list[Conversation]:
        """Return at most ``limit`` conversations, the newest activity first, after the place ``before`` in that order.

        The archived ones, or else all others.
        """
        values = {
            "user_id": user_id,
            "archived": archived,
            "active_at": before and before.active_at,
            "id": before and before.id,
            "limit": limit,
        }
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(Conversation)) as cursor:
            await cursor.execute(self._LIST, values)
            return await cursor.fetchall()

    _CHANGE = """
        update conversations
        set title = coalesce(%(title)s, title),
            title_source = case when %(title)s::text is null then title_source else 'user' end,
            archived_at = case
                when %(archived)s::boolean is null then archived_at
                when %(archived)s then coalesce(archived_at, now())
            end
        where id = %(id)s and user_id = %(user_id)s
        returning id, title, created_at, active_at, archived_at
    """

    async def change(
        self, conversation_id: ConversationId, user_id: UserId, *, title: str | None, archived: bool | None
    ) -> Conversation | None:
        """Give the conversation a title of the user's, or archive it or bring it back; None leaves what is."""
        values = {"id": conversation_id, "user_id": user_id, "title": title, "archived": archived}
        return await self._one(self._CHANGE, values)

    _GIVE_TITLE = """
        update conversations
        set title = %(title)s, title_source = 'model'
        where id = %(id)s and user_id = %(user_id)s and title_source = 'words'
        returning id, title, created_at, active_at, archived_at
    """

    async def give_title(self, conversation_id: ConversationId, user_id: UserId, title: str) -> None:
        """Replace a title that is made of first words by one that a model made; one that a user gave stays."""
        await self._one(self._GIVE_TITLE, {"id": conversation_id, "user_id": user_id, "title": title})

    # Locked first: then no generation can begin in it any more, and all that did are seen by the next statement.
    _LOCK = """
        select id
        from conversations
        where id = %(id)s and user_id = %(user_id)s
        for update
    """

    _CANCEL = """
        with cancelled as (
            update generations
            set cancel_requested_at = coalesce(cancel_requested_at, now())
            where conversation_id = %(id)s and user_id = %(user_id)s and state = 'running'
            returning id
        )
        select pg_notify('deeper', 'c:' || id)
        from cancelled
    """

    # Pieces of tool calls, which would outlive them.
    _FORGET = """
        update generations
        set runs = '[]', dropped = '{}'
        where conversation_id = %(id)s and user_id = %(user_id)s
    """

    _DELETE = """
        delete from conversations
        where id = %(id)s and user_id = %(user_id)s
    """

    async def delete(self, conversation_id: ConversationId, user_id: UserId) -> bool:
        """Delete the conversation with its messages and have its generations cancelled; False if there is none.

        The generations stay as the ledger of what was used.
        """
        values = {"id": conversation_id, "user_id": user_id}
        async with connection(self._pool) as conn, conn.transaction():
            if (await conn.execute(self._LOCK, values)).rowcount == 0:
                return False
            await conn.execute(self._CANCEL, values)
            await conn.execute(self._FORGET, values)
            await conn.execute(self._DELETE, values)
        return True

    async def _one(self, query: LiteralString, values: Mapping[str, object]) -> Conversation | None:
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(Conversation)) as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchone()
