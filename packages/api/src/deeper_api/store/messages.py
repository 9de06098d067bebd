"""Messages in PostgreSQL, read in pages. Every statement names whose they are.

Each query makes a list of ids in the order wanted, one more than a page holds, and ends with the same lines, which
fetch the messages: so many of the first ones as fit into the page and into its size.
"""

from collections.abc import Mapping, Sequence
from typing import Final, LiteralString
from uuid import UUID

from msgspec import Struct
from psycopg.rows import class_row

from deeper_api.store.message_rows import Message, MessageRow
from deeper_api.store.pool import Pool, connection
from deeper_core import ConversationId, MessageId, UserId

# A page ends after the message with which it holds as much text and images as this, so that a hundred messages with
# pictures do not become hundreds of megabytes.
PAGE_BYTES: Final = 4 * 1024 * 1024

# Sizes are read from the headers of the values; nothing large is fetched before it is known to fit. Each "limit 1" has
# a message looked up by its key; joined otherwise, a whole conversation may be read for a page of it.
_FETCH: Final = """
    , sized as materialized (
        select
            listed.place,
            listed.id,
            sum(message.size) over (
                order by listed.place rows between unbounded preceding and 1 preceding
            ) as preceding
        from listed
        cross join lateral (
            select
                octet_length(content) + coalesce(octet_length(thinking), 0)
                + pg_column_size(images) + pg_column_size(tool_calls) as size
            from messages
            where conversation_id = %(conversation_id)s and id = listed.id
            limit 1
        ) as message
    )
    select
        sized.place, (select count(*) from listed) as listed,
        messages.id, messages.conversation_id, messages.parent_id, messages.role, messages.state, messages.content,
        messages.created_at, messages.thinking, messages.images, messages.tool_calls, messages.tool_call_id,
        messages.tool_name, messages.model,
        made.id as generation_id, made.finish_reason, made.error, made.timings,
        made.prompt_tokens, made.completion_tokens, made.estimated,
        case
            when not %(siblings)s then null
            when messages.parent_id is null then array(
                select version.id
                from messages as version
                where version.conversation_id = %(conversation_id)s and version.parent_id is null
                order by version.id
            )
            else array(
                select version.id
                from messages as version
                where version.conversation_id = %(conversation_id)s and version.parent_id = messages.parent_id
                order by version.id
            )
        end as siblings
    from sized
    cross join lateral (
        select *
        from messages
        where conversation_id = %(conversation_id)s and id = sized.id and user_id = %(user_id)s
        limit 1
    ) as messages
    left join lateral (
        select
            generations.id,
            generations.finish_reason,
            generations.error,
            case when generations.state <> 'running' then generations.timings end as timings,
            case when generations.state <> 'running' then generations.prompt_tokens end as prompt_tokens,
            case when generations.state <> 'running' then generations.completion_tokens end as completion_tokens,
            generations.estimated
        from generations
        where generations.conversation_id = messages.conversation_id and generations.message_id = messages.id
        order by generations.id desc
        limit 1
    ) as made on true
    where sized.place <= %(limit)s
      and coalesce(sized.preceding, 0) < %(bytes)s
    order by sized.place
"""

# From a message up to the root, as far as one message beyond the page.
_UP: Final = """
    , up (id, parent_id, place) as (
        select messages.id, messages.parent_id, 1::bigint
        from messages
        join leaf on leaf.id = messages.id
        where messages.conversation_id = %(conversation_id)s and messages.user_id = %(user_id)s
        union all
        select parent.id, parent.parent_id, up.place + 1
        from up
        join messages as parent on parent.conversation_id = %(conversation_id)s and parent.id = up.parent_id
        where up.place <= %(limit)s
    )
    , listed as (
        select id, place
        from up
    )
"""

# From a message down to its newest descendant, through the newest child at each step. Without a message, from the
# newest one: another server's clock may have given it an id that is greater than its child's.
_DOWN: Final = """
    with recursive down (id, depth) as (
        select first.id, 0
        from (
            select messages.id
            from messages
            where messages.conversation_id = %(conversation_id)s
              and messages.user_id = %(user_id)s
              and messages.id between coalesce(%(through)s::uuid, '00000000-0000-0000-0000-000000000000')
                  and coalesce(%(through)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
            order by messages.id desc
            limit 1
        ) as first
        union all
        select child.id, down.depth + 1
        from down
        cross join lateral (
            select messages.id
            from messages
            where messages.conversation_id = %(conversation_id)s and messages.parent_id = down.id
            order by messages.id desc
            limit 1
        ) as child
    ),
    leaf as (
        select id
        from down
        order by depth desc
        limit 1
    )
"""


