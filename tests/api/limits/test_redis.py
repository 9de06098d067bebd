"""Scripts in a Redis that fails in every way, and comes back."""

import asyncio
import subprocess
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import quote

import pytest

from deeper_api.limits.breakers import RedisUnavailable
from deeper_api.limits.redis import RedisScripts
from tests.fakes.server import free_port
from tests.fixtures.postgres import wait_until
from tests.fixtures.redis import OwnRedis, scripts_in

_PATIENCE = 10.0


@pytest.fixture
async def scripts(own_redis: OwnRedis) -> AsyncGenerator[RedisScripts]:
    """Scripts in a Redis of the test's own, given up on as soon as in a server."""
    async with scripts_in(own_redis.url, patience=0.2) as scripts:
        yield scripts


async def write(scripts: RedisScripts) -> None:
    await scripts.script("probe.lua")(["key"], [])


async def fails_at_once(scripts: RedisScripts) -> None:
    """Nothing waits for a Redis that failed before."""
    started = time.monotonic()
    for _ in range(200):
        with pytest.raises(RedisUnavailable):
            await write(scripts)
    assert time.monotonic() - started < 5  # seconds; 40, if each waited


async def fails_in_time(scripts: RedisScripts) -> None:
    started = time.monotonic()
    with pytest.raises(RedisUnavailable):
        await scripts._try()  # whatever happened before
    assert time.monotonic() - started < 2  # 0.25 on a machine that does nothing else


async def recovers(scripts: RedisScripts) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not await scripts.answers():  # noqa: ASYNC110  - nothing tells
            await asyncio.sleep(0.01)
    await write(scripts)


async def test_a_redis_that_forgot_a_script_is_taught_it_again(redis_scripts: RedisScripts, own_redis: OwnRedis):
    await write(redis_scripts)
    assert own_redis.say("SCRIPT FLUSH") == "+OK"
    await write(redis_scripts)


async def test_a_redis_that_is_not_there_is_unavailable_until_it_is(scripts: RedisScripts, own_redis: OwnRedis):
    own_redis.stop()
    for _ in range(20):
        await fails_in_time(scripts)
    with pytest.raises(RedisUnavailable):
        await write(scripts)
    await fails_at_once(scripts)
    own_redis.start()
    await recovers(scripts)


async def test_a_redis_that_hangs_is_unavailable_until_it_goes_on(scripts: RedisScripts, own_redis: OwnRedis):
    await recovers(scripts)
    own_redis.freeze()
    for _ in range(12):
        await fails_in_time(scripts)
    with pytest.raises(RedisUnavailable):
        await write(scripts)
    await fails_at_once(scripts)
    own_redis.thaw()
    await recovers(scripts)


async def test_a_redis_without_memory_is_unavailable_until_it_has_some(scripts: RedisScripts, own_redis: OwnRedis):
    own_redis.say("CONFIG SET maxmemory 1")
    with pytest.raises(RedisUnavailable):
        await write(scripts)
    await fails_at_once(scripts)
    own_redis.say("CONFIG SET maxmemory 0")
    await recovers(scripts)


async def test_a_redis_that_may_only_be_read_is_unavailable_until_it_may_be_written(
    scripts: RedisScripts, own_redis: OwnRedis
):
    own_redis.say("REPLICAOF 127.0.0.1 1")
    assert not await scripts.answers()
    own_redis.say("REPLICAOF NO ONE")
    await recovers(scripts)


async def test_a_node_of_a_cluster_that_has_not_all_is_unavailable_even_if_it_has_what_is_probed(
    own_redis: OwnRedis,
):
    own_redis.stop()
    # Its other port would be one of those that the kernel gives to connections.
    cluster_port = str(free_port())
    own_redis.start("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", "--cluster-port", cluster_port)
    assert own_redis.say("CLUSTER ADDSLOTSRANGE 0 16383") == "+OK"
    await asyncio.to_thread(wait_until, lambda: own_redis.say("SET deeper:probe x") == "+OK")
    own_redis.say(f"CLUSTER DELSLOTS {own_redis.say('CLUSTER KEYSLOT elsewhere').removeprefix(':')}")
    async with scripts_in(own_redis.url) as scripts:
        await scripts._try()
        with pytest.raises(RedisUnavailable):
            await scripts.script("probe.lua")(["{elsewhere}:key"], [])
        with pytest.raises(RedisUnavailable):
            await scripts._try()


# Addresses


async def test_a_password_may_have_any_character(own_redis: OwnRedis):
    own_redis.say("CONFIG SET requirepass p@ss:/?#w%rd")
    host = own_redis.url.removeprefix("redis://")
    async with scripts_in(f"redis://:{quote('p@ss:/?#w%rd', safe='')}@{host}") as scripts:
        assert await scripts.answers()
    async with scripts_in(own_redis.url) as scripts:
        assert not await scripts.answers()


async def test_a_redis_may_be_asked_through_a_socket(own_redis: OwnRedis, tmp_path: Path):
    own_redis.stop()
    own_redis.start("--unixsocket", f"{tmp_path}/redis.sock")
    async with scripts_in(f"unix://{tmp_path}/redis.sock?db=3") as scripts:
        assert await scripts.answers()
    assert own_redis.keys() == []


@pytest.mark.parametrize(
    ("name", "options", "trusted"),
    [
        ("localhost", "?ssl_ca_certs={}", True),
        ("localhost", "", False),
        ("elsewhere", "?ssl_ca_certs={}", False),
        ("elsewhere", "?ssl_ca_certs={}&ssl_check_hostname=false", True),
        ("elsewhere", "?ssl_cert_reqs=none", True),
    ],
)
async def test_a_certificate_has_to_be_the_hosts_unless_it_need_not(
    own_redis: OwnRedis, tmp_path: Path, name: str, options: str, trusted: bool
):
    key, certificate = tmp_path / "redis.key", tmp_path / "redis.crt"
    made = ["-nodes", "-days", "1", "-keyout", key, "-out", certificate, "-subj", f"/CN={name}"]
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", *made, "-addext", f"subjectAltName=DNS:{name}"]
    await asyncio.to_thread(subprocess.run, request, check=True, capture_output=True)
    port = free_port()
    files = f"tls-cert-file {certificate} tls-key-file {key} tls-ca-cert-file {certificate} tls-auth-clients no"
    assert own_redis.say(f"CONFIG SET {files} tls-port {port}") == "+OK"
    async with scripts_in(f"rediss://localhost:{port}/0{options.format(certificate)}") as scripts:
        assert await scripts.answers() == trusted


# Connections


async def test_connections_that_redis_closes_are_replaced(scripts: RedisScripts, own_redis: OwnRedis):
    for _ in range(3):
        await recovers(scripts)
        own_redis.say("CLIENT KILL TYPE normal")
    await recovers(scripts)
