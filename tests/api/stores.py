"""The stores of a database, for tests that look behind the API."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deeper_api.store.pool import Pool, running
from deeper_api.store.users import UserStore


@asynccontextmanager
async def open_pool(url: str, *, min_size: int = 1, max_size: int = 10) -> AsyncGenerator[Pool]:
    """A pool as the application has it, open."""
    pool = Pool(url, min_size=min_size, max_size=max_size, application_name="deeper-api")
    async with running(pool):
        yield pool


@asynccontextmanager
async def open_users(database_url: str) -> AsyncGenerator[UserStore]:
    """Yield the accounts of a database."""
    async with open_pool(database_url, max_size=4) as pool:
        yield UserStore(pool)
