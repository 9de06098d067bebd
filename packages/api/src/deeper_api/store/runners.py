"""The processes that run generations, as each sees the others."""

from datetime import datetime

from msgspec import Struct
from psycopg.rows import class_row, scalar_row

from deeper_api.store.pool import Pool, connection
from deeper_core import GenerationId, RunnerId


class Runner(Struct, frozen=True, kw_only=True):
    """Another process with running generations.

    ``heartbeat_at`` changes every second while it lives. ``connected`` tells whether it listens for notifications now.
    """

    id: RunnerId
    heartbeat_at: datetime
    connected: bool


class Orphan(Struct, frozen=True, kw_only=True):
    """A running generation of which nobody but its row tells: by which request it came, and where its trace is."""

    id: GenerationId
    model: str
    request_id: str | None
    traceparent: str | None


class RunnerStore:
    """Watches over runners. Every method raises DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # A listening process shares an advisory lock for as long as its connection lasts. Who looks must not try the lock:
    # two who try in the same moment take each other for the process. Of a lock with a key of 64 bits, pg_locks tells
    # the upper half as classid, the lower half as objid, and an objsubid of 1.
    _OTHERS = """
        with connected as (
            select (classid::bigint << 32) | objid::bigint as key
            from pg_locks
            where locktype = 'advisory' and objsubid = 1 and granted
                and database = (select oid from pg_database where datname = current_database())
        )
        select
            id, heartbeat_at,
            hashtextextended('deeper runner ' || id::text, 0) in (select key from connected) as connected
        from runners
        where id <> %(runner_id)s
            and exists (
                select from generations where generations.runner_id = runners.id and generations.state = 'running'
            )
    """

    async def others(self, runner_id: RunnerId) -> list[Runner]:
        """Return all other runners that have running generations."""
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=class_row(Runner))
            await cursor.execute(self._OTHERS, {"runner_id": runner_id})
            return await cursor.fetchall()

    _TAKE_OVER = """
        with dead as (
            delete from runners where id = %(dead)s and heartbeat_at = %(heartbeat_at)s returning id
        ),
        heir as (
            insert into runners (id)
            select %(heir)s from dead
            on conflict (id) do update set heartbeat_at = now()
        )
        update generations
        set runner_id = %(heir)s
        from dead
        where generations.runner_id = dead.id and generations.state = 'running'
        returning generations.id
    """

    async def take_over(self, dead: Runner, heir: RunnerId) -> list[GenerationId]:
        """Make the running generations of a dead runner those of ``heir``, unless it showed that it lives."""
        values = {"dead": dead.id, "heartbeat_at": dead.heartbeat_at, "heir": heir}
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=scalar_row)
            await cursor.execute(self._TAKE_OVER, values)
            return await cursor.fetchall()

    _RUNNING = """
        select id, model, request_id, traceparent
        from generations
        where runner_id = %(runner_id)s and state = 'running'
    """

    async def running(self, runner_id: RunnerId) -> list[Orphan]:
        """Return the running generations of a runner."""
        async with connection(self._pool) as lent:
            cursor = lent.cursor(row_factory=class_row(Orphan))
            await cursor.execute(self._RUNNING, {"runner_id": runner_id})
            return await cursor.fetchall()

    _LEAVE = """
        delete from runners
        where id = %(runner_id)s
            and not exists (select from generations where runner_id = %(runner_id)s and state = 'running')
    """

    async def leave(self, runner_id: RunnerId) -> None:
        """Take a runner off the list; with something left to run it stays, for others to take over."""
        async with connection(self._pool) as lent:
            await lent.execute(self._LEAVE, {"runner_id": runner_id})
