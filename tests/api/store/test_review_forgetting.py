"""Forgetting more than one statement takes on."""

from datetime import UTC, datetime

import psycopg

from deeper_api.store.generations import GenerationStore, NewGeneration
from deeper_api.store.users import UserStore
from deeper_auth import parse_email
from deeper_core import GenerationId, RunnerId, UserId, new_id
from tests.api.stores import open_pool

_END = """
    update generations
    set state = 'complete', finish_reason = 'stop', content = 'hello', ended_at = now() - interval '25 hours'
"""
_AGE = "update idempotency_keys set created_at = now() - interval '25 hours'"
_LEFT = "select (select count(content) from generations) + (select count(*) from idempotency_keys)"


async def test_all_that_is_old_is_forgotten_however_much_it_is(database_url: str):
    async with open_pool(database_url, max_size=2) as pool:
        user_id, store = UserId(new_id()), GenerationStore(pool)
        await UserStore(pool).create(user_id, parse_email("someone@example.com"), "hash")
        new = [
            NewGeneration(
                id=GenerationId(new_id()),
                user_id=user_id,
                model="m",
                created_at=datetime.now(UTC),
                idempotency_key=f"k{number}",
                body_hash="00" * 32,
            )
            for number in range(5)
        ]
        assert len(await store.begin(RunnerId(new_id()), new)) == 5
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database:
            await database.execute(_END)
            await database.execute(_AGE)
            await store.forget_old(at_once=2)
            assert await (await database.execute(_LEFT)).fetchone() == (0,)
