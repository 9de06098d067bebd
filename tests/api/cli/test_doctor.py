"""``deeper doctor``: what it says of deployments that are well, and of those that are not."""

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from psycopg import conninfo

from deeper_api.diagnoses.findings import Examination, Finding, Verdict, examine, ok
from deeper_model.conformance import Peer
from tests.api.cli.commands import NO_OLLAMA, Deeper, Dev
from tests.fakes.exchanges import Account, Json, sign_up
from tests.fakes.http import open_client
from tests.fakes.server import free_port
from tests.fixtures.middlemen import StartNginx, StartPgBouncer
from tests.fixtures.postgres import OwnPostgres
from tests.fixtures.redis import OwnRedis
from tests.fixtures.servers import Backend, StartServer, server_settings
from tests.model.dialects import OPENAI


async def answer_slowly(peer: Peer) -> None:
    await OPENAI.begin(peer, "one")
    for _ in range(5):
        await asyncio.sleep(0.1)  # not to wait for something: it is how fast this model writes
        await peer.chunk(OPENAI.content(" more"))
    await peer.chunk(OPENAI.end())
    await peer.chunk(b"")


def settings_of(backend: Backend) -> dict[str, str]:
    port = {"DEEPER_SERVER_PORT": str(backend.process.port)}
    return server_settings(backend.database_url, backend.model_port) | port


def report(deeper: Deeper, *arguments: str, **given: str) -> tuple[int, dict[str, Json]]:
    """The exit code, and the findings by their names; the worst, where there are several of one name."""
    done = deeper("doctor", "--json", *arguments, **given)
    told = json.loads(done.out)
    assert told["ok"] == (done.code == 0)
    worst = [Verdict.SKIPPED, Verdict.OK, Verdict.WARNING, Verdict.FAILED]
    findings = sorted(cast("list[Json]", told["findings"]), key=lambda each: worst.index(each["verdict"]))
    return done.code, {each["name"]: each for each in findings}


def verdicts(findings: dict[str, Json]) -> dict[str, str]:
    return {name: each["verdict"] for name, each in findings.items()}


async def key_of(account: Account) -> str:
    made = await account.client.post("/v1/api-keys", {"name": "doctor", "scopes": ["chat", "read"]})
    return made.json()["key"]


async def test_a_deployment_that_is_well(start_server: StartServer, deeper: Deeper, own_redis: OwnRedis):
    backend = start_server(DEEPER_REDIS_URL=own_redis.url)
    given = settings_of(backend) | {
        "DEEPER_REDIS_URL": own_redis.url,
        "DEEPER_REDIS_TIMEOUT": "5",
        "DEEPER_LIMITS_ENABLED": "true",
        "DEEPER_SERVER_TRUSTED_PROXIES": "127.0.0.1",
    }
    async with backend.model(answer_slowly), open_client(backend.url) as client:
        key = await key_of(await sign_up(client))
        code, findings = await asyncio.to_thread(report, deeper, "--ask", **given, DEEPER_DOCTOR_KEY=key)
    assert verdicts(findings) == {
        **dict.fromkeys(("configuration", "PostgreSQL", "clock", "connections", "disk", "writing"), "ok"),
        **dict.fromkeys(("migrations", "LISTEN/NOTIFY", "Redis", "model server (openai)", "an answer of tiny"), "ok"),
        **dict.fromkeys((f"server {backend.url}", "readiness: postgres", "readiness: redis", "headers"), "ok"),
        **dict.fromkeys(("readiness: model server (openai)", "streaming"), "ok"),
        "files": "skipped",
    }, findings
    assert code == 0


def test_nothing_but_doubts_is_told_in_lines_with_advice(deeper: Deeper, database_url: str):
    given = {"DEEPER_MODEL_PROVIDER": "scripted", "DEEPER_SERVER_PORT": str(free_port())}
    done = deeper("doctor", **(server_settings(database_url) | given))
    assert (done.code, done.err) == (0, "")
    assert "warning  configuration: limits.enabled is false: nobody is refused for asking too often" in done.out
    assert "→ Set DEEPER_LIMITS_ENABLED=true." in done.out
    assert "warning  configuration: X-Forwarded-For of no proxy is believed" in done.out
    assert "skipped  server: none runs at" in done.out
    assert "0 failed, 2 warning(s)" in done.out


def test_a_port_that_somebody_else_has(deeper: Deeper, database_url: str):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        given = server_settings(database_url) | {"DEEPER_MODEL_PROVIDER": "scripted", "DEEPER_SERVER_PORT": port}
        _, findings = report(deeper, **given)
    assert findings["server"]["verdict"] == "warning"
    assert findings["server"]["said"] == f"none runs at http://127.0.0.1:{port}, and none could be started"
    assert "Address already in use" in findings["server"]["advice"]


