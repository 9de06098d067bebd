"""The stores of a database, for tests that look behind the API."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deeper_api.store.pool import open_pool
from deeper_api.store.users import UserStore


@asynccontextmanager
async def open_users(database_url: str) -> AsyncGenerator[UserStore]:
    """Yield the accounts of a database."""
    async with open_pool(database_url, max_size=4) as pool:
        yield UserStore(pool)
