"""The pool of connections, and the one place where psycopg's failures become ours."""

import asyncio
import contextlib
import logging
import math
import os
import select
import socket
import time
from collections.abc import AsyncGenerator, Callable
from typing import Final, TypeAlias

import psycopg
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.trace import SpanKind
from psycopg import conninfo
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from deeper_api.telemetry.tallies import gauge, total
from deeper_api.telemetry.traces import caller_of, span
from deeper_core import DatabaseUnavailable, Overloaded

_log = logging.getLogger("deeper.database")

Connection: TypeAlias = psycopg.AsyncConnection[TupleRow]

# Limits that PostgreSQL itself enforces on each session, so that they hold even when this process hangs.
_LIMITS: Final = {
    "timezone": "UTC",  # no limit, but set with them: the zone in which times leave
    "statement_timeout": "10s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "30s",
}
# Ends the statement of a client that is gone. Apart, because some systems cannot tell and refuse the setting.
_CONNECTION_CHECK: Final = {"client_connection_check_interval": "5s"}

_SET = """
    select set_config(name, value, false)
    from unnest(%s::text[], %s::text[]) as given (name, value)
"""

# Used where the URL says nothing else. A peer that vanished without a word is noticed in about 30 s when idle, and
# after 10 s (of milliseconds) when it owes an acknowledgement.
_CONNECTION_DEFAULTS: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

# Less than the five seconds after which a person thinks that nothing works.
ANSWER_WITHIN: Final = 4.5  # seconds
_MAX_WAITING: Final = 200  # requests
# How often it is said why the database is unavailable, for each kind of error.
_SAY_EVERY: Final = 60.0  # seconds
# Whoever is turned away at once meets a crowd, if the database has answered somebody in so many seconds.
_LATELY: Final = 2.0
# The pool doubles the pause between attempts until this many seconds are over; then the next request starts afresh.
# At its default of 300 s a database that comes back may be ignored for two minutes.
_RECONNECT: Final = 2.0


class PoolBusy(Overloaded, DatabaseUnavailable):
    """The database answers others, but there are more who ask than connections. To a client this is `Overloaded`."""


class Pool(AsyncConnectionPool[Connection]):
    """A pool whose connections are in autocommit mode, limited in time, and looked at before each use.

    ``answered`` is when the database last answered somebody, by the clock of the event loop.
    """

    def __init__(self, url: str, *, min_size: int, max_size: int, application_name: str) -> None:
        super().__init__(
            url,
            kwargs={**_defaults(url), "autocommit": True, "application_name": application_name},
            min_size=min_size,
            max_size=max_size,
            open=False,
            configure=_limit,
            check=self._check_alive,
            name=application_name,
            max_waiting=_MAX_WAITING,
            reconnect_timeout=_RECONNECT,
        )
        self.answered = -math.inf
        self._said: dict[str, float] = {}

    def unavailable(self, error: psycopg.Error) -> DatabaseUnavailable:
        """Return what to raise because of ``error``, and log its kind now and then; its text may hold anything."""
        now, kind = time.monotonic(), type(error).__name__
        if now - self._said.get(kind, -math.inf) >= _SAY_EVERY:
            self._said[kind] = now
            fields = {"error": kind, "sqlstate": error.sqlstate}
            _log.warning("the database is unavailable", extra={"fields": fields})
        return DatabaseUnavailable(retry_after=1)

    async def _check_alive(self, connection: Connection) -> None:
        """Raise if the server has closed this connection, and then drop all others that wait in the pool with it.

        An idle connection has nothing to read, except the news that it is over. So looking costs no round trip until
        there is some. After the first dead one the others go as well, because the pool looks at a few only before it
        gives up on a request.
        """
        if not _has_news(connection.fileno()):
            return
        try:
            await self.check_connection(connection)
        except psycopg.Error:
            await self.drain()
            raise


def observe_pool(pool: Pool, meter: Meter) -> None:
    """Tell how the pool is used, by the names of https://opentelemetry.io/docs/specs/semconv/database/database-metrics.

    Counts beyond those are the pool's own: how often somebody had to wait for a connection, how long all of them
    together, and how often in vain.
    """

    def read(name: str) -> Callable[[], float]:
        return lambda: pool.get_stats().get(name, 0)

    def count(_: CallbackOptions) -> list[Observation]:
        stats = pool.get_stats()
        idle = stats.get("pool_available", 0)
        used = stats.get("pool_size", 0) - idle
        return [Observation(number, {"state": state}) for state, number in (("idle", idle), ("used", used))]

    meter.create_observable_up_down_counter(
        "db.client.connection.count", [count], unit="{connection}", description="Connections to the database, by state."
    )
    gauge(
        meter,
        "db.client.connection.max",
        lambda: pool.max_size,
        unit="{connection}",
        description="Connections to the database, at most.",
    )
    gauge(
        meter,
        "db.client.connection.pending_requests",
        read("requests_waiting"),
        unit="{request}",
        description="How many wait for a connection now.",
    )
    total(
        meter,
        "db.client.connection.timeouts",
        read("requests_errors"),
        unit="{timeout}",
        description="How many got no connection.",
    )
    total(
        meter,
        "deeper.db.pool.waits",
        read("requests_queued"),
        unit="{request}",
        description="How many had to wait for a connection.",
    )
    total(
        meter,
        "deeper.db.pool.wait",
        lambda: read("requests_wait_ms")() / 1_000,
        unit="s",
        description="How long all of them waited for connections together.",
    )