def test_a_configuration_that_no_server_takes(deeper: Deeper):
    code, findings = report(deeper, DEEPER_SERVER_PORT="x", DEEPER_NONSENSE="1")
    assert (code, verdicts(findings)) == (1, {"configuration": "failed"})
    said = deeper("doctor", DEEPER_SERVER_PORT="x", DEEPER_NONSENSE="1").said
    assert "DEEPER_SERVER_PORT: Expected a whole number from 1 to 65535" in said
    assert "DEEPER_NONSENSE is no setting" in said


def test_a_database_without_its_schema(deeper: Deeper, empty_database_url: str):
    code, findings = report(deeper, **(server_settings(empty_database_url) | {"DEEPER_MODEL_PROVIDER": "scripted"}))
    assert code == 1
    assert (findings["migrations"]["verdict"], findings["writing"]["verdict"]) == ("failed", "failed")
    assert "the database lacks 0001.accounts" in findings["migrations"]["said"]
    assert findings["migrations"]["advice"].startswith("Run `deeper migrate`")


def test_a_database_that_does_not_keep_all_text(deeper: Deeper, ascii_database_url: str):
    code, findings = report(deeper, **(server_settings(ascii_database_url) | {"DEEPER_MODEL_PROVIDER": "scripted"}))
    assert (code, findings["encoding"]["verdict"], findings["migrations"]["verdict"]) == (1, "failed", "skipped")
    assert findings["encoding"]["said"] == "the database keeps text as SQL_ASCII, and UTF8 is needed"


def test_a_database_that_only_reads(deeper: Deeper, own_postgres: OwnPostgres):
    assert deeper("migrate", DEEPER_DB_URL=own_postgres.url).code == 0
    url = f"{own_postgres.url}&options=-c%20default_transaction_read_only%3Don"
    code, findings = report(deeper, **(server_settings(url) | {"DEEPER_MODEL_PROVIDER": "scripted"}))
    assert (code, findings["writing"]["verdict"]) == (1, "failed")
    assert "read-only transaction" in findings["writing"]["said"]


@pytest.mark.parametrize(("fail", "said"), [("freeze", "its host does not answer"), ("stop", "no socket")])
def test_a_database_that_does_not_answer(deeper: Deeper, own_postgres: OwnPostgres, fail: str, said: str):
    getattr(own_postgres, fail)()
    given = server_settings(own_postgres.url) | {"DEEPER_MODEL_PROVIDER": "scripted"}
    code, findings = report(deeper, **given)
    assert (code, findings["PostgreSQL"]["verdict"]) == (1, "failed")
    assert said in findings["PostgreSQL"]["said"]
    assert findings["LISTEN/NOTIFY"]["verdict"] == "skipped"
    assert own_postgres.url not in str(findings)


def test_an_address_that_cannot_be_read(deeper: Deeper):
    url = "postgresql://me@127.0.0.1/deeper?options=-c%20password=hush"
    code, findings = report(deeper, **(server_settings(url) | {"DEEPER_MODEL_PROVIDER": "scripted"}))
    assert (code, findings["PostgreSQL"]["verdict"], findings["migrations"]["verdict"]) == (1, "failed", "failed")
    assert "hush" not in str(findings)


def test_more_connections_than_there_are(deeper: Deeper, database_url: str):
    given = {"DEEPER_DB_POOL_SIZE": "99", "DEEPER_SERVER_WORKERS": "2", "DEEPER_MODEL_PROVIDER": "scripted"}
    _, findings = report(deeper, **(server_settings(database_url) | given))
    assert findings["connections"]["verdict"] == "warning"
    assert "2 worker(s) may take 200 connections of 197" in findings["connections"]["said"]


@pytest.mark.parametrize(("mode", "verdict"), [("transaction", "failed"), ("session", "ok")])
def test_a_pooler_before_the_database(
    deeper: Deeper, database_url: str, start_pgbouncer: StartPgBouncer, mode: str, verdict: str
):
    url = start_pgbouncer(database_url, mode)
    _, findings = report(deeper, **(server_settings(url) | {"DEEPER_MODEL_PROVIDER": "scripted"}))
    assert (findings["PostgreSQL"]["verdict"], findings["LISTEN/NOTIFY"]["verdict"]) == ("ok", verdict), findings


@pytest.mark.parametrize(("wanted", "verdict"), [("prefer", "warning"), ("disable", "ok")])
def test_a_way_to_the_database_on_which_others_may_listen(
    deeper: Deeper, database_url: str, start_pgbouncer: StartPgBouncer, wanted: str, verdict: str
):
    url = conninfo.make_conninfo(start_pgbouncer(database_url, "session"), host="127.0.0.2", sslmode=wanted)
    _, findings = report(deeper, **(server_settings(url) | {"DEEPER_MODEL_PROVIDER": "scripted"}))
    assert findings["encryption"]["verdict"] == verdict
    assert "is not encrypted" in findings["encryption"]["said"]


