"""Metrics of a real server with several workers, as Prometheus scrapes them."""

import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
import urllib.request
from collections.abc import Generator
from pathlib import Path
from urllib.error import HTTPError

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from deeper_model.conformance import Peer
from tests.api.cli.commands import DEEPER, environment, words
from tests.api.routes.test_chat import QUESTION
from tests.fakes.exchanges import Account, sign_up
from tests.fakes.http import open_client
from tests.fakes.server import free_port
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import Backend, StartServer

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scrape(port: int, *kinds: str) -> Series:
    """What Prometheus would keep, of all metrics or those of some kinds, once no worker was too busy to tell."""
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
            text = reply.read().decode()
        if 'deeper_workers{state="silent"} 0.0' in text:
            break
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in parse_text(text)
        if not kinds or metric.type in kinds
        for sample in metric.samples
    }


def total(series: Series, name: str, **labels: str) -> float:
    """The sum of all series of this name that have these labels."""
    return sum(value for (n, given), value in series.items() if n == name and labels.items() <= dict(given).items())


def requests(series: Series, route: str) -> float:
    return total(series, "http_server_request_duration_seconds_count", http_route=route)


class Growth:
    """Scrapes again and again, and fails when anything falls that may only grow."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._last: Series = {}

    def scrape(self) -> Series:
        series = scrape(self._port, "counter", "histogram")
        assert {key: value for key, value in self._last.items() if value > series.get(key, 0.0)} == {}
        self._last = series
        return series


@pytest.fixture
def metrics_port() -> int:
    return free_port()


@pytest.fixture
def folder() -> Generator[str]:
    """A folder for temporary files, since what a server has there stays when all of it is killed."""
    with tempfile.TemporaryDirectory(prefix="metrics-", ignore_cleanup_errors=True) as folder:
        yield folder


@pytest.fixture
def server(start_server: StartServer, metrics_port: int, folder: str) -> Backend:
    return start_server(
        DEEPER_SERVER_WORKERS="2",
        DEEPER_METRICS_PORT=str(metrics_port),
        DEEPER_LIMITS_ENABLED="true",
        TMPDIR=folder,
    )


async def visit(server: Backend, times: int) -> None:
    """Ask for a page so often, over new connections, which the kernel deals out to the workers."""
    for _ in range(times):
        async with open_client(server.url) as client:
            assert (await client.get("/v1/models")).status in {401, 429}


async def test_what_all_workers_did_is_one_sum_that_never_falls(server: Backend, metrics_port: int):
    growth = Growth(metrics_port)
    for times in range(1, 6):
        await visit(server, 20)
        # A request is counted when its response is out.
        wait_until(lambda: requests(growth.scrape(), "/v1/models") == 20 * times)  # noqa: B023  - done before the next
    assert total(growth.scrape(), "deeper_limits_decisions_total") == 100
    series = scrape(metrics_port)
    assert total(series, "deeper_workers", state="up") == 2
    assert total(series, "deeper_build_info") == 1


async def test_a_worker_that_is_killed_takes_nothing_with_it(server: Backend, metrics_port: int):
    growth = Growth(metrics_port)
    await visit(server, 30)
    wait_until(lambda: requests(growth.scrape(), "/v1/models") == 30)
    killed, _ = server.process.workers()
    os.kill(killed, signal.SIGKILL)
    growth.scrape()
    wait_until(lambda: growth.scrape() != {} and total(scrape(metrics_port), "deeper_workers", state="up") == 2)
    await visit(server, 10)
    wait_until(lambda: requests(growth.scrape(), "/v1/models") == 40)
    assert total(scrape(metrics_port), "db_client_connection_max") == 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_however_the_main_process_ends_nothing_stays(
    start_server: StartServer, metrics_port: int, folder: str, number: signal.Signals
):
    server = start_server(DEEPER_METRICS_PORT=str(metrics_port), DEEPER_SERVER_DRAIN_SECONDS="1", TMPDIR=folder)
    assert total(scrape(metrics_port), "deeper_workers", state="up") == 1
    assert [path.name.split("-")[0] for path in Path(folder).glob("*/*")] == [str(*server.process.workers())]
    assert [stat.S_IMODE(path.stat().st_mode) for path in Path(folder).iterdir()] == [0o700]
    os.kill(server.process.pid, number)
    assert server.process.wait() == (0 if number == signal.SIGTERM else -number)
    wait_until(lambda: list(Path(folder).iterdir()) == [])


async def answer(peer: Peer) -> None:
    """A model server with one model, which has one word to say, and tells what that took."""
    if peer.request.path == "/v1/models":
        await peer.reply(200, b'{"data": [{"id": "scripted", "meta": {"n_ctx": 2048}}]}')
        return
    await peer.stream_head("text/event-stream")
    await peer.chunk(b'data: {"choices": [{"index": 0, "delta": {"content": "word"}, "finish_reason": null}]}\n\n')
    end = b'"usage": {"prompt_tokens": 5, "completion_tokens": 2}, "timings": {"prompt_ms": 4.0, "predicted_ms": 6.0}'
    await peer.chunk(b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], ' + end + b"}\n\n")
    await peer.chunk(b"data: [DONE]\n\n")
    await peer.chunk(b"")


async def test_an_answer_is_counted_with_all_that_it_took(server: Backend, metrics_port: int):
    async with server.model(answer, looks=True), open_client(server.url) as client:
        account = await sign_up(client)
        await account.client.post("/v1/chat", QUESTION)
        await account.client.post("/v1/chat", QUESTION)
        await account.client.post("/v1/chat", QUESTION | {"model": "made-up"})
    series = scrape(metrics_port)
    model = {"gen_ai_request_model": "scripted", "gen_ai_provider_name": "openai"}
    assert total(series, "deeper_generations_total", outcome="stop") == 3
    assert total(series, "deeper_generations_total", gen_ai_request_model="(other)") >= 1
    assert total(series, "gen_ai_client_operation_duration_seconds_count", **model) >= 1
    assert total(series, "gen_ai_client_token_usage_sum", gen_ai_token_type="input") == 15
    assert total(series, "gen_ai_client_token_usage_sum", gen_ai_token_type="output") == 6
    assert total(series, "gen_ai_server_time_to_first_token_seconds_count") == 3
    assert total(series, "gen_ai_server_time_per_output_token_seconds_count") == 3
    phases = {phase: total(series, f"{PHASE}_count", phase=phase) for phase in ("queue", "connect", "prefill")}
    assert phases == dict.fromkeys(phases, 3)
    assert total(series, f"{PHASE}_sum", phase="prefill") == pytest.approx(0.012)
    assert total(series, "deeper_auth_events_total", kind="signed_up") == 1
    wait_until(lambda: total(scrape(metrics_port), "deeper_generations_active") == 0)
    wait_until(lambda: total(scrape(metrics_port), "deeper_event_loop_lag_seconds_count") > 0)
    # With this, everything that there is has a value; but for Redis and other model servers, which are not there.
    told = {name for name, _ in scrape(metrics_port)}
    histograms = {name.removesuffix("_bucket") for name in told if name.endswith("_bucket")}
    parts = {name + part for name in histograms for part in ("_bucket", "_count", "_sum")}
    assert told - parts | histograms == {name for name in documented() if not name.startswith(ELSEWHERE)}


README = Path(__file__).parents[3] / "README.md"
ELSEWHERE = ("deeper_limits_alone", "deeper_limits_switches", "deeper_model_moves")


def documented() -> set[str]:
    """The names in the README's table, those that are shortened there made whole."""
    names: set[str] = set()
    for row in re.findall(r"^\| (`(?:http|deeper|gen_ai|db|process)_.*?) \|", README.read_text("utf-8"), re.MULTILINE):
        first, *others = re.findall(r"`(\w+)`", row)
        stem = first.rpartition("_")[0]
        names |= {first, *(stem + name if name.startswith("_") else name for name in others)}
    return names


