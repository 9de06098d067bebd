"""Generations in PostgreSQL: taking them on, and reading them by any process. `Journals` writes what they say."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, LiteralString

import msgspec
import psycopg
from psycopg.rows import class_row, scalar_row

from deeper_api.store.generation_rows import (
    KnownKey,
    NewGeneration,
    RunningGeneration,
    StoredChunk,
    StoredGeneration,
)
from deeper_api.store.pool import Pool, connection
from deeper_core import GenerationId, RunnerId, UserId

CHANNEL: Final = "deeper"
"""The one channel of notifications. ``g:<ids>``: these generations have grown or ended. ``c:<ids>``: stop these.
``w:<ids>``: somebody follows these."""

_CHUNKS: Final = 100  # rows for one reading: some 20 s of an answer


class GenerationStore:
    """Takes generations on and reads them.

    Every method raises DatabaseUnavailable if the database does not answer.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # One statement for any number of generations: who asks waits for it, and many ask at once. A request whose key is
    # known, or whose conversation is gone, is left out. Only one of those with the same key can be first. Whoever
    # disables the account in this moment waits for it, and then stops what it took on.
    _BEGIN = """
        with given as materialized (
            select *
            from json_to_recordset(%(generations)s::json) as given (
                id uuid, user_id uuid, model text, created_at timestamptz, purpose text, request_id text,
                traceparent text, prompt_tokens bigint, dropped uuid[], conversation_id uuid, message_id uuid,
                opens boolean, title text, idempotency_key text, body_hash text
            )
        ),
        touched as (
            update conversations
            set active_at = greatest(active_at, now()),
                title = case when conversations.title = '' then given.title else conversations.title end
            from given
            where conversations.id = given.conversation_id
                and conversations.user_id = given.user_id
                and not given.opens
            returning conversations.id, conversations.user_id
        ),
        placed as (
            select given.* from given
            join users on users.id = given.user_id and users.disabled_at is null
            where given.conversation_id is null
                or given.opens
                or (given.conversation_id, given.user_id) in (select id, user_id from touched)
            for share of users
        ),
        keys as (
            insert into idempotency_keys as known (user_id, key, body_hash, generation_id)
            select distinct on (user_id, idempotency_key)
                user_id, idempotency_key, decode(body_hash, 'hex'), id
            from placed
            where idempotency_key is not null
            order by user_id, idempotency_key, id
            on conflict (user_id, key) do update
            set body_hash = excluded.body_hash, generation_id = excluded.generation_id, created_at = now()
            where known.created_at <= now() - interval '24 hours'
            returning generation_id
        ),
        accepted as (
            select * from placed
            where idempotency_key is null or id in (select generation_id from keys)
        ),
        opened as (
            insert into conversations (id, user_id, title)
            select conversation_id, user_id, title from accepted where opens
        ),
        said as (
            insert into messages (
                conversation_id, id, user_id, parent_id, role, state, content, thinking, images, tool_calls,
                tool_call_id, tool_name, model
            )
            select
                accepted.conversation_id, said.id, accepted.user_id, said.parent_id, said.role, said.state,
                said.content, said.thinking, said.images, said.tool_calls, said.tool_call_id, said.tool_name, said.model
            from json_to_recordset(%(messages)s::json) as said (
                generation_id uuid, id uuid, parent_id uuid, role text, state text, content text, thinking text,
                images bytea[], tool_calls jsonb, tool_call_id text, tool_name text, model text
            )
            join accepted on accepted.id = said.generation_id
        ),
        running as (
            insert into runners (id) values (%(runner_id)s)
            on conflict (id) do update set heartbeat_at = now()
        )
        insert into generations (
            id, user_id, runner_id, conversation_id, message_id, purpose, model, request_id, traceparent, created_at,
            prompt_tokens, dropped
        )
        select
            id, user_id, %(runner_id)s, conversation_id, message_id, purpose, model, request_id, traceparent,
            created_at, prompt_tokens, dropped
        from accepted
        returning id
    """

    async def begin(self, runner_id: RunnerId, new: Sequence[NewGeneration]) -> set[GenerationId]:
        """Keep generations as running ones of this runner, all or none; return those that were taken on.

        One is not taken on if its idempotency key is known, its conversation is not (or not its user's), or its account
        is gone or disabled. One alone is not either if what it follows is gone; among several that is a
        ForeignKeyViolation.
        """
        values = {
            "runner_id": runner_id,
            "generations": _json([_without_messages(one) for one in new]),
            "messages": _json([message for one in new for message in one.messages]),
        }
        try:
            async with connection(self._pool) as lent:
                cursor = lent.cursor(row_factory=scalar_row)
                await cursor.execute(self._BEGIN, values)
                return set(await cursor.fetchall())
        except psycopg.errors.ForeignKeyViolation:
            if len(new) > 1:
                raise
            return set()

    _FIND_KEY = """
        select body_hash, generation_id
        from idempotency_keys
        where user_id = %(user_id)s and key = %(key)s and created_at > now() - interval '24 hours'
    """

    async def find_key(self, user_id: UserId, key: str) -> KnownKey | None:
        """Return what this user's key stands for, if it came in the last 24 hours."""
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=class_row(KnownKey))
            await cursor.execute(self._FIND_KEY, {"user_id": user_id, "key": key})
            return await cursor.fetchone()

    _FIND = """
        select
            generations.id, generations.state, generations.model, generations.created_at,
            generations.conversation_id, generations.message_id, messages.parent_id, generations.finish_reason,
            generations.error, generations.prompt_tokens, generations.completion_tokens, generations.estimated,
            generations.timings, generations.dropped, generations.length, generations.runs,
            generations.state = 'running' or coalesce(messages.content, generations.content) is not null as kept
        from generations
        left join messages
            on messages.conversation_id = generations.conversation_id and messages.id = generations.message_id
        where generations.id = %(id)s and generations.user_id = %(user_id)s and generations.purpose = 'chat'
    """

    async def find(self, generation_id: GenerationId, user_id: UserId) -> StoredGeneration | None:
        """Return the generation, if it is this user's."""
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=class_row(StoredGeneration))
            await cursor.execute(self._FIND, {"id": generation_id, "user_id": user_id})
            return await cursor.fetchone()

    _LIST_RUNNING = """
        select
            generations.id, generations.state, generations.model, generations.created_at,
            generations.conversation_id, generations.message_id, messages.parent_id
        from generations
        left join messages
            on messages.conversation_id = generations.conversation_id and messages.id = generations.message_id
        where generations.user_id = %(user_id)s
            and generations.state = 'running'
            and generations.purpose = 'chat'
            and (%(before)s::uuid is null or generations.id < %(before)s)
        order by generations.id desc
        limit %(limit)s
    """

    async def list_running(
        self, user_id: UserId, *, limit: int, before: GenerationId | None = None
    ) -> list[RunningGeneration]:
        """Return this user's running generations, the newest first, or those older than ``before``."""
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=class_row(RunningGeneration))
            await cursor.execute(self._LIST_RUNNING, {"user_id": user_id, "limit": limit, "before": before})
            return await cursor.fetchall()

    _CHUNKS_AFTER = """
        select position, kind, body, tokens
        from generation_chunks
        where generation_id = %(id)s
            and position >= coalesce(
                (
                    select max(position) from generation_chunks
                    where generation_id = %(id)s and position <= %(after)s
                ),
                0
            )
        order by position
        limit %(limit)s
    """

    async def chunks_after(self, generation_id: GenerationId, after: int, *, limit: int = _CHUNKS) -> list[StoredChunk]:
        """Return what the journal holds from the chunk on in which the position ``after`` lies, in order."""
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=class_row(StoredChunk))
            await cursor.execute(self._CHUNKS_AFTER, {"id": generation_id, "after": after, "limit": limit})
            return await cursor.fetchall()

    _SLICE: Final[Mapping[str, LiteralString]] = {
        "content": """
            select coalesce(substr(coalesce(messages.content, generations.content), %(first)s, %(count)s), '')
            from generations
            left join messages
                on messages.conversation_id = generations.conversation_id and messages.id = generations.message_id
            where generations.id = %(id)s
        """,
        "thinking": """
            select coalesce(substr(coalesce(messages.thinking, generations.thinking), %(first)s, %(count)s), '')
            from generations
            left join messages
                on messages.conversation_id = generations.conversation_id and messages.id = generations.message_id
            where generations.id = %(id)s
        """,
    }

    async def slice(
        self, generation_id: GenerationId, kind: Literal["content", "thinking"], first: int, count: int
    ) -> str:
        """Return ``count`` characters of an ended answer, from the one at ``first`` (counted from 0) on.

        Returns less where there is less: the answer may have been deleted, or forgotten.
        """
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=scalar_row)
            await cursor.execute(self._SLICE[kind], {"id": generation_id, "first": first + 1, "count": count})
            text: str | None = await cursor.fetchone()
            return text or ""

    _REQUEST_CANCEL = """
        with wanted as (
            update generations
            set cancel_requested_at = coalesce(cancel_requested_at, now())
            where id = %(id)s and user_id = %(user_id)s and state = 'running' and purpose = 'chat'
            returning id
        )
        select pg_notify('deeper', 'c:' || id::text) from wanted
    """

    async def request_cancel(self, generation_id: GenerationId, user_id: UserId) -> None:
        """Tell whichever process runs it that this generation of this user is to be stopped."""
        async with connection(self._pool) as lent:
            await lent.execute(self._REQUEST_CANCEL, {"id": generation_id, "user_id": user_id})

    _CANCEL_REQUESTED = """
        select id from generations
        where runner_id = %(runner_id)s and state = 'running' and cancel_requested_at is not null
    """

    async def cancel_requested(self, runner_id: RunnerId) -> list[GenerationId]:
        """Return the generations of this runner that somebody wants stopped."""
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=scalar_row)
            await cursor.execute(self._CANCEL_REQUESTED, {"runner_id": runner_id})
            return await cursor.fetchall()

    # A payload may have 8,000 bytes; an id has 36.
    _TELL_WATCHED = """
        select pg_notify('deeper', 'w:' || string_agg(id::text, ','))
        from (select id, (row_number() over () - 1) / 200 as part from unnest(%(ids)s::uuid[]) as given (id)) as parted
        group by part
    """

    async def tell_watched(self, generation_ids: Sequence[GenerationId]) -> None:
        """Tell those who run these generations that somebody follows them here."""
        async with connection(self._pool) as lent:
            await lent.execute(self._TELL_WATCHED, {"ids": list(generation_ids)})


def _json(rows: Sequence[object]) -> str:
    return msgspec.json.encode(rows).decode()


def _without_messages(one: NewGeneration) -> NewGeneration:
    return msgspec.structs.replace(one, messages=()) if one.messages else one
