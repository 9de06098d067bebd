"""The accounts of a database, for commands that run without the server."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from deeper_api.accounts.directory import Directory, create_directory
from deeper_api.config import AppConfig
from deeper_api.store.pool import Pool, running
from deeper_auth import KeyRing


@asynccontextmanager
async def open_directory(config: AppConfig, url: str) -> AsyncGenerator[Directory]:
    """Yield the accounts of the database at ``url``, under the rules of ``config``."""
    async with open_pool(url) as pool, opened_directory(config, pool) as directory:
        yield directory


@asynccontextmanager
async def open_pool(url: str) -> AsyncGenerator[Pool]:
    """Yield one connection to the database at ``url``, as a pool."""
    pool = Pool(url, min_size=1, max_size=1, application_name="deeper")
    async with running(pool):
        yield pool


@asynccontextmanager
async def opened_directory(config: AppConfig, pool: Pool) -> AsyncGenerator[Directory]:
    """Yield the accounts behind ``pool``, under the rules of ``config``."""
    # Commands open no sessions, so that it does not matter which key they would be signed with.
    directory = create_directory(config, pool, KeyRing(secrets.token_bytes(32)))
    try:
        yield directory
    finally:
        await directory.hasher.close()
