import asyncio
import time

import pytest
from msgspec.structs import replace

from deeper_api.app import create_app
from deeper_api.config.sections import ModelServer, RedisConfig
from deeper_api.store import migrations
from deeper_core import ModelServerUnreachable
from deeper_model import ScriptedProvider
from deeper_model.conformance import Peer, running_upstream
from tests.api.shapes import require_error, require_headers
from tests.fakes.asgi import AsgiClient, running_application
from tests.fakes.exchanges import Client, Json, Reply, sign_up
from tests.fakes.http import open_client
from tests.fixtures.applications import application, config_for
from tests.fixtures.postgres import OwnPostgres, ignore_progress
from tests.fixtures.redis import OwnRedis
from tests.fixtures.servers import StartServer
from tests.model.dialects import OPENAI

# Seconds after which an orchestrator's probe gives up. Of several, one at least does not; on a machine that is not busy
# none does.
PROBE = 2.0


@pytest.fixture
def own_database(own_postgres: OwnPostgres) -> OwnPostgres:
    """A server of the test's own, with the schema."""
    migrations.apply(own_postgres.url, ignore_progress)
    return own_postgres


def readiness(*, postgres: bool, model_server: bool) -> Json:
    return {
        "ready": postgres and model_server,
        "dependencies": [
            {"name": "postgres", "ready": postgres, "required": True},
            {"name": "model server (scripted)", "ready": model_server, "required": True},
        ],
    }


async def timed_readiness(client: Client, took: list[float]) -> Reply:
    """Ask whether it is ready, and add for how many seconds to ``took``."""
    before = time.monotonic()
    reply = await client.get("/health/ready")
    took.append(time.monotonic() - before)
    return reply


async def test_a_process_that_lives_is_healthy(client: AsgiClient):
    reply = await client.get("/health")
    assert (reply.status, reply.json()) == (200, {"status": "ok"})
    require_headers(reply)


async def test_a_process_whose_dependencies_answer_is_ready(client: AsgiClient):
    reply = await client.get("/health/ready")
    assert (reply.status, reply.json()) == (200, readiness(postgres=True, model_server=True))
    require_headers(reply)


async def test_without_its_model_server_it_is_not_ready(client: AsgiClient, scripted: ScriptedProvider):
    scripted.fault = ModelServerUnreachable()
    reply = await client.get("/health/ready")
    assert (reply.status, reply.json()) == (503, readiness(postgres=True, model_server=False))
    require_headers(reply)


async def test_of_several_model_servers_one_has_to_answer(accounts_url: str):
    async def play(peer: Peer) -> None:
        reply = OPENAI.reply(peer.request, ["m"])
        assert reply is not None
        await peer.reply(reply.status, reply.body, reply.media_type)

    async with running_upstream(play) as upstream:
        dead = ModelServer(name="dead", kind="ollama", url="http://127.0.0.1:9")
        alive = ModelServer(name="alive", kind="openai", url=upstream.url)
        for servers, ready in [((dead, alive), True), ((dead, replace(dead, name="alive")), False)]:
            config = config_for(accounts_url)
            config = replace(config, model=replace(config.model, servers=servers))
            async with running_application(create_app(config)) as client:
                reply = await client.get("/health/ready")
            rows = [
                {"name": "postgres", "ready": True, "required": True},
                {"name": "model server (dead)", "ready": False, "required": False},
                {"name": "model server (alive)", "ready": ready, "required": False},
            ]
            assert (reply.status, reply.json()) == (200 if ready else 503, {"ready": ready, "dependencies": rows})


async def test_a_frozen_database_is_told_within_two_seconds_and_nothing_else_hangs(own_database: OwnPostgres):
    async with application(config_for(own_database.url), ScriptedProvider()) as client:
        assert (await client.get("/health/ready")).status == 200
        own_database.freeze()
        # What it had said to others before may be read only now: that counts as an answer, once.
        assert (await client.get("/health/ready")).status in {200, 503}
        took: list[float] = []
        for _ in range(3):
            reply = await timed_readiness(client, took)
            assert (reply.status, reply.json()) == (503, readiness(postgres=False, model_server=True))
        assert min(took) < PROBE
        assert (await client.get("/health")).status == 200
        own_database.thaw()


@pytest.mark.parametrize("patience", [0.2, 60])
async def test_without_its_redis_it_is_ready_and_says_that_redis_is_not(
    accounts_url: str, own_redis: OwnRedis, patience: float
):
    config = replace(config_for(accounts_url), redis=RedisConfig(url=own_redis.url, timeout=patience))
    async with application(config, ScriptedProvider()) as client:
        for fail, ready in [(lambda: None, True), (own_redis.freeze, False)]:
            fail()
            row, rows, took = {"name": "redis", "ready": ready, "required": False}, list[Json](), list[float]()
            while len(took) < 3 or rows[-1] != row:  # a Redis that is there may be too slow for a moment
                reply = await timed_readiness(client, took)
                assert (reply.status, reply.json()["ready"]) == (200, True)
                rows.append(reply.json()["dependencies"][2])
            assert min(took) < PROBE
        own_redis.thaw()


@pytest.mark.parametrize(("fail", "mend"), [("stop", "start"), ("freeze", "thaw")])
async def test_without_its_database_whatever_needs_it_is_unavailable_for_a_while(
    own_database: OwnPostgres, fail: str, mend: str
):
    async with application(config_for(own_database.url), ScriptedProvider()) as client:
        account = await sign_up(client)
        await asyncio.to_thread(getattr(own_database, fail))
        login = {"email": account.email, "password": account.password}
        before = time.monotonic()
        replies = await asyncio.gather(
            client.post("/v1/auth/login", login),
            client.post("/v1/auth/refresh", {"refresh_token": account.refresh_token}),
            account.client.get("/v1/auth/sessions"),
        )
        assert time.monotonic() - before < 8  # seconds; 4.5 on a machine that is not busy
        for reply in replies:
            require_error(reply, 503, "database_unavailable")
            assert reply.header("retry-after") == "1"
        assert (await client.get("/health")).status == 200
        await asyncio.to_thread(getattr(own_database, mend))
        while (await client.get("/health/ready")).status != 200:
            pass
        assert (await client.post("/v1/auth/login", login)).status == 200


async def test_a_real_server_answers_its_probes_while_its_database_is_frozen_and_everybody_waits_for_it(
    start_server: StartServer, own_database: OwnPostgres
):
    backend = start_server(DEEPER_DB_URL=own_database.url, DEEPER_MODEL_PROVIDER="scripted", DEEPER_DB_POOL_SIZE="2")
    async with open_client(backend.url) as client:
        account = await sign_up(client)
        assert (await client.get("/health/ready")).status == 200
        own_database.freeze()
        login = {"email": account.email, "password": account.password}
        waiting = asyncio.gather(*(client.post("/v1/auth/login", login) for _ in range(20)))
        took: list[float] = []
        for _ in range(3):
            assert (await timed_readiness(client, took)).status == 503
            assert (await client.get("/health")).status == 200
        assert min(took) < PROBE
        assert {reply.status for reply in await waiting} == {503}
        own_database.thaw()
        while (await client.get("/health/ready")).status != 200:
            pass
    assert backend.process.is_running()
