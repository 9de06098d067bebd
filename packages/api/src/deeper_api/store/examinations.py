"""Looking at a PostgreSQL from outside of a server: raw observations, without an opinion."""

import asyncio
import secrets
import time
from contextlib import suppress
from typing import Final, LiteralString, cast

import psycopg
from msgspec import Struct
from psycopg import sql

from deeper_api.store.pool import Connection, connect_alone
from deeper_api.store.reasons import UNREADABLE
from deeper_core import DatabaseUnavailable

_APPLICATION: Final = "deeper-doctor"
# What NOTIFY takes on its way, many times over.
_HEAR_SECONDS: Final = 3.0
_MILLISECONDS: Final = 1_000


class Server(Struct, frozen=True, kw_only=True):
    """What a server tells of itself.

    ``version`` is such as 180001, ``ahead`` by how many seconds its clock is before ours, give or take
    ``round_trip``. ``is_local`` tells that nobody is on the way to it who could listen, ``is_plain`` that the address
    asks for a way that is not encrypted; ``encoding`` how it keeps text; ``connections`` how many clients without
    special rights may have; ``folder`` where its data is, if it tells.
    """

    version: int
    round_trip: float
    ahead: float
    is_replica: bool
    is_encrypted: bool
    is_local: bool
    is_plain: bool
    encoding: str
    connections: int
    in_use: int
    size: int
    folder: str | None


class Refused(Exception):
    """PostgreSQL does not do what it was asked for, or was not asked; the text holds nothing of the address."""


_TELL: Final[LiteralString] = """
    select current_setting('server_version_num')::integer as version,
           extract(epoch from clock_timestamp())::float8 as clock,
           pg_is_in_recovery() as is_replica,
           coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as is_encrypted,
           current_setting('max_connections')::integer
               - current_setting('superuser_reserved_connections')::integer
               - coalesce(current_setting('reserved_connections', true), '0')::integer as connections,
           (select count(*) from pg_stat_activity where backend_type = 'client backend')::integer as in_use,
           pg_database_size(current_database()) as size
"""
_FOLDER: Final[LiteralString] = "select current_setting('data_directory')"


async def connect(url: str) -> Connection:
    """Return a connection.

    Raises:
        DatabaseUnavailable: there is none.
        Refused: the address cannot be read.
    """
    try:
        return await connect_alone(url, _APPLICATION)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(retry_after=1) from error
    except psycopg.ProgrammingError:
        # libpq quotes the part that it does not understand, which may be the password: say nothing of it.
        raise Refused(f"its address {UNREADABLE}") from None


async def describe(line: Connection) -> Server:
    """Return what the server tells of itself."""
    await line.execute("select 1")  # what the first statement costs more is not the way's
    before, began = time.time(), time.perf_counter()
    row = await (await line.execute(_TELL)).fetchone()
    took = time.perf_counter() - began
    if row is None:
        raise AssertionError("a select without a table has a row")
    version, clock, is_replica, is_encrypted, connections, in_use, size = cast(
        "tuple[int, float, bool, bool, int, int, int]", row
    )
    folder: str | None = None
    with suppress(psycopg.errors.InsufficientPrivilege):
        told = await (await line.execute(_FOLDER)).fetchone()
        folder = None if told is None else str(told[0])
    return Server(
        version=version,
        round_trip=took,
        ahead=clock - (before + took / 2),
        is_replica=is_replica,
        is_encrypted=is_encrypted,
        is_local=line.info.host.startswith("/") or line.info.hostaddr in {"127.0.0.1", "::1"},
        is_plain=line.info.get_parameters().get("sslmode") == "disable",
        encoding=line.info.parameter_status("server_encoding") or "",
        connections=connections,
        in_use=in_use,
        size=size,
        folder=folder if line.info.host.startswith("/") else None,
    )


async def try_to_write(line: Connection) -> None:
    """Write what a server writes, and take it back.

    Raises:
        Refused: it cannot be written.
    """
    try:
        async with line.transaction(force_rollback=True):
            await line.execute("insert into runners (id) values (gen_random_uuid())")
    except psycopg.Error as error:
        raise Refused(error.diag.message_primary or type(error).__name__) from error


async def hears_notifications(url: str) -> bool:
    """Return whether what one connection says reaches another that listens.

    Raises:
        DatabaseUnavailable: there is no connection.
        Refused: the address cannot be read.
    """
    channel = sql.Identifier(f"deeper_doctor_{secrets.token_hex(8)}")
    async with await connect(url) as listener, await connect(url) as speaker:
        await listener.execute(sql.SQL("listen {}").format(channel))
        hearing = asyncio.create_task(_hear(listener))
        try:
            await speaker.execute(sql.SQL("notify {}").format(channel))
            return await hearing
        finally:
            hearing.cancel()


async def _hear(listener: Connection) -> bool:
    async for _ in listener.notifies(timeout=_HEAR_SECONDS, stop_after=1):
        return True
    return False
