"""The journal: what running generations say, as it comes, and how they end. Each statement serves many of them."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from psycopg.rows import class_row, scalar_row

from deeper_api.store.generation_rows import Kind, Run, State
from deeper_api.store.pool import Pool, connection
from deeper_core import GenerationId, RunnerId, Timings, ToolCall

# A notification holds 8,000 bytes, and an id 36.
ENDS_AT_ONCE: Final = 200


class Chunk(Struct, frozen=True, kw_only=True):
    """What one generation grew by; ``body`` of tool calls is JSON."""

    generation_id: GenerationId
    position: int
    kind: Kind
    body: str
    tokens: int


class End(Struct, frozen=True, kw_only=True):
    """How a generation ended.

    ``content`` and ``thinking`` are what follows ``position``; what is before it is in the journal. ``error`` is what a
    client is told, as JSON. ``runs`` are those of the whole answer. ``prompt_tokens`` None leaves the estimate with
    which it was taken on. ``is_message`` tells that the answer was to be a message: if that was deleted, nothing of the
    text is kept elsewhere.
    """

    id: GenerationId
    state: State
    position: int
    length: int
    runs: tuple[Run, ...]
    content: str
    thinking: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    error: object
    prompt_tokens: int | None
    completion_tokens: int
    estimated: bool
    timings: Timings
    is_message: bool = False


class _Ended(Struct, frozen=True, kw_only=True):
    """A generation after an attempt to end it."""

    id: GenerationId
    state: State


class JournalStore:
    """Writes the journal of one runner. Methods raise DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool, runner_id: RunnerId) -> None:
        self._pool = pool
        self._runner_id = runner_id

    # A write whose outcome was never learned is done again, and may then have more to say of the same position. The
    # first one may still come after it, from a server that was frozen: what is longer counts.
    _WRITE = """
        with given as materialized (
            select *
            from json_to_recordset(%(chunks)s::json) as given (
                generation_id uuid, position bigint, kind text, body text, tokens bigint
            )
        ),
        ours as materialized (
            select id from generations
            where id = any(%(ids)s) and runner_id = %(runner_id)s and state = 'running'
        ),
        beat as (
            update runners
            set heartbeat_at = now(), waiting = coalesce(%(waiting)s::jsonb, waiting)
            where id = %(runner_id)s
        ),
        kept as (
            insert into generation_chunks (generation_id, position, kind, body, tokens)
            select given.* from given join ours on ours.id = given.generation_id
            on conflict (generation_id, position) do update set body = excluded.body, tokens = excluded.tokens
            where length(generation_chunks.body) < length(excluded.body)
            returning generation_id
        ),
        told as materialized (
            select pg_notify('deeper', 'g:' || string_agg(generation_id::text, ','))
            from (
                select generation_id, (row_number() over () - 1) / 200 as part
                from (select distinct generation_id from kept) as grown
            ) as parted
            group by part
        )
        select id from ours where (select count(*) from told) >= 0
    """

    async def write(
        self,
        chunks: Sequence[Chunk],
        ids: Sequence[GenerationId],
        *,
        waiting: Mapping[GenerationId, int] | None = None,
    ) -> set[GenerationId]:
        """Write chunks and the heartbeat of this runner; return those of ``ids`` that are still its running ones.

        Every chunk is of one of ``ids``; those of generations that are not the runner's any more are left out.
        ``waiting`` are the places of those that wait for their turn, None if they are as they were.
        """
        values = {
            "chunks": msgspec.json.encode(chunks).decode(),
            "ids": list(ids),
            "runner_id": self._runner_id,
            "waiting": None if waiting is None else msgspec.json.encode(waiting).decode(),
        }
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=scalar_row)
            await cursor.execute(self._WRITE, values)
            return set(await cursor.fetchall())

    # Chunks behind the given position are of a write whose outcome was never learned; their text is given again. They
    # are looked up for each answer: joined otherwise, the journal of all that runs may be read for the end of one.
    _END = """
        with given as materialized (
            select *
            from json_to_recordset(%(ends)s::json) as given (
                id uuid, state text, position bigint, length bigint, runs jsonb, content text, thinking text,
                tool_calls jsonb, finish_reason text, error jsonb, prompt_tokens bigint, completion_tokens bigint,
                estimated boolean, timings jsonb, is_message boolean
            )
        ),
        written as materialized (
            select
                given.id,
                coalesce(journal.content, '') || given.content as content,
                coalesce(journal.thinking, '') || given.thinking as thinking
            from given
            cross join lateral (
                select
                    string_agg(body, '' order by chunks.position) filter (where kind = 'content') as content,
                    string_agg(body, '' order by chunks.position) filter (where kind = 'thinking') as thinking
                from generation_chunks as chunks
                where chunks.generation_id = given.id and chunks.position < given.position
            ) as journal
        ),
        ended as (
            update generations
            set state = given.state,
                ended_at = now(),
                finish_reason = given.finish_reason,
                error = given.error,
                prompt_tokens = coalesce(given.prompt_tokens, generations.prompt_tokens),
                completion_tokens = given.completion_tokens,
                estimated = given.estimated,
                timings = given.timings,
                length = given.length,
                runs = case when message_id is null and given.is_message then '[]' else given.runs end,
                content = case when message_id is null and not given.is_message then written.content end,
                thinking = case when message_id is null and not given.is_message then nullif(written.thinking, '') end,
                tool_calls = case when message_id is null and not given.is_message then given.tool_calls end
            from given
            join written on written.id = given.id
            where generations.id = given.id
                and generations.runner_id = %(runner_id)s
                and generations.state = 'running'
            returning generations.id, generations.conversation_id, generations.message_id
        ),
        saved as (
            update messages
            set state = given.state,
                content = written.content,
                thinking = nullif(written.thinking, ''),
                tool_calls = given.tool_calls
            from ended
            join given on given.id = ended.id
            join written on written.id = ended.id
            where messages.conversation_id = ended.conversation_id and messages.id = ended.message_id
        ),
        forgotten as (
            delete from generation_chunks where generation_id in (select id from ended)
        ),
        told as materialized (
            select pg_notify('deeper', 'g:' || string_agg(id::text, ',')) from ended having count(*) > 0
        )
        select given.id, case when ended.id is null then generations.state else given.state end as state
        from given
        join generations on generations.id = given.id
        left join ended on ended.id = given.id
        where (select count(*) from told) >= 0
    """

    async def end(self, ends: Sequence[End]) -> dict[GenerationId, State]:
        """End running generations of this runner, `ENDS_AT_ONCE` at most, with message, ledger and journal at once.

        Returns the state in which each now is, which is another one where it had ended before or is another runner's;
        generations that are gone are missing.
        """
        values = {"ends": msgspec.json.encode(ends).decode(), "runner_id": self._runner_id}
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=class_row(_Ended))
            await cursor.execute(self._END, values)
            return {row.id: row.state for row in await cursor.fetchall()}
