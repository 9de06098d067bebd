from collections.abc import AsyncIterator

import pytest

from deeper_api.store.journals import JournalStore
from deeper_api.store.pool import Pool
from deeper_core import UserId
from tests.api.store.asking import RUNNER, make_user
from tests.api.stores import open_pool


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, max_size=8) as pool:
        yield pool


@pytest.fixture
async def user_id(pool: Pool) -> UserId:
    return await make_user(pool)


@pytest.fixture
async def stranger(pool: Pool) -> UserId:
    return await make_user(pool)


@pytest.fixture
def journal(pool: Pool) -> JournalStore:
    return JournalStore(pool, RUNNER)