PHASE = "deeper_generation_phase_duration_seconds"


async def test_who_waits_for_the_model_is_told(start_server: StartServer, metrics_port: int, folder: str):
    server = start_server(DEEPER_METRICS_PORT=str(metrics_port), DEEPER_MODEL_PARALLEL="1", TMPDIR=folder)

    async def hang(peer: Peer) -> None:
        if peer.request.path == "/v1/models":
            await answer(peer)
            return
        await peer.stream_head("text/event-stream")
        await peer.wait_gone()

    async with server.model(hang, looks=True) as model, open_client(server.url) as client:
        account: Account = await sign_up(client)
        async with account.client.open("POST", "/v1/chat", QUESTION) as first:
            await first.read_until(b"event: start")
            async with account.client.open("POST", "/v1/chat", QUESTION) as second:
                await second.read_until(b"event: queued")
                series = scrape(metrics_port)
        assert total(series, "deeper_generations_active") == 2
        assert total(series, "deeper_queue_depth") == 1
        assert total(series, "http_server_active_requests") == 2
        await model.until_left()
    wait_until(lambda: total(scrape(metrics_port), "deeper_generations_active") == 0)
    assert total(scrape(metrics_port), "deeper_generations_total", outcome="cancelled") == 2


def test_the_listener_has_metrics_and_nothing_else(server: Backend, metrics_port: int):
    with pytest.raises(HTTPError, match="404"):
        urllib.request.urlopen(f"{server.url}/metrics", timeout=10)
    for path in ("/", "/health", "/v1/me"):
        with pytest.raises(HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}{path}", timeout=10)
    post = urllib.request.Request(f"http://127.0.0.1:{metrics_port}/metrics", method="POST")
    with pytest.raises(HTTPError, match="405"):
        urllib.request.urlopen(post, timeout=10)
    asked = urllib.request.Request(f"http://127.0.0.1:{metrics_port}/metrics")
    asked.add_header("accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
    with urllib.request.urlopen(asked, timeout=10) as reply:
        assert reply.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        assert "deeper_workers" in {metric.name for metric in parse_openmetrics(reply.read().decode())}


def test_scrapers_that_never_finish_keep_nobody_out(server: Backend, metrics_port: int):
    assert server.process.is_running()
    idle = [socket.create_connection(("127.0.0.1", metrics_port)) for _ in range(50)]
    for line in idle:
        line.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
    assert total(scrape(metrics_port), "deeper_workers", state="up") == 2
    for line in idle:
        line.close()


@pytest.mark.parametrize("fault", ["the port is taken", "the folder's name is too long"])
def test_metrics_that_cannot_be_served_are_said_at_once(tmp_path: Path, database_url: str, fault: str):
    settings = {"DEEPER_DB_URL": database_url, "DEEPER_JWT_SECRET": "m8Qv0c2kT5yXr7LwZ1hN4bJ6pF9sD3gA"}
    if fault == "the folder's name is too long":
        settings["TMPDIR"] = str(tmp_path / ("x" * 80))
        (tmp_path / ("x" * 80)).mkdir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1] if fault == "the port is taken" else free_port()
        settings |= {"DEEPER_METRICS_PORT": str(port), "DEEPER_SERVER_PORT": str(free_port())}
        done = subprocess.run(
            [DEEPER, "serve"],
            env=environment(tmp_path, settings),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert {"the port is taken": f"127.0.0.1:{port}"}.get(fault, "TMPDIR") in words(done.stderr)
    assert "DEEPER_METRICS_PORT" in words(done.stderr)
