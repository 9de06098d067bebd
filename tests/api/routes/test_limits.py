"""How often whom is let in, and how it is said."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
import pytest
from litestar.routes import HTTPRoute

from deeper_api.config.sections import LimitsConfig, ServerConfig
from deeper_api.providers.limits import UNLIMITED, WITH_PASSWORD
from deeper_model import ScriptedProvider
from tests.api.routes.test_table import TABLE, call, litestar_of
from tests.api.shapes import require_error
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Client, Json, Reply, credentials, sign_up
from tests.fixtures.applications import application, config_for

PROBES = {("GET", "/health"), ("GET", "/health/ready")}
Limited = Callable[..., AbstractAsyncContextManager[AsgiClient]]


@pytest.fixture
def limited(accounts_url: str, scripted: ScriptedProvider) -> Limited:
    """Runs an application with these limits, behind a proxy that it trusts: ``limited(user_burst=3)``."""

    @asynccontextmanager
    async def run(**limits: int) -> AsyncGenerator[AsgiClient]:
        config = msgspec.structs.replace(
            config_for(accounts_url),
            limits=msgspec.structs.replace(LimitsConfig(), **limits),
            server=ServerConfig(drain_seconds=0, trusted_proxies=("192.0.2.7",)),
        )
        async with application(config, scripted) as client:
            yield client

    return run


def since(address: str) -> dict[str, str]:
    """Headers of a request from ``address``."""
    return {"x-forwarded-for": address}


async def refresh(client: Client, address: str) -> Reply:
    """A request of somebody who is not signed in; refused for that, or else for asking too often."""
    return await client.as_user(None).post("/v1/auth/refresh", {"refresh_token": "x"}, headers=since(address))


async def log_in(client: Client, given: Json, address: str = "198.51.100.1") -> Reply:
    return await client.as_user(None).post("/v1/auth/login", given, headers=since(address))


def wrong(account: Account) -> Json:
    return {"email": account.email, "password": "not the password"}


def right(account: Account) -> Json:
    return {"email": account.email, "password": account.password}


def require_refusal(reply: Reply) -> int:
    """Fail unless the request was refused for its frequency; return for how long."""
    require_error(reply, 429, "rate_limited")
    after = int(reply.header("retry-after") or "")
    assert after >= 1
    assert reply.header("ratelimit-policy")
    assert f";r=0;t={after}" in (reply.header("ratelimit") or "")
    return after


# Which routes


@pytest.mark.parametrize(("method", "path"), TABLE)
@pytest.mark.parametrize("signed_in", [False, True])
async def test_each_route_but_the_probes_tells_its_limits(limited: Limited, method: str, path: str, signed_in: bool):
    async with limited() as client:
        caller = (await sign_up(client)).client if signed_in else client
        reply = await call(caller, method, path, TABLE[method, path][0])
        bucket = "user" if signed_in and TABLE[method, path][1] == 401 else "anonymous"
        if (method, path) in {("POST", "/v1/auth/login"), ("POST", "/v1/auth/refresh")}:
            bucket = "anonymous"  # where 401 has nothing to do with a token
        if reply.status == 403:
            bucket = "anonymous"  # who may not ask is nobody
        told = [reply.header("ratelimit") or "", reply.header("ratelimit-policy") or ""]
        assert [text.startswith(f'"{bucket}";') for text in told] == 2 * [(method, path) not in PROBES]


def test_what_is_said_of_operations_is_said_of_some_that_exist(accounts_url: str):
    app = litestar_of(accounts_url)
    routes = [route for route in app.routes if isinstance(route, HTTPRoute)]
    assert {handler.operation_id for route in routes for handler in route.route_handlers} >= UNLIMITED | WITH_PASSWORD


async def test_probes_are_never_refused(limited: Limited):
    async with limited(anonymous_burst=1, anonymous_per_minute=1) as client:
        assert {(await client.get("/health")).status for _ in range(5)} == {200}


async def test_limits_can_be_switched_off(client: AsgiClient):
    reply = await client.get("/v1/me")
    assert (reply.header("ratelimit"), reply.header("ratelimit-policy")) == (None, None)


# Addresses


async def test_an_address_may_ask_so_often_and_no_more(limited: Limited):
    async with limited(anonymous_burst=3, anonymous_per_minute=1) as client:
        replies = [await refresh(client, "198.51.100.1") for _ in range(4)]
        assert [reply.status for reply in replies] == [401, 401, 401, 429]
        assert 59 <= require_refusal(replies[-1]) <= 60
        require_error(await refresh(client, "198.51.100.2"), 401, "invalid_refresh_token")


async def test_after_the_time_that_was_told_the_next_request_is_let_in(limited: Limited):
    async with limited(anonymous_burst=1, anonymous_per_minute=60) as client:
        await refresh(client, "198.51.100.1")
        await asyncio.sleep(require_refusal(await refresh(client, "198.51.100.1")))  # what is tested is that it is long
        require_error(await refresh(client, "198.51.100.1"), 401, "invalid_refresh_token")


async def test_ipv6_counts_by_its_first_half(limited: Limited):
    async with limited(anonymous_burst=1, anonymous_per_minute=1) as client:
        addresses = ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1", "::ffff:198.51.100.1", "198.51.100.1"]
        assert [(await refresh(client, address)).status for address in addresses] == [401, 429, 401, 401, 429]


async def test_a_token_that_is_not_valid_counts_for_the_address(limited: Limited):
    async with limited(anonymous_burst=2, anonymous_per_minute=1) as client:
        replies = [await client.as_user("x").get("/v1/me", headers=since("198.51.100.1")) for _ in range(3)]
        require_error(replies[1], 401, "invalid_token")
        require_refusal(replies[2])


async def test_whoever_signed_in_does_not_suffer_from_others_at_the_address(limited: Limited):
    async with limited(anonymous_burst=2, anonymous_per_minute=1) as client:
        account = await sign_up(client)
        replies = [await client.get("/v1/me") for _ in range(3)]
        require_refusal(replies[-1])
        assert (await account.client.get("/v1/me")).status == 200


# What reaches no route


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("POST", "/v1/me/x"),
        ("GET", "/v1/conversations/no-id"),
        ("PROPFIND", "/v1/me"),
        ("POST", "/health"),
        ("OPTIONS", "/nothing"),
        ("HEAD", "/nothing"),
    ],
)
@pytest.mark.parametrize("token", [None, "x"])
async def test_what_reaches_no_route_counts_for_the_address(
    limited: Limited, method: str, path: str, token: str | None
):
    async with limited(anonymous_burst=2, anonymous_per_minute=1) as client:
        asking = client.as_user(token)
        replies = [await asking.call(method, path, headers=since("198.51.100.1")) for _ in range(3)]
        assert [(reply.header("ratelimit") or "")[:16] for reply in replies[:2]] == [
            '"anonymous";r=1;',
            '"anonymous";r=0;',
        ]
        assert [reply.status for reply in replies] == [replies[0].status] * 2 + [429]
        if method != "HEAD":
            require_refusal(replies[2])
        assert (await asking.call(method, path, headers=since("198.51.100.2"))).status == replies[0].status


async def test_a_body_that_makes_no_sense_counts_for_the_address(limited: Limited):
    async with limited(anonymous_burst=3, anonymous_per_minute=1) as client:
        bodies = (b"{", b"\xff", b"[" * 5_000, b"{}")
        headers = {"content-type": "application/json", **since("198.51.100.1")}
        replies = [await client.call("POST", "/v1/auth/refresh", headers=headers, body=body) for body in bodies]
        assert [reply.status for reply in replies] == [400, 400, 422, 429]


async def test_a_refusal_has_every_header_and_no_more_of_the_response_that_it_replaces(limited: Limited):
    async with limited(anonymous_burst=1, anonymous_per_minute=1) as client:
        replies = [await client.call("PROPFIND", "/v1/me") for _ in range(2)]
        assert [reply.header("allow") is None for reply in replies] == [False, True]
        assert len(replies[1].body) == int(replies[1].header("content-length") or "")


async def test_the_preflights_of_browsers_are_never_refused(limited: Limited):
    async with limited(anonymous_burst=1, anonymous_per_minute=1) as client:
        asked = {"origin": "https://chat.example.com", "access-control-request-method": "PUT"}
        assert {(await client.call("OPTIONS", "/v1/me/password", headers=asked)).status for _ in range(3)} == {204}


async def test_probes_are_answered_when_everything_else_from_there_is_refused(limited: Limited):
    async with limited(anonymous_burst=1, anonymous_per_minute=1) as client:
        statuses = [(await client.get(path)).status for path in ("/x", "/x", "/health", "/health/ready", "/x")]
        assert statuses == [404, 429, 200, 200, 429]


# Users


async def test_a_user_may_ask_so_often_and_no_more_from_all_devices(limited: Limited):
    async with limited(user_burst=3, user_per_minute=1) as client:
        account, other = await sign_up(client), await sign_up(client)
        device = await account.log_in()
        used = [account, device, account, device]
        replies = [await each.client.get("/v1/me") for each in used]
        assert [reply.status for reply in replies] == [200, 200, 200, 429]
        require_refusal(replies[-1])
        assert (await other.client.get("/v1/me")).status == 200


async def programs(account: Account, count: int) -> list[Client]:
    """Clients with a key each."""
    made = [await account.client.post("/v1/api-keys", {"name": "x", "scopes": ["read"]}) for _ in range(count)]
    return [account.client.as_user(reply.json()["key"]) for reply in made]


async def test_each_api_key_has_a_limit_of_its_own(limited: Limited):
    async with limited(key_burst=2, key_per_minute=1) as client:
        account = await sign_up(client)
        first, second = await programs(account, 2)
        replies = [await first.get("/v1/models") for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 200, 429]
        require_refusal(replies[-1])
        assert (await second.get("/v1/models")).status == 200
        assert (await account.client.get("/v1/models")).status == 200


async def test_all_keys_of_a_user_together_may_ask_as_often_as_the_user(limited: Limited):
    async with limited(user_burst=6, user_per_minute=1) as client:
        account = await sign_up(client)
        keys = await programs(account, 3)
        statuses = [(await key.get("/v1/models")).status for key in 2 * keys]
        assert statuses == [200] * 3 + [429] * 3
        require_refusal(await account.client.get("/v1/me"))


async def test_a_program_is_told_what_is_left_to_its_key_and_to_its_user(limited: Limited):
    few = {"key_burst": 6, "key_per_minute": 1, "user_burst": 9, "user_per_minute": 1}
    async with limited(**few) as client:
        (program,) = await programs(await sign_up(client), 1)
        reply = await program.get("/v1/models")
        assert reply.header("ratelimit-policy") == '"key";q=6;w=360, "user";q=9;w=540'
        assert re.fullmatch(r'"key";r=5;t=\d+, "user";r=7;t=\d+', reply.header("ratelimit") or "")


async def test_what_is_left_is_told_with_each_response(limited: Limited):
    async with limited(user_burst=30, user_per_minute=60) as client:
        account = await sign_up(client)
        replies = [await account.client.get("/v1/me") for _ in range(2)]
        assert [reply.header("ratelimit-policy") for reply in replies] == 2 * ['"user";q=30;w=30']
        assert all(re.fullmatch(r'"user";r=(28|29);t=1', reply.header("ratelimit") or "") for reply in replies)


async def test_a_stream_tells_its_limits(limited: Limited):
    async with limited() as client:
        account = await sign_up(client)
        question = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}
        reply = await account.client.post("/v1/chat", question)
        assert (reply.status, reply.header("ratelimit")) == (200, '"user";r=299;t=1')


# Passwords


async def test_passwords_count_once_more_for_an_address(limited: Limited):
    async with limited(password_burst=2, password_per_minute=1) as client:
        replies = [await log_in(client, credentials()) for _ in range(3)]
        assert [reply.status for reply in replies] == [401, 401, 429]
        assert [name in (replies[2].header("ratelimit") or "") for name in ("anonymous", "passwords")] == [True, True]
        assert (await log_in(client, credentials(), "198.51.100.2")).status == 401
        require_error(await refresh(client, "198.51.100.1"), 401, "invalid_refresh_token")


async def test_passwords_count_once_more_for_a_user(limited: Limited):
    async with limited(password_burst=2, password_per_minute=1) as client:
        account = await sign_up(client)
        replies = [await account.client.delete("/v1/me", {"password": "not the password"}) for _ in range(3)]
        assert [reply.status for reply in replies] == [422, 422, 429]
        assert (await account.client.get("/v1/me")).status == 200


async def test_after_five_wrong_passwords_an_account_is_closed_for_that_address_only(limited: Limited):
    async with limited() as client:
        account = await sign_up(client)
        replies = [await log_in(client, wrong(account)) for _ in range(5)]
        assert [reply.status for reply in replies] == [401] * 5
        assert 170 <= require_refusal(await log_in(client, right(account))) <= 180
        assert (await log_in(client, right(account), "198.51.100.2")).status == 200
        assert (await log_in(client, credentials())).status == 401


async def test_wherever_a_password_is_asked_for_it_is_the_same_tries_that_are_counted(limited: Limited):
    change = {"current_password": "not the password", "new_password": "another password, and a long one"}
    here = since("198.51.100.1")
    async with limited() as client:
        account = await sign_up(client)
        for _ in range(2):
            assert (await account.client.put("/v1/me/password", change, headers=here)).status == 422
            assert (await account.client.delete("/v1/me", {"password": "x"}, headers=here)).status == 422
        assert (await log_in(client, wrong(account))).status == 401
        change = change | {"current_password": account.password}
        require_refusal(await account.client.put("/v1/me/password", change, headers=here))
        require_refusal(await account.client.delete("/v1/me", {"password": account.password}, headers=here))
        require_refusal(await log_in(client, right(account)))
        device = await account.log_in()
        assert (await device.client.put("/v1/me/password", change)).status == 200


async def test_who_stole_a_token_cannot_guess_the_password_from_many_addresses(limited: Limited):
    async with limited() as client:
        account = await sign_up(client)
        addresses = [f"198.51.100.{number}" for number in range(6)]
        replies = [
            await account.client.delete("/v1/me", {"password": "x"}, headers=since(address)) for address in addresses
        ]
        assert [reply.status for reply in replies] == [422] * 5 + [429]
        require_refusal(replies[-1])
        again = await account.log_in()
        assert (await again.client.delete("/v1/me", {"password": account.password})).status == 204


async def test_a_new_password_that_is_refused_is_no_wrong_one(limited: Limited):
    async with limited(login_tries=1) as client:
        account = await sign_up(client)
        change = {"current_password": account.password, "new_password": "short"}
        assert {(await account.client.put("/v1/me/password", change)).status for _ in range(3)} == {422}
        change["new_password"] = "another password, and a long one"
        assert (await account.client.put("/v1/me/password", change)).status == 200


async def test_another_spelling_of_an_address_is_the_same_account(limited: Limited):
    async with limited(login_tries=2) as client:
        account = await sign_up(client)
        statuses = [
            (await log_in(client, {"email": spelling, "password": "x"})).status
            for spelling in (account.email, account.email.upper(), account.email.capitalize())
        ]
        assert statuses == [401, 401, 429]


async def test_what_is_no_address_is_counted_too(limited: Limited):
    async with limited(login_tries=1) as client:
        replies = [await log_in(client, {"email": "Nobody", "password": "x"}) for _ in range(2)]
        assert [reply.status for reply in replies] == [401, 429]


async def test_the_right_password_costs_nothing(limited: Limited):
    async with limited(login_tries=1) as client:
        account = await sign_up(client)
        assert {(await log_in(client, right(account))).status for _ in range(4)} == {200}
        assert [(await log_in(client, wrong(account))).status for _ in range(2)] == [401, 429]


async def test_of_many_wrong_passwords_at_once_exactly_as_many_are_tried_as_may_be(limited: Limited):
    async with limited() as client:
        account = await sign_up(client)
        replies = await asyncio.gather(*(log_in(client, wrong(account)) for _ in range(20)))
        assert sorted(reply.status for reply in replies) == [401] * 5 + [429] * 15
