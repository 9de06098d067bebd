"""/v1/admin/generations: what everybody has being answered, on whichever server."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from uuid import UUID

import msgspec
import pytest

from deeper_api.config.sections import ModelConfig
from deeper_core import Delta, Role, UserId
from deeper_model import ScriptedProvider
from tests.api.shapes import ANY_ID, ANY_TIME, require_error, require_headers
from tests.api.stores import open_users
from tests.fakes.exchanges import Account, Client, Json, sign_up
from tests.fixtures.applications import application, config_for

RUNNING = "/v1/admin/generations"
QUESTION: Json = {"model": "scripted", "messages": [{"role": "user", "content": "a secret question"}]}
SOON = 30  # seconds, for what comes within about one


@pytest.fixture
async def narrow(database_url: str, scripted: ScriptedProvider) -> AsyncGenerator[Client]:
    """An application with a database of its own, whose model server works on one answer at a time."""
    config = msgspec.structs.replace(config_for(database_url), model=ModelConfig(parallel=1))
    async with application(config, scripted) as client:
        yield client


async def administrator(client: Client, url: str) -> Account:
    account = await sign_up(client)
    async with open_users(url) as users:
        await users.set_role(UserId(UUID(account.user["id"])), Role.ADMIN)
    return await account.log_in()


async def until_running(admin: Account, *, waiting: int, tokens: int) -> list[Json]:
    """The running generations, once so many have a place in the line and so many tokens are written down."""
    async with asyncio.timeout(SOON):
        while True:
            items = (await admin.client.get(RUNNING)).json()["items"]
            places = sum(each["position"] is not None for each in items)
            if (places, sum(each["completion_tokens"] for each in items)) == (waiting, tokens):
                return items
            await asyncio.sleep(0.01)


async def test_it_is_told_who_waits_where_and_how_far_the_others_are(
    narrow: Client, database_url: str, scripted: ScriptedProvider
):
    admin = await administrator(narrow, database_url)
    users = [await sign_up(narrow) for _ in range(3)]
    goes_on = asyncio.Event()
    scripted.play(Delta(content="a secret answer", pieces=5), goes_on)
    async with AsyncExitStack() as stack:
        for user in users:
            exchange = await stack.enter_async_context(user.client.open("POST", "/v1/chat", QUESTION))
            await exchange.head()
            await exchange.read_until(b"start")
        items = await until_running(admin, waiting=2, tokens=5)
        reply = await admin.client.get(RUNNING)
        goes_on.set()
    assert [each["position"] for each in items] == [2, 1, None]
    assert items[2] == {
        "id": ANY_ID,
        "user_id": users[0].user["id"],
        "email": users[0].email,
        "model": "scripted",
        "purpose": "chat",
        "created_at": ANY_TIME,
        "runner_id": ANY_ID,
        "cancel_requested_at": None,
        "prompt_tokens": items[2]["prompt_tokens"],
        "completion_tokens": 5,
        "position": None,
    }
    assert b"secret" not in reply.body
    require_headers(reply)


async def test_they_come_in_pages_and_by_user_and_model(narrow: Client, database_url: str, scripted: ScriptedProvider):
    admin, user = await administrator(narrow, database_url), await sign_up(narrow)
    scripted.play(asyncio.Event())
    async with AsyncExitStack() as stack:
        for account in (user, user, admin):
            exchange = await stack.enter_async_context(account.client.open("POST", "/v1/chat", QUESTION))
            await exchange.head()
            await exchange.read_until(b"start")
        await until_running(admin, waiting=2, tokens=0)
        first = (await admin.client.get(f"{RUNNING}?limit=2")).json()
        second = (await admin.client.get(f"{RUNNING}?limit=2&cursor={first['cursor']}")).json()
        of_user = (await admin.client.get(f"{RUNNING}?user_id={user.user['id']}&model=scripted")).json()["items"]
        of_model = (await admin.client.get(f"{RUNNING}?model=another")).json()["items"]
    items = first["items"] + second["items"]
    assert [each["user_id"] for each in items] == [admin.user["id"], user.user["id"], user.user["id"]]
    assert second["cursor"] is None
    assert (of_user, of_model) == (items[1:], [])


async def test_one_that_is_written_and_one_that_waits_are_cancelled(
    narrow: Client, database_url: str, scripted: ScriptedProvider
):
    admin, user = await administrator(narrow, database_url), await sign_up(narrow)
    scripted.play(Delta(content="a"), asyncio.Event())
    async with user.client.open("POST", "/v1/chat", QUESTION) as written:
        await written.head()
        await written.read_until(b'"a"')
        async with user.client.open("POST", "/v1/chat", QUESTION) as waiting:
            await waiting.head()
            await waiting.read_until(b"queued")
            items = (await admin.client.get(RUNNING)).json()["items"]
            for each in items:
                reply = await admin.client.post(f"{RUNNING}/{each['id']}/cancel")
                expected = {"id": each["id"], "user_id": user.user["id"], "purpose": "chat", "state": "cancelled"}
                assert (reply.status, reply.json()) == (200, expected)
            assert b'"finish_reason":"cancelled"' in await written.rest()
            assert b'"finish_reason":"cancelled"' in await waiting.rest()
    assert scripted.open_streams == 0
    noted = (await admin.client.get("/v1/admin/audit?kind=generation_cancelled")).json()["items"]
    assert [(each["actor_id"], each["subject_id"], each["details"]) for each in reversed(noted)] == [
        (admin.user["id"], user.user["id"], {"generation_id": each["id"]}) for each in items
    ]


async def test_one_that_runs_on_another_server_is_cancelled_there(
    narrow: Client, database_url: str, scripted: ScriptedProvider
):
    admin, user = await administrator(narrow, database_url), await sign_up(narrow)
    scripted.play(Delta(content="a"), asyncio.Event())
    async with (
        application(config_for(database_url), ScriptedProvider()) as other,
        user.client.open("POST", "/v1/chat", QUESTION) as stream,
    ):
        await stream.head()
        await stream.read_until(b'"a"')
        there = other.as_user(admin.access_token)
        (running,) = (await there.get(RUNNING)).json()["items"]
        reply = await there.post(f"{RUNNING}/{running['id']}/cancel")
        assert (reply.status, reply.json()["state"]) == (200, "cancelled")
        assert b'"finish_reason":"cancelled"' in await stream.rest()


async def test_what_has_ended_stays_as_it_is_and_what_never_was_is_not_found(admin: Account, account: Account):
    await account.client.post("/v1/chat", QUESTION | {"stream": False, "store": True})
    usage = await admin.client.get(f"/v1/admin/usage?user_id={account.user['id']}")
    assert usage.json()["totals"]["requests"] == 1
    (conversation,) = (await account.client.get("/v1/conversations")).json()["items"]
    require_error(await admin.client.post(f"{RUNNING}/{conversation['id']}/cancel"), 404, "not_found")
    assert [each["kind"] for each in (await admin.client.get("/v1/admin/audit?limit=1")).json()["items"]] != [
        "generation_cancelled"
    ]


@pytest.mark.parametrize("query", ["user_id=x", "model=", "model=%00", f"model={'m' * 257}", "cursor=x", "limit=101"])
async def test_what_makes_no_sense_is_refused(admin: Account, query: str):
    reply = await admin.client.get(f"{RUNNING}?{query}")
    require_error(reply, 422, "validation_failed", details=reply.json()["error"]["details"])
