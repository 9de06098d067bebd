"""A database that only reads, as a standby does and what was the primary before a failover."""

import psycopg
from psycopg import sql

from deeper_api.store.pool import Pool, connection
from deeper_core import DatabaseUnavailable
from tests.api.stores import open_pool

_READ_ONLY = sql.SQL("alter database {} set default_transaction_read_only = {}")


async def writes(pool: Pool) -> bool:
    try:
        async with connection(pool) as lent:
            await lent.execute("delete from runners")
    except DatabaseUnavailable:
        return False
    return True


async def test_a_database_that_cannot_write_is_away_until_it_can(database_url: str):
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database:
        name = sql.Identifier(database.info.dbname)
        await database.execute(_READ_ONLY.format(name, sql.Literal("on")))
        async with open_pool(database_url, max_size=1) as pool:
            assert not await writes(pool)
            await database.execute(_READ_ONLY.format(name, sql.Literal("off")))
            # The connection that comes after the first may have been made before that; no other one was.
            assert await writes(pool) or await writes(pool)