class MessagePage(Struct, frozen=True, kw_only=True):
    """Messages in some order; ``more`` says whether there are others behind them."""

    messages: tuple[Message, ...]
    more: bool


class MessageStore:
    """Reads the messages of conversations.

    Every method raises DatabaseUnavailable if the database does not answer. Where there is no such conversation, or it
    is somebody else's, there are no messages.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _NEWEST = """
        with listed as materialized (
            select id, row_number() over (order by id desc) as place
            from (
                select id
                from messages
                where conversation_id = %(conversation_id)s
                  and user_id = %(user_id)s
                  and id < coalesce(%(before)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
                order by id desc
                limit %(limit)s + 1
            ) as newest
        )
    """

    async def newest(
        self, conversation_id: ConversationId, user_id: UserId, *, before: UUID | None, limit: int
    ) -> MessagePage:
        """Return the newest messages of the whole tree, of those that are older than ``before``."""
        return await self._page(self._NEWEST, conversation_id, user_id, limit, {"before": before, "siblings": False})

    _OLDEST = """
        with listed as materialized (
            select id, row_number() over (order by id) as place
            from (
                select id
                from messages
                where conversation_id = %(conversation_id)s
                  and user_id = %(user_id)s
                  and id > coalesce(%(after)s::uuid, '00000000-0000-0000-0000-000000000000')
                order by id
                limit %(limit)s + 1
            ) as oldest
        )
    """

    async def oldest(
        self, conversation_id: ConversationId, user_id: UserId, *, after: UUID | None, limit: int
    ) -> MessagePage:
        """Return the oldest messages of the whole tree, of those that are newer than ``after``."""
        return await self._page(self._OLDEST, conversation_id, user_id, limit, {"after": after, "siblings": False})

    _LEAF = """
        with recursive leaf as (
            select %(leaf)s::uuid as id
        )
    """

    async def path(self, conversation_id: ConversationId, user_id: UserId, *, leaf: UUID, limit: int) -> MessagePage:
        """Return the messages from ``leaf`` up towards the root, with their siblings."""
        return await self._page(self._LEAF + _UP, conversation_id, user_id, limit, {"leaf": leaf, "siblings": True})

    async def path_through(
        self, conversation_id: ConversationId, user_id: UserId, *, through: UUID | None, limit: int
    ) -> MessagePage:
        """Return the path through that message, or else the newest one, from its newest descendant up to the root."""
        values = {"through": through, "siblings": True}
        return await self._page(_DOWN + _UP, conversation_id, user_id, limit, values)

    _IDS = """
        select id
        from listed
        order by place desc
    """

    async def newest_path(self, conversation_id: ConversationId, user_id: UserId) -> list[MessageId]:
        """Return the ids of the path to the newest leaf, from the root on."""
        values = {
            "conversation_id": conversation_id,
            "user_id": user_id,
            "through": None,
            "limit": 2**62,
        }
        async with connection(self._pool) as conn:
            rows = await (await conn.execute(_DOWN + _UP + self._IDS, values)).fetchall()
        return [row[0] for row in rows]

    _THESE = """
        with listed as materialized (
            select given.id, given.place
            from unnest(%(ids)s::uuid[]) with ordinality as given (id, place)
        )
    """

    async def these(
        self, conversation_id: ConversationId, user_id: UserId, ids: Sequence[MessageId]
    ) -> tuple[Message, ...]:
        """Return the first ones of the messages ``ids``, in their order: so many as a page may hold."""
        values = {"ids": list(ids), "siblings": False}
        return (await self._page(self._THESE, conversation_id, user_id, len(ids), values)).messages

    async def _page(
        self,
        listing: LiteralString,
        conversation_id: ConversationId,
        user_id: UserId,
        limit: int,
        more: Mapping[str, object],
    ) -> MessagePage:
        values = {
            "conversation_id": conversation_id,
            "user_id": user_id,
            "limit": limit,
            "bytes": PAGE_BYTES,
            **more,
        }
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(MessageRow)) as cursor:
            await cursor.execute(listing + _FETCH, values)
            rows = await cursor.fetchall()
        return MessagePage(
            messages=tuple(row.message() for row in rows), more=bool(rows) and rows[0].listed > rows[-1].place
        )
