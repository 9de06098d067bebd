"""How a server ends: on SIGTERM with every answer brought to its last frame, on SIGKILL of a worker not at all."""

import asyncio
import http.client
import json
import os
import signal
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psycopg
import pytest

from deeper_model.conformance import Peer
from tests.api.routes.test_chat import NDJSON, QUESTION
from tests.api.shapes import require_error
from tests.fakes.exchanges import Account, Exchange, Json, Reply, ndjson_frames, sign_up, sse_frames
from tests.fakes.http import open_client
from tests.fakes.server import DeeperServer
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import Backend, StartServer, server_settings
from tests.model.dialects import OPENAI

FORMS: list[tuple[dict[str, str], dict[str, object]]] = [({}, {}), (NDJSON, {}), ({}, {"stream": False})]


async def never_finish(peer: Peer) -> None:
    await OPENAI.begin(peer, "piece")
    await peer.wait_gone()


async def until_ended(backend: Backend) -> int:
    return await asyncio.to_thread(backend.process.wait)


def last_error(reply: Reply) -> Json:
    if reply.header("content-type") == "application/json":
        return reply.json()["error"]
    frames = (ndjson_frames if "ndjson" in str(reply.header("content-type")) else sse_frames)(reply.body)
    assert [event for _, event, _ in frames] == ["start", "delta", "error"]
    return frames[-1][2]["error"]