def test_a_redis_that_forgets_and_one_that_is_gone(deeper: Deeper, database_url: str, own_redis: OwnRedis):
    given = server_settings(database_url) | {"DEEPER_MODEL_PROVIDER": "scripted", "DEEPER_REDIS_URL": own_redis.url}
    own_redis.say("CONFIG SET maxmemory 100mb")
    own_redis.say("CONFIG SET maxmemory-policy allkeys-lru")
    _, findings = report(deeper, **given)
    assert findings["Redis's memory"]["verdict"] == "warning"
    assert "allkeys-lru" in findings["Redis's memory"]["said"]
    own_redis.stop()
    code, findings = report(deeper, **given)
    assert (code, findings["Redis"]["verdict"]) == (1, "failed")
    assert findings["Redis"]["said"] == "nothing listens at its address"


def test_a_model_server_that_is_not_there(deeper: Deeper, database_url: str):
    given = server_settings(database_url) | {"DEEPER_MODEL_PROVIDER": "ollama", "DEEPER_OLLAMA_URL": NO_OLLAMA}
    code, findings = report(deeper, **given)
    assert (code, findings["model server (ollama)"]["verdict"]) == (1, "failed")


def test_files_that_others_may_read(deeper: Deeper, database_url: str):
    file = deeper.folder / ".env"
    file.write_text("DEEPER_MODEL_PROVIDER=scripted\n")
    file.chmod(0o644)
    given = server_settings(database_url)
    del given["DEEPER_MODEL_PROVIDER"]
    _, findings = report(deeper, **given)
    assert findings["files"]["verdict"] == "warning"
    assert findings["files"]["advice"] == f"chmod 600 {file}"
    file.chmod(0o600)
    _, findings = report(deeper, **given)
    assert findings["files"]["verdict"] == "ok"


def test_a_running_dev_is_well(dev: Dev):
    code, findings = report(dev.deeper, "--url", dev.url)
    assert (code, {each["verdict"] for each in findings.values()}) == (0, {"ok", "skipped"}), findings


@pytest.mark.parametrize(
    ("rules", "name", "verdict", "said"),
    [
        ("proxy_ignore_headers X-Accel-Buffering;", "streaming", "failed", "arrived within"),
        ("", "streaming", "ok", "pieces"),
        ("proxy_hide_header X-Frame-Options;", "headers", "warning", "x-frame-options got lost"),
        ("add_header X-Request-ID mine; proxy_hide_header X-Request-ID;", "headers", "warning", "X-Request-ID"),
        ("return 503;", "server", "failed", "GET /health is answered with 503"),
    ],
)
async def test_a_proxy_before_the_server(
    backend: Backend, deeper: Deeper, start_nginx: StartNginx, rules: str, name: str, verdict: str, said: str
):
    url = start_nginx(backend.url, rules)
    async with backend.model(answer_slowly), open_client(backend.url) as client:
        key = await key_of(await sign_up(client))
        given = settings_of(backend) | {"DEEPER_DOCTOR_KEY": key}
        _, findings = await asyncio.to_thread(report, deeper, "--ask", "--url", url, **given)
    found = findings[f"server {url}" if name == "server" else name]
    assert (found["verdict"], said in found["said"]) == (verdict, True), found


def test_a_certificate_that_ends_soon_and_one_that_nobody_believes(
    backend: Backend, deeper: Deeper, start_nginx: StartNginx, make_certificate: Callable[[int], Path]
):
    for days, verdict in ((5, "warning"), (200, "ok")):
        certificate = make_certificate(days)
        url = start_nginx(backend.url, certificate=certificate)
        believed = settings_of(backend) | {"SSL_CERT_FILE": str(certificate)}
        _, findings = report(deeper, "--url", url, **believed)
        assert findings["certificate"]["verdict"] == verdict
        assert f"it ends in {days - 1} days" in findings["certificate"]["said"]
        code, findings = report(deeper, "--url", url, **settings_of(backend))
        assert (code, findings["certificate"]["said"]) == (1, "clients do not believe it")


def test_a_server_that_is_not_there(backend: Backend, deeper: Deeper):
    url = f"http://127.0.0.1:{free_port()}"
    code, findings = report(deeper, "--url", f"{url}/", **settings_of(backend))
    assert (code, findings[f"server {url}"]["verdict"]) == (1, "failed")


# Examinations


async def made(*examinations: Examination) -> list[Finding]:
    return [finding async for found in examine(examinations) for finding in found]


async def test_one_that_hangs_or_fails_itself_keeps_none_of_the_others():
    async def hang() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def fail() -> list[Finding]:
        raise ValueError

    async def succeed() -> list[Finding]:
        return [ok("three", "well")]

    looks = {"one": hang, "two": fail, "three": succeed}
    found = await made(*(Examination(name=name, look=look, seconds=0.01) for name, look in looks.items()))
    assert [(each.name, each.verdict, each.said) for each in found] == [
        ("one", Verdict.FAILED, "no answer within 0.01 s"),
        ("two", Verdict.FAILED, "could not be examined (ValueError)"),
        ("three", Verdict.OK, "well"),
    ]


async def test_all_are_made_at_the_same_time():
    together = asyncio.Barrier(3)

    async def meet() -> list[Finding]:
        await together.wait()
        return [ok("met", "well")]

    assert len(await made(*(Examination(name="x", look=meet, seconds=30) for _ in range(3)))) == 3
