"""What was said before in a conversation, for the model that is to go on."""

from collections.abc import Mapping
from typing import Final, LiteralString

import msgspec
from msgspec import Struct
from psycopg.rows import class_row

from deeper_api.store.pool import Pool, connection
from deeper_core import ChatMessage, ChatRole, ConversationId, MessageId, ToolCall, UserId

# An image takes some tokens, whatever its size in bytes. How many there are is not counted, since that would read them.
_IMAGE_BYTES: Final = 3_072
# Size of a column without images, about; and of all images that are read for one question.
_NO_IMAGES_BYTES: Final = 64
_IMAGES_BYTES: Final = 32 * 1024 * 1024


class Past(Struct, frozen=True, kw_only=True):
    """A message on the way from the beginning to a leaf; ``message`` is None if it is too far back to be read."""

    id: MessageId
    role: ChatRole
    state: str
    message: ChatMessage | None


class _PastRow(Struct, frozen=True, kw_only=True):
    id: MessageId | None
    role: str | None
    state: str | None
    near: bool | None
    content: str | None
    thinking: str | None
    images: list[bytes] | None
    tool_calls: object
    tool_call_id: str | None
    tool_name: str | None

    def past(self) -> Past | None:
        """Return the message; None for the row of a conversation without any."""
        if self.id is None or self.state is None:
            return None
        message = None
        if self.near:
            calls = msgspec.convert(self.tool_calls, tuple[ToolCall, ...])
            message = ChatMessage(
                role=ChatRole(self.role),
                content=self.content or "",
                thinking=self.thinking,
                images=tuple(self.images or ()),
                tool_calls=calls if self.state == "complete" else (),  # of others, the arguments may be cut off
                tool_call_id=self.tool_call_id,
                tool_name=self.tool_name,
            )
        return Past(id=self.id, role=ChatRole(self.role), state=self.state, message=message)


class HistoryStore:
    """Reads histories. Raises DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # Ids and sizes are read of the whole path, texts only of its near end and of system messages.
    _PATH: LiteralString = """
        with recursive ours as materialized (
            select id from conversations where id = %(conversation_id)s and user_id = %(user_id)s
        ),
        leaf as (
            select id, parent_id
            from messages
            where conversation_id = %(conversation_id)s
                and id = coalesce(
                    %(leaf)s::uuid,
                    (
                        select id from messages
                        where conversation_id = %(conversation_id)s
                        order by id desc
                        limit 1
                    )
                )
                and exists (select from ours)
        ),
        path as (
            select 1 as distance, id, parent_id from leaf
            union all
            select path.distance + 1, messages.id, messages.parent_id
            from path
            join messages on messages.conversation_id = %(conversation_id)s and messages.id = path.parent_id
        ),
        measured as (
            select
                path.distance, messages.*,
                sum(
                    octet_length(content) + coalesce(octet_length(thinking), 0) + pg_column_size(tool_calls)
                    + (pg_column_size(images) > %(no_images)s)::integer * %(image_bytes)s
                ) over (order by path.distance) <= %(bytes)s
                and sum(pg_column_size(images)) over (order by path.distance) <= %(images)s
                or path.distance = 1
                or role = 'system' as near
            from path
            join messages on messages.conversation_id = %(conversation_id)s and messages.id = path.id
        )
        select
            measured.id, role, state, near,
            case when near then content end as content,
            case when near then thinking end as thinking,
            case when near then images end as images,
            case when near then tool_calls end as tool_calls,
            tool_call_id, tool_name
        from ours
        left join measured on true
        order by distance desc
    """

    async def path(
        self, user_id: UserId, conversation_id: ConversationId, leaf: MessageId | None, *, near: int
    ) -> list[Past] | None:
        """Return the messages from the beginning to ``leaf``, or to the newest message if that is None.

        Only the last ``near`` bytes of them are read, and system messages. Returns None if this user has no such
        conversation, and nothing if there is no such message in it.
        """
        values: Mapping[str, object] = {
            "user_id": user_id,
            "conversation_id": conversation_id,
            "leaf": leaf,
            "bytes": near,
            "image_bytes": _IMAGE_BYTES,
            "no_images": _NO_IMAGES_BYTES,
            "images": _IMAGES_BYTES,
        }
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=class_row(_PastRow))
            await cursor.execute(self._PATH, values)
            rows = await cursor.fetchall()
        return [past for past in map(_PastRow.past, rows) if past is not None] if rows else None