class Kept:
    """A connection that is kept open from one request to the next."""

    def __init__(self, backend: Backend, account: Account) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", backend.process.port, timeout=10)
        self._token = account.access_token

    def ask(self, method: str, path: str) -> int | None:
        """The status, or None where the connection is gone, and another is not to be had."""
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        try:
            self._connection.request(method, path, json.dumps(QUESTION) if method == "POST" else None, headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            return None
        if response.status == 503 and method == "POST":
            assert json.loads(body)["error"]["code"] == "shutting_down"
            assert int(response.headers["retry-after"]) >= 1
        return response.status


async def read_all(exchange: Exchange) -> Reply:
    head = await exchange.head()
    return Reply(head.status, head.headers, await exchange.rest())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_that_come_again_and_again_change_nothing(start_server: StartServer, number: signal.Signals):
    backend = start_server(DEEPER_SERVER_WORKERS="2", DEEPER_SERVER_DRAIN_SECONDS="1")
    async with (
        open_client(backend.url) as client,
        backend.model(never_finish) as model,
        (await sign_up(client)).client.open("POST", "/v1/chat", QUESTION) as exchange,
    ):
        await model.until_asked(1)
        # As a terminal does for Ctrl-C, to each process of the server. The worker without a stream may be gone at once.
        os.killpg(backend.process.pid, number)
        await asyncio.to_thread(wait_until, lambda: "shutting down" in backend.process.output())
        for _ in range(5):
            os.killpg(backend.process.pid, number)
        assert last_error(await read_all(exchange))
        assert await until_ended(backend) == 0
        assert "is killed" not in backend.process.output()


async def test_interrupts_are_for_the_first_process_and_change_nothing_in_its_workers(start_server: StartServer):
    backend = start_server(DEEPER_SERVER_DRAIN_SECONDS="1")
    async with (
        open_client(backend.url) as client,
        backend.model(never_finish) as model,
        (await sign_up(client)).client.open("POST", "/v1/chat", QUESTION) as exchange,
    ):
        await model.until_asked(1)
        for worker in backend.process.workers() * 5:
            os.kill(worker, signal.SIGINT)
        assert (await client.get("/health")).status == 200
        backend.process.terminate()
        assert last_error(await read_all(exchange))
        assert await until_ended(backend) == 0
        assert "is killed" not in backend.process.output()


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_on_sigterm_every_open_answer_ends_with_a_last_frame(start_server: StartServer, workers: str):
    backend = start_server(DEEPER_SERVER_WORKERS=workers, DEEPER_SERVER_DRAIN_SECONDS="1")
    async with open_client(backend.url) as client, backend.model(never_finish) as model, AsyncExitStack() as stack:
        account = await sign_up(client)
        exchanges = [
            await stack.enter_async_context(account.client.open("POST", "/v1/chat", QUESTION | more, headers=headers))
            for headers, more in FORMS * 4
        ]
        await model.until_asked(len(exchanges))
        reading = asyncio.gather(*map(read_all, exchanges))
        backend.process.terminate()
        replies = await reading
        assert await until_ended(backend) == 0
        assert "is killed" not in backend.process.output()
        for reply in replies:
            message = "The server is shutting down. Try again shortly."
            request_id = reply.header("x-request-id")
            assert last_error(reply) == {
                "code": "shutting_down",
                "message": message,
                "request_id": request_id,
                "retry_after": 1,
            }
            if reply.header("content-type") == "application/json":
                require_error(reply, 503, "shutting_down")
                assert reply.header("retry-after") == "1"
        await model.until_left()
    outcomes = [line["outcome"] for line in backend.process.log("deeper.generations")]
    assert outcomes == ["shutting_down"] * len(exchanges)


async def test_two_hundred_streams_over_two_workers_end_and_nothing_new_begins(
    start_server: StartServer, database_url: str
):
    backend = start_server(DEEPER_SERVER_WORKERS="2", DEEPER_SERVER_DRAIN_SECONDS="3")
    async with open_client(backend.url) as client, backend.model(never_finish) as model, AsyncExitStack() as stack:
        account = await sign_up(client)
        more: list[dict[str, object]] = [{}, {"store": True}]
        exchanges = [
            await stack.enter_async_context(account.client.open("POST", "/v1/chat", QUESTION | more[number % 2]))
            for number in range(200)
        ]
        await model.until_asked(200)
        reading = asyncio.gather(*map(read_all, exchanges))
        kept = [Kept(backend, account) for _ in range(8)]
        assert {await asyncio.to_thread(each.ask, "GET", "/health/ready") for each in kept} == {200}
        backend.process.terminate()
        await asyncio.to_thread(wait_until, lambda: backend.process.output().count("shutting down") == 2)
        # Connections that are there already may still be answered, and others are not made.
        for each in kept:
            assert await asyncio.to_thread(each.ask, "GET", "/health/ready") in {503, None}
            assert await asyncio.to_thread(each.ask, "POST", "/v1/chat") in {503, None}
        replies = await reading
        assert await until_ended(backend) == 0
    assert {str(last_error(reply)["code"]) for reply in replies} == {"shutting_down"}
    with psycopg.connect(database_url) as database:
        assert database.execute("select state, count(*) from generations group by state").fetchall() == [
            ("interrupted", 200)
        ]
        assert database.execute("select count(*) from messages where state = 'running'").fetchone() == (0,)
        assert database.execute("select count(*) from generation_chunks").fetchone() == (0,)


async def test_an_answer_that_is_nearly_done_may_finish_after_sigterm(start_server: StartServer):
    backend = start_server(DEEPER_SERVER_DRAIN_SECONDS="20")
    gate = asyncio.Event()

    async def finish_at_the_gate(peer: Peer) -> None:
        await OPENAI.begin(peer, "piece")
        await gate.wait()
        await peer.chunk(OPENAI.end())
        await peer.chunk(b"")

    async with open_client(backend.url) as client, backend.model(finish_at_the_gate):
        account = await sign_up(client)
        async with account.client.open("POST", "/v1/chat", QUESTION) as exchange:
            await exchange.head()
            body = await exchange.read_until(b"piece")
            backend.process.terminate()
            await asyncio.to_thread(wait_until, lambda: not backend.process.is_healthy())
            gate.set()
            body += await exchange.rest()
    assert [event for _, event, _ in sse_frames(body)] == ["start", "delta", "done"]
    assert await until_ended(backend) == 0


async def test_an_idle_server_ends_at_once(start_server: StartServer):
    backend = start_server(DEEPER_SERVER_DRAIN_SECONDS="30")
    before = time.monotonic()
    backend.process.terminate()
    assert await until_ended(backend) == 0
    assert time.monotonic() - before < 10  # seconds, and not the drain time


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.3])
async def test_a_server_that_still_starts_ends_at_once(database_url: str, tmp_path: Path, seconds: float):
    settings = {"DEEPER_SERVER_WORKERS": "2", "DEEPER_SERVER_DRAIN_SECONDS": "30"}
    server = DeeperServer(tmp_path, server_settings(database_url) | settings)
    try:
        await asyncio.to_thread(wait_until, lambda: len(server.workers()) > 0)
        await asyncio.sleep(seconds)  # not to wait for something, but to meet the start at another moment
        before = time.monotonic()
        server.terminate()
        assert await asyncio.to_thread(server.wait) == 0
        assert time.monotonic() - before < 10  # seconds, and not the drain time
    finally:
        server.kill()


