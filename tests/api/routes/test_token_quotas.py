"""Tokens of models that users and their keys may spend in a day."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec

from deeper_api.config.sections import LimitsConfig
from deeper_api.store.people import AccountChange, PeopleStore
from deeper_api.store.users import UserStore
from deeper_core import Finish, FinishReason, Role, Usage, UserId
from deeper_model import ScriptedProvider
from tests.api.shapes import require_error
from tests.api.stores import open_pool
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Client, Json, Reply, sign_up
from tests.fixtures.applications import application, config_for

QUESTION: Json = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}], "stream": False}


@asynccontextmanager
async def limited(url: str, scripted: ScriptedProvider, **limits: int) -> AsyncGenerator[AsgiClient]:
    """An application with these limits, whose model reads and writes 60 tokens for each answer."""
    usage = Usage(prompt_tokens=40, completion_tokens=20)
    for _ in range(10):
        scripted.play(Finish(reason=FinishReason.STOP, usage=usage))
    config = msgspec.structs.replace(config_for(url), limits=msgspec.structs.replace(LimitsConfig(), **limits))
    async with application(config, scripted) as client:
        yield client


async def statuses(client: Client, times: int) -> list[int]:
    return [(await client.post("/v1/chat", QUESTION)).status for _ in range(times)]


async def with_key(account: Account) -> Client:
    made = await account.client.post("/v1/api-keys", {"name": "key", "scopes": ["chat"]})
    return account.client.as_user(made.json()["key"])


def require_refusal(reply: Reply, seconds: range) -> None:
    require_error(reply, 429, "rate_limited")
    assert "tokens" in reply.json()["error"]["message"]
    assert int(reply.header("retry-after") or "") in seconds


async def test_whoever_owes_nothing_may_ask_and_whoever_does_waits_until_it_is_paid(
    accounts_url: str, scripted: ScriptedProvider
):
    async with limited(accounts_url, scripted, user_tokens_per_day=100) as client:
        account = await sign_up(client)
        assert await statuses(account.client, 2) == [200, 200]
        refused = await account.client.post("/v1/chat", QUESTION)
        # 20 of 120 tokens are owed, and 100 come back in a day.
        require_refusal(refused, range(86_400 // 5 - 60, 86_400 // 5 + 1))
        assert '"tokens";r=0;' in (refused.header("ratelimit") or "")
        assert (await account.client.get("/v1/me")).status == 200
        assert await statuses((await sign_up(client)).client, 1) == [200]
    assert len(scripted.requests) == 3


async def test_what_is_left_is_told(accounts_url: str, scripted: ScriptedProvider):
    async with limited(accounts_url, scripted, user_tokens_per_day=1_000) as client:
        account = await sign_up(client)
        first = await account.client.post("/v1/chat", QUESTION)
        second = await account.client.post("/v1/chat", QUESTION)
    assert '"tokens";q=1000;w=86400' in (first.header("ratelimit-policy") or "")
    assert '"tokens";r=1000;' in (first.header("ratelimit") or "")
    assert '"tokens";r=940;' in (second.header("ratelimit") or "")


async def test_a_key_spends_its_own_tokens_and_those_of_its_user(accounts_url: str, scripted: ScriptedProvider):
    async with limited(accounts_url, scripted, user_tokens_per_day=200, key_tokens_per_day=50) as client:
        account = await sign_up(client)
        one, other = await with_key(account), await with_key(account)
        assert await statuses(one, 2) == [200, 429]
        assert await statuses(other, 2) == [200, 429]
        assert await statuses(account.client, 3) == [200, 200, 429]


async def test_without_a_quota_nothing_is_counted(accounts_url: str, scripted: ScriptedProvider):
    async with limited(accounts_url, scripted) as client:
        reply = await (await sign_up(client)).client.post("/v1/chat", QUESTION)
    assert "tokens" not in (reply.header("ratelimit") or "")


async def give(url: str, account: Account, tokens: int | None) -> None:
    """Give an account a quota of its own, behind the API."""
    async with open_pool(url) as pool:
        change = AccountChange(tokens_per_day=tokens)
        await PeopleStore(pool).change(UserId(UUID(account.user["id"])), change)


async def test_a_user_may_have_a_quota_of_their_own(accounts_url: str, scripted: ScriptedProvider):
    async with limited(accounts_url, scripted, user_tokens_per_day=100) as client:
        least, most = await sign_up(client), await sign_up(client)
        await give(accounts_url, least, 50)
        await give(accounts_url, most, 0)
        assert await statuses(least.client, 2) == [200, 429]
        assert await statuses(most.client, 3) == [200, 200, 200]
        program = await with_key(least)
        assert await statuses(program, 1) == [429]


async def test_where_the_server_limits_nobody_one_user_may_be_limited(accounts_url: str, scripted: ScriptedProvider):
    async with limited(accounts_url, scripted) as client:
        account = await sign_up(client)
        await give(accounts_url, account, 50)
        assert await statuses(account.client, 2) == [200, 429]


async def test_another_quota_counts_from_the_next_request_on_and_begins_anew(
    accounts_url: str, scripted: ScriptedProvider
):
    async with limited(accounts_url, scripted, user_tokens_per_day=50) as client:
        admin, account = await sign_up(client), await sign_up(client)
        async with open_pool(accounts_url) as pool:
            await UserStore(pool).set_role(UserId(UUID(admin.user["id"])), Role.ADMIN)
        admin = await admin.log_in()
        assert await statuses(account.client, 2) == [200, 429]
        path = f"/v1/admin/users/{account.user['id']}"
        assert (await admin.client.call("PATCH", path, {"tokens_per_day": 100})).json()["tokens_per_day"] == 100
        assert await statuses(account.client, 3) == [200, 200, 429]
        await admin.client.call("PATCH", path, {"tokens_per_day": None})
        # What was owed to the quota of the server is still owed.
        assert await statuses(account.client, 1) == [429]
        noted = (await admin.client.get("/v1/admin/audit?kind=quota_changed&limit=2")).json()["items"]
        assert [each["details"]["tokens_per_day"] for each in noted] == [None, 100]
