"""Whole conversations into PostgreSQL."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from deeper_api.store.conversations import BY_USER, BY_WORDS, Conversation
from deeper_api.store.message_rows import MessageState
from deeper_api.store.pool import Connection, Pool, connection
from deeper_core import ChatRole, ConversationId, MessageId, ToolCall, Unauthenticated, UserId

# For all of an import; each of its statements has the usual limit.
_WITHIN: Final = 30.0  # seconds
# So many go in one statement, or so much text.
_PORTION_ROWS: Final = 500
_PORTION_CHARACTERS: Final = 1_000_000


class NewMessage(Struct, frozen=True, kw_only=True):
    """A message to be kept as it is."""

    id: MessageId
    parent_id: MessageId | None
    role: ChatRole
    state: MessageState
    content: str
    thinking: str | None
    images: tuple[bytes, ...]
    tool_calls: tuple[ToolCall, ...]
    tool_call_id: str | None
    tool_name: str | None
    model: str | None
    created_at: datetime


class NewConversation(Struct, frozen=True, kw_only=True):
    """A conversation to be kept as it is; ``messages`` has each one after its parent."""

    id: ConversationId
    title: str
    created_at: datetime
    active_at: datetime
    messages: Sequence[NewMessage]


class ImportStore:
    """Writes conversations that come from elsewhere."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _CREATE = """
        insert into conversations (id, user_id, title, title_source, created_at, active_at)
        values (
            %(id)s, %(user_id)s, %(title)s, %(title_source)s,
            least(%(created_at)s, now()), least(%(active_at)s, now())
        )
        returning id, title, created_at, active_at, archived_at
    """

    async def keep(self, user_id: UserId, new: NewConversation) -> Conversation:
        """Keep a conversation with all its messages, or nothing; no time of it is later than now.

        Raises:
            DatabaseUnavailable: the database does not answer, or not in time.
            Unauthenticated: there is no such user any more.
        """
        values = {
            "id": new.id,
            "user_id": user_id,
            "title": new.title,
            "title_source": BY_USER if new.title else BY_WORDS,
            "created_at": new.created_at,
            "active_at": new.active_at,
        }
        try:
            async with connection(self._pool, seconds=_WITHIN) as conn, conn.transaction():
                async with conn.cursor(row_factory=class_row(Conversation)) as cursor:
                    await cursor.execute(self._CREATE, values)
                    (kept,) = await cursor.fetchall()
                now = await _now(conn)
                for portion in _portions(new.messages):
                    await self._copy(conn, user_id, new.id, portion, now)
        except psycopg.errors.ForeignKeyViolation as error:  # the account was deleted a moment ago
            raise Unauthenticated from error
        return kept

    _COPY = """
        copy messages (
            conversation_id, id, user_id, parent_id, role, state, content, thinking, images, tool_calls,
            tool_call_id, tool_name, model, created_at
        )
        from stdin
    """

    async def _copy(
        self,
        conn: Connection,
        user_id: UserId,
        conversation_id: ConversationId,
        messages: Iterable[NewMessage],
        now: datetime,
    ) -> None:
        async with conn.cursor() as cursor, cursor.copy(self._COPY) as copy:
            for each in messages:
                await copy.write_row(
                    (
                        conversation_id,
                        each.id,
                        user_id,
                        each.parent_id,
                        each.role.value,
                        each.state.value,
                        each.content,
                        each.thinking,
                        list(each.images),
                        Jsonb(msgspec.to_builtins(each.tool_calls)),
                        each.tool_call_id,
                        each.tool_name,
                        each.model,
                        min(each.created_at, now),
                    )
                )


async def _now(conn: Connection) -> datetime:
    row = await (await conn.execute("select now()")).fetchone()
    if row is None:
        raise AssertionError("a moment is always returned")
    moment: datetime = row[0]
    return moment


def _portions(messages: Iterable[NewMessage]) -> Iterator[list[NewMessage]]:
    """Yield the messages in portions, each of which is done within the time of a statement."""
    portion: list[NewMessage] = []
    characters = 0
    for each in messages:
        portion.append(each)
        characters += len(each.content)
        if len(portion) == _PORTION_ROWS or characters > _PORTION_CHARACTERS:
            yield portion
            portion, characters = [], 0
    if portion:
        yield portion