# What granian does between the two runs of a worker's loop.
_TOLD_BETWEEN_TWO_RUNS = """
import os, signal
from granian.server import mp
from deeper_api.cli import main

begin = mp.ASGIWorker

def begin_once_told(*arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    return begin(*arguments)

mp.ASGIWorker = begin_once_told
main(["serve"])
"""


async def test_a_worker_hears_a_signal_while_its_loop_does_not_run(database_url: str, tmp_path: Path):
    server = DeeperServer(tmp_path, server_settings(database_url), (sys.executable, "-c", _TOLD_BETWEEN_TWO_RUNS))
    try:
        # granian takes a worker that ends unasked for one that crashed.
        assert await asyncio.to_thread(server.wait) == 1
        assert "shutting down" in [line["message"] for line in server.log("deeper.server")]
    finally:
        server.kill()


async def test_a_password_change_ends_other_sessions_on_every_worker_within_five_seconds(start_server: StartServer):
    backend = start_server(DEEPER_SERVER_WORKERS="2")
    async with open_client(backend.url) as client:
        account = await sign_up(client)
        other = await account.log_in()
        # Connections are spread over the workers by chance: after these, both of them remember both sessions.
        for _ in range(16):
            assert (await other.client.get("/v1/me")).status == 200
        change = {"current_password": account.password, "new_password": "another password, and a long one"}
        tokens = (await account.client.put("/v1/me/password", change)).json()
        changed = time.monotonic()
        denied = 0
        while denied < 16:  # in a row, so that both workers have said it
            denied = denied + 1 if (await other.client.get("/v1/me")).status == 401 else 0
            assert time.monotonic() - changed < 10  # seconds: the five, and as much for the requests of a busy machine
        assert (await client.as_user(tokens["access_token"]).get("/v1/me")).json() == account.user


async def test_no_secret_and_nothing_personal_reaches_the_log(start_server: StartServer):
    backend = start_server()
    async with open_client(backend.url) as client, backend.model(never_finish):
        account = await sign_up(client)
        cookie = await client.post(
            "/v1/auth/login", {"email": account.email, "password": account.password, "transport": "cookie"}
        )
        token = (cookie.header("set-cookie") or "").partition("; ")[0].partition("=")[2]
        rotated = await client.post("/v1/auth/refresh", headers={"cookie": f"__Host-deeper_refresh={token}"})
        successor = (rotated.header("set-cookie") or "").partition("; ")[0].partition("=")[2]
        async with account.client.open(
            "POST", "/v1/chat", QUESTION | {"messages": [{"role": "user", "content": "canary"}]}
        ) as exchange:
            await exchange.head()
            await exchange.read_until(b"piece")
        await client.get(f"/v1/me?token={account.access_token}&email={account.email}")
        await client.post("/v1/auth/login", {"email": account.email, "password": "canary"})
    backend.process.terminate()
    await until_ended(backend)
    said = backend.process.output()
    secrets = [account.email, account.password, account.access_token, account.refresh_token, token, successor, "canary"]
    assert len(token) == len(successor) == len(account.refresh_token)
    assert [secret for secret in secrets if secret in said] == []
    assert all(token not in reply.body.decode() and successor not in reply.body.decode() for reply in (cookie, rotated))
    assert [json.loads(line)["logger"] for line in said.splitlines()].count("deeper.requests") == 6