@contextlib.asynccontextmanager
async def running(pool: Pool) -> AsyncGenerator[None]:
    """Keep ``pool`` open for as long as the context lasts. Does not wait for the database, which may come up later."""
    await pool.open(wait=False)
    try:
        yield
    finally:
        await pool.close(timeout=1)


def connection(pool: Pool, *, seconds: float = ANSWER_WITHIN) -> contextlib.AbstractAsyncContextManager[Connection]:
    """Lend a connection for a short while: never hold it during anything but statements.

    Each statement is a transaction of its own; ``async with connection.transaction()`` joins several. After
    ``seconds`` in all, waiting for a free connection included, the connection is cut: a server that is frozen answers
    no cancelling either, which psycopg would wait for.

    Raises:
        PoolBusy: None came free in time or too many wait already, while the database answers others.
        DatabaseUnavailable: Likewise while it answers nobody, or it stopped answering, ran into a time limit or cannot
            write now.
    """
    borrower = caller_of(1)
    return _traced(pool, seconds, borrower) if borrower else _lent(pool, seconds)


@contextlib.asynccontextmanager
async def _traced(pool: Pool, seconds: float, borrower: str) -> AsyncGenerator[Connection]:
    attributes = {"db.system.name": "postgresql", "code.function.name": borrower}
    with span(borrower, attributes, kind=SpanKind.CLIENT):
        async with _lent(pool, seconds) as lent:
            yield lent


@contextlib.asynccontextmanager
async def _lent(pool: Pool, seconds: float) -> AsyncGenerator[Connection]:
    loop = asyncio.get_running_loop()
    asked = loop.time()
    deadline = asked + seconds
    lent: Connection | None = None
    try:
        async with pool.connection(timeout=seconds) as lent:
            timer = loop.call_at(deadline, _cut, lent)
            try:
                yield lent
                pool.answered = loop.time()
            except psycopg.errors.ReadOnlySqlTransaction as error:
                # A standby, or what was the primary: the next connection may lead to the server that writes.
                await lent.close()
                raise pool.unavailable(error) from error
            finally:
                timer.cancel()
    except psycopg.OperationalError as error:
        if _is_only_busy(pool, error, asked):
            raise PoolBusy(retry_after=1) from error
        raise pool.unavailable(error) from error
    except psycopg.Error as error:
        if lent is None or not lent.broken:
            raise  # a fault of the statement, for the caller
        raise pool.unavailable(error) from error


async def connect_alone(url: str, application_name: str) -> Connection:
    """Return a connection of one's own, for listening: it must not be taken from a pool, since it is never given back.

    Raises:
        psycopg.OperationalError: The database does not answer.
    """
    complete = conninfo.make_conninfo(url, **_defaults(url), application_name=application_name)
    return await psycopg.AsyncConnection.connect(complete, autocommit=True)


async def ping(pool: Pool, seconds: float) -> bool:
    """Tell whether the database answers a query; returns within ``seconds``, whatever the database does."""
    try:
        async with connection(pool, seconds=seconds) as lent:
            await lent.execute("select 1")
    except PoolBusy:
        return True
    except DatabaseUnavailable:
        return False
    return True


def _defaults(url: str) -> dict[str, int]:
    given = conninfo.conninfo_to_dict(url)
    return {key: value for key, value in _CONNECTION_DEFAULTS.items() if key not in given}


def _is_only_busy(pool: Pool, error: psycopg.OperationalError, asked: float) -> bool:
    """Tell whether the database has answered others, while somebody who ``asked`` got no connection."""
    if isinstance(error, TooManyRequests):
        return pool.answered > asked - _LATELY
    return isinstance(error, PoolTimeout) and pool.answered > asked


def _cut(connection: Connection) -> None:
    """End the conversation with the server, so that whoever waits for it is told that it is over."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


async def _limit(connection: Connection) -> None:
    await connection.execute(_SET, [list(_LIMITS), list(_LIMITS.values())])
    with contextlib.suppress(psycopg.DatabaseError):
        await connection.execute(_SET, [list(_CONNECTION_CHECK), list(_CONNECTION_CHECK.values())])


def _has_news(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
