"""Sessions while several things happen to them at once, at two servers of one database."""

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from deeper_model import ScriptedProvider
from tests.api.shapes import require_error
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Client, Reply, sign_up
from tests.fakes.http import HttpClient
from tests.fixtures.applications import application, config_for
from tests.fixtures.servers import Backend

COOKIE = "__Host-deeper_refresh"
# How long a server may believe what it has looked up, and how much longer one may take to notice on a busy machine.
BELIEVED, SLACK = 5.0, 3.0


@pytest.fixture
async def other(accounts_url: str) -> AsyncGenerator[AsgiClient]:
    """A client of another server."""
    async with application(config_for(accounts_url), ScriptedProvider()) as client:
        yield client


async def refresh(client: Client, token: str) -> Reply:
    return await client.as_user(None).post("/v1/auth/refresh", {"refresh_token": token})


async def refresh_by_cookie(client: Client, token: str) -> Reply:
    return await client.as_user(None).post("/v1/auth/refresh", headers={"cookie": f"{COOKIE}={token}"})


def cookie_of(reply: Reply) -> str:
    return (reply.header("set-cookie") or "").partition("; ")[0].partition("=")[2]


async def is_believed(client: Client, access_token: str) -> bool:
    return (await client.as_user(access_token).get("/v1/me")).status == 200


def generation_of(database_url: str, account: Account) -> int:
    with psycopg.connect(database_url) as database:
        query = "select generation from sessions where user_id = %s"
        ((generation,),) = database.execute(query, [UUID(account.user["id"])]).fetchall()
    return generation


async def test_fifty_refreshes_at_once_at_two_servers_count_as_one(
    account: Account, client: AsgiClient, other: AsgiClient, accounts_url: str
):
    servers = 25 * [client, other]
    replies = await asyncio.gather(*(refresh(server, account.refresh_token) for server in servers))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.json()["refresh_token"] for reply in replies}) == 1
    assert generation_of(accounts_url, account) == 1
    believed = [await is_believed(client, reply.json()["access_token"]) for reply in replies]
    assert all(believed)


async def test_fifty_refreshes_at_once_at_two_processes_count_as_one(
    http_account: Account, http_client: HttpClient, backend: Backend, second_backend: Backend
):
    servers = 25 * [http_client, http_client.at(second_backend.url)]
    replies = await asyncio.gather(*(refresh(server, http_account.refresh_token) for server in servers))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.json()["refresh_token"] for reply in replies}) == 1
    assert generation_of(backend.database_url, http_account) == 1


async def test_two_tabs_that_refresh_at_once_both_stay_signed_in(account: Account, client: AsgiClient):
    token = account.refresh_token
    for _ in range(5):
        tabs = await asyncio.gather(*(refresh_by_cookie(client, token) for _ in range(2)))
        assert [reply.status for reply in tabs] == [200, 200]
        assert [await is_believed(client, reply.json()["access_token"]) for reply in tabs] == [True, True]
        (token,) = {cookie_of(reply) for reply in tabs}


async def test_a_tab_whose_answer_got_lost_stays_signed_in_and_so_does_the_other(account: Account, client: AsgiClient):
    first = await refresh_by_cookie(client, account.refresh_token)
    late = await refresh_by_cookie(client, account.refresh_token)
    assert cookie_of(first) == cookie_of(late)
    assert (await refresh_by_cookie(client, cookie_of(late))).status == 200


async def test_whatever_races_a_logout_nothing_of_the_session_lives_once_it_has_returned(
    account: Account, client: AsgiClient, other: AsgiClient
):
    survivors: list[int] = []
    for number in range(200):
        session = await account.log_in()
        token = session.refresh_token
        logout, *replies = await asyncio.gather(
            session.client.post("/v1/auth/logout"),
            refresh(client, token),
            refresh(other, token),
            session.client.get("/v1/me"),
            refresh(client, token),
        )
        assert logout.status == 204
        given = [reply.json() for reply in replies if reply.status == 200 and b"refresh_token" in reply.body]
        tokens = [token, *(each["refresh_token"] for each in given)]
        access = [session.access_token, *(each["access_token"] for each in given)]
        alive = [await is_believed(client, each) for each in access]
        alive += [(await refresh(client, each)).status == 200 for each in tokens]
        if any(alive):
            survivors.append(number)
    assert survivors == []
    assert len((await account.client.get("/v1/auth/sessions")).json()) == 1


async def test_whoever_signs_out_everywhere_while_a_device_refreshes_is_alone(account: Account, client: AsgiClient):
    for _ in range(20):
        device = await account.log_in()
        _, reply = await asyncio.gather(
            account.client.delete("/v1/auth/sessions"), refresh(client, device.refresh_token)
        )
        if reply.status == 200:
            assert not await is_believed(client, reply.json()["access_token"])
            require_error(await refresh(client, reply.json()["refresh_token"]), 401, "invalid_refresh_token")
    assert len((await account.client.get("/v1/auth/sessions")).json()) == 1


async def test_reuse_ends_the_access_tokens_too_at_another_server_within_five_seconds(
    client: AsgiClient, other: AsgiClient, accounts_url: str
):
    account, bystander = await sign_up(client), await sign_up(client)
    newest = (await refresh(client, account.refresh_token)).json()
    with psycopg.connect(accounts_url, autocommit=True) as database:
        earlier = (
            "update sessions set created_at = created_at - %(t)s, rotated_at = rotated_at - %(t)s where user_id = %(u)s"
        )
        database.execute(earlier, {"t": timedelta(minutes=1), "u": UUID(account.user["id"])})
    assert await is_believed(other, newest["access_token"])
    started = time.monotonic()
    require_error(await refresh(client, account.refresh_token), 401, "refresh_token_reused")
    for token in (account.access_token, newest["access_token"]):
        assert not await is_believed(client, token)
    while await is_believed(other, newest["access_token"]):
        assert time.monotonic() - started < BELIEVED + SLACK
        await asyncio.sleep(0.1)  # between two looks
    require_error(await refresh(other, newest["refresh_token"]), 401, "invalid_refresh_token")
    assert await is_believed(other, bystander.access_token)
