"""Limits of real servers: across their workers, and while their Redis fails."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable

import pytest

from tests.fakes.exchanges import Account, Json, sign_up
from tests.fakes.http import open_client
from tests.fixtures.postgres import wait_until
from tests.fixtures.redis import OwnRedis
from tests.fixtures.servers import Backend, StartServer

FEW = {"DEEPER_LIMITS_ENABLED": "true", "DEEPER_LIMITS_USER_BURST": "20", "DEEPER_LIMITS_USER_PER_MINUTE": "1"}


async def statuses(account: Account, times: int) -> Counter[int]:
    """How many of so many requests at once were answered how."""
    replies = await asyncio.gather(*(account.client.get("/v1/me") for _ in range(times)))
    return Counter(reply.status for reply in replies)


async def test_of_50_too_many_at_once_on_two_servers_of_two_workers_exactly_50_are_refused(
    start_server: StartServer, own_redis: OwnRedis
):
    patient = {"DEEPER_REDIS_URL": own_redis.url, "DEEPER_REDIS_TIMEOUT": "20", "DEEPER_SERVER_WORKERS": "2"}
    server = start_server(**FEW, **patient)
    second = start_server(beside=server, **FEW, **patient)
    async with open_client(server.url) as client:
        account = await sign_up(client)
        other = client.at(second.url).as_user(account.access_token)
        replies = await asyncio.gather(
            *(account.client.get("/v1/me") for _ in range(35)),
            *(other.get("/v1/me") for _ in range(35)),
        )
    assert Counter(reply.status for reply in replies) == {200: 20, 429: 50}
    assert switches(server) == []


async def test_without_redis_two_workers_together_let_in_no_more_than_the_limit(start_server: StartServer):
    server = start_server(**FEW, DEEPER_SERVER_WORKERS="2")
    async with open_client(server.url) as client:
        found = await statuses(await sign_up(client), 70)
    assert 10 <= found[200] <= 20
    assert found.total() == found[200] + found[429]


def stop(redis: OwnRedis) -> None:
    redis.stop()


def freeze(redis: OwnRedis) -> None:
    redis.freeze()


def starve(redis: OwnRedis) -> None:
    assert redis.say("CONFIG SET maxmemory 1") == "+OK"


FAULTS: dict[Callable[[OwnRedis], None], Callable[[OwnRedis], object]] = {
    stop: OwnRedis.start,
    freeze: OwnRedis.thaw,
    starve: lambda redis: redis.say("CONFIG SET maxmemory 0"),
}


def switches(server: Backend) -> list[str]:
    """What the log says of limits."""
    return [line["level"] for line in server.process.log("deeper.limits")]


@pytest.mark.parametrize("fault", FAULTS)
async def test_while_redis_fails_limits_hold_and_nothing_else_does(
    start_server: StartServer, own_redis: OwnRedis, fault: Callable[[OwnRedis], None]
):
    server = start_server(**FEW, DEEPER_REDIS_URL=own_redis.url, DEEPER_REDIS_TIMEOUT="0.5")
    async with open_client(server.url) as client:
        first, second = await sign_up(client), await sign_up(client)
        assert await statuses(first, 5) == {200: 5}
        fault(own_redis)
        assert await statuses(second, 30) == {200: 20, 429: 10}
        assert switches(server) == ["warning"]
        FAULTS[fault](own_redis)
        await asyncio.to_thread(wait_until, lambda: switches(server) == ["warning", "info"])
        forgotten = fault is stop
        assert (await statuses(first, 20))[200] == (20 if forgotten else 15)
    assert server.process.log("coredis") == []


async def test_a_server_starts_without_its_redis_and_finds_it_later(start_server: StartServer, own_redis: OwnRedis):
    own_redis.stop()
    server = start_server(**FEW, DEEPER_REDIS_URL=own_redis.url)
    async with open_client(server.url) as client:
        account = await sign_up(client)
        assert switches(server) == ["warning"]
        own_redis.start()
        await asyncio.to_thread(wait_until, lambda: switches(server) == ["warning", "info"])
        assert await statuses(account, 25) == {200: 20, 429: 5}


async def test_a_connection_that_redis_kills_costs_no_request(start_server: StartServer, own_redis: OwnRedis):
    server = start_server(**FEW, DEEPER_REDIS_URL=own_redis.url)
    async with open_client(server.url) as client:
        account = await sign_up(client)
        for _ in range(5):
            own_redis.say("CLIENT KILL TYPE normal")
            assert await statuses(account, 2) == {200: 2}


async def test_redis_learns_no_address_of_a_person_and_no_token(start_server: StartServer, own_redis: OwnRedis):
    server = start_server(**FEW, DEEPER_REDIS_URL=own_redis.url, DEEPER_REDIS_TIMEOUT="20")
    async with open_client(server.url) as client:
        account = await sign_up(client)
        given: Json = {"email": account.email, "password": "not the password"}
        await client.post("/v1/auth/login", given)
        await account.client.get("/v1/me")
    keys = own_redis.keys()
    shapes = {re.sub(r"[0-9a-f]{8}[0-9a-f-]{24,}", "…", key) for key in keys}
    assert shapes == {
        "deeper:limits:{address:127.0.0.1}:anonymous",
        "deeper:limits:{address:127.0.0.1}:passwords",
        *(f"deeper:limits:{{login:…}}:login{which}" for which in ("", "-hour", "-day")),
        "deeper:limits:{user:…}:user",
    }
