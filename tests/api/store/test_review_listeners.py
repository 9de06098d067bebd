"""Listening for notifications while the server has not noticed that an earlier connection is gone."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg

from deeper_api.store.listeners import listening
from deeper_api.store.runners import RunnerStore
from deeper_api.store.users import UserStore
from deeper_auth import parse_email
from deeper_core import GenerationId, RunnerId, UserId, new_id
from tests.api.stores import open_pool

RUNNER = RunnerId(new_id())


@asynccontextmanager
async def connected_listener(url: str, heard: asyncio.Queue[str]) -> AsyncGenerator[None]:
    connected = asyncio.Event()

    async def note() -> None:
        connected.set()

    async with listening(url, RUNNER, heard=heard.put_nowait, connected=note):
        await connected.wait()
        yield


async def test_a_runner_that_connects_again_does_not_wait_for_its_earlier_connection(database_url: str):
    earlier, heard = asyncio.Queue[str](), asyncio.Queue[str]()
    async with connected_listener(database_url, earlier), connected_listener(database_url, heard):
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database:
            await database.execute("notify deeper, 'hello'")
        assert await heard.get() == "hello"


async def test_others_see_whether_a_runner_listens(database_url: str):
    async with open_pool(database_url, max_size=2) as pool:
        user_id, runners = UserId(new_id()), RunnerStore(pool)
        await UserStore(pool).create(user_id, parse_email("someone@example.com"), "hash")
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database:
            await database.execute("insert into runners (id) values (%s)", [RUNNER])
            await database.execute(
                "insert into generations (id, user_id, runner_id, model) values (%s, %s, %s, 'm')",
                [GenerationId(new_id()), user_id, RUNNER],
            )

        async def seen() -> list[bool]:
            return [runner.connected for runner in await runners.others(RunnerId(new_id()))]

        assert await seen() == [False]
        async with connected_listener(database_url, asyncio.Queue()):
            assert await seen() == [True]
            assert await seen() == [True]
