"""What generations leave behind, and nobody needs any more."""

from typing import Final

from psycopg.rows import scalar_row

from deeper_api.store.pool import Pool, connection

_AT_ONCE: Final = 5_000


class LeftoverStore:
    """Forgets. Every method raises DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _TIDY = """
        with leftovers as (
            delete from generation_chunks
            where generation_id in (
                select id from generations
                where state <> 'running' and id in (select distinct generation_id from generation_chunks)
            )
        )
        delete from runners
        where heartbeat_at < now() - interval '1 day'
            and not exists (
                select from generations where generations.runner_id = runners.id and generations.state = 'running'
            )
    """

    # Not all at once, because a statement has only seconds. What another process forgets now is passed by.
    _FORGET = """
        with keys as (
            delete from idempotency_keys
            where ctid = any(
                array(
                    select ctid from idempotency_keys
                    where created_at <= now() - interval '24 hours'
                    limit %(limit)s
                    for update skip locked
                )
            )
            returning 1
        ),
        answers as (
            update generations
            set content = null, thinking = null, tool_calls = null, runs = '[]'
            where ctid = any(
                array(
                    select ctid from generations
                    where content is not null and ended_at <= now() - interval '24 hours'
                    limit %(limit)s
                    for no key update skip locked
                )
            )
            returning 1
        )
        select greatest((select count(*) from keys), (select count(*) from answers))
    """

    async def forget_old(self, *, at_once: int = _AT_ONCE) -> None:
        """Forget, after a day, idempotency keys and the answers that nobody wanted kept; remove what is left over."""
        async with connection(self._pool) as lent:
            await lent.execute(self._TIDY)
        forgotten = at_once
        while forgotten == at_once:
            async with connection(self._pool) as lent:
                cursor = lent.cursor(row_factory=scalar_row)
                await cursor.execute(self._FORGET, {"limit": at_once})
                forgotten = await cursor.fetchone()
