"""Running answers of those whose accounts end."""

import asyncio
from collections.abc import AsyncGenerator

import psycopg
import pytest

from deeper_api.store.users import UserStore
from deeper_core import Delta, UserId
from deeper_model import ScriptedProvider
from tests.api.routes.test_chat import QUESTION
from tests.api.stores import open_pool
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, sign_up, sse_frames

STORED = QUESTION | {"store": True, "on_disconnect": "continue"}


@pytest.fixture
async def users(accounts_url: str) -> AsyncGenerator[UserStore]:
    async with open_pool(accounts_url, max_size=1) as pool:
        yield UserStore(pool)


async def test_disabling_an_account_stops_its_answers_wherever_they_run(
    account: Account, client: AsgiClient, scripted: ScriptedProvider, users: UserStore
):
    stranger = await sign_up(client)
    for _ in range(3):
        scripted.play(Delta(content="one"), asyncio.Event())
    async with (
        account.client.open("POST", "/v1/chat", STORED) as first,
        account.client.open("POST", "/v1/chat", STORED) as second,
        stranger.client.open("POST", "/v1/chat", STORED) as third,
    ):
        for stream in (first, second, third):
            await stream.head()
            await stream.read_until(b"one")
        await users.disable(UserId(account.user["id"]))
        for stream in (first, second):
            _, event, data = sse_frames(await stream.rest())[-1]
            assert (event, data["finish_reason"]) == ("done", "cancelled")
        await scripted.wait_for_streams(1)


async def test_deleting_an_account_stops_its_answers(account: Account, scripted: ScriptedProvider, accounts_url: str):
    scripted.play(Delta(content="one"), asyncio.Event())
    async with account.client.open("POST", "/v1/chat", STORED) as stream:
        await stream.head()
        await stream.read_until(b"one")
        assert (await account.client.delete("/v1/me", {"password": account.password})).status == 204
        assert sse_frames(await stream.rest())[-1][1] in {"done", "error"}
        await scripted.wait_for_streams(0)
    with psycopg.connect(accounts_url) as database:
        left = database.execute("select count(*) from generations where user_id = %s", [account.user["id"]]).fetchone()
    assert left == (0,)
