"""The trace of an answer, from one process to the model server, and to another process when the first has died."""

import asyncio
import json
from collections.abc import Generator

import pytest

from deeper_model.conformance import Peer
from tests.api.routes.test_chat import QUESTION
from tests.fakes.collectors import Collector, running_collector
from tests.fakes.exchanges import sign_up
from tests.fakes.http import open_client
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import StartServer


@pytest.fixture
def collector() -> Generator[Collector]:
    with running_collector() as collector:
        yield collector


async def begin(peer: Peer) -> None:
    """Say one word, and then nothing more."""
    await peer.stream_head("text/event-stream")
    piece = {"choices": [{"index": 0, "delta": {"content": "piece"}, "finish_reason": None}]}
    await peer.chunk(f"data: {json.dumps(piece)}\n\n".encode())
    await peer.wait_gone()


async def test_what_another_process_takes_over_stays_in_the_trace_that_the_model_server_knows(
    start_server: StartServer, collector: Collector
):
    first = start_server(DEEPER_TRACING_ENDPOINT=collector.url)
    second = start_server(beside=first, DEEPER_TRACING_ENDPOINT=collector.url)
    async with first.model(begin) as model, open_client(first.url) as client:
        account = await sign_up(client)
        headers = {"x-request-id": "r1"}
        async with account.client.open("POST", "/v1/chat", QUESTION | {"store": True}, headers=headers) as exchange:
            await exchange.head()
            await exchange.read_until(b"piece")
            [trace] = {
                request.headers["traceparent"].split("-")[1]
                for request in model.requests
                if request.path.endswith("/chat/completions")
            }
            first.process.kill()
    spans = await asyncio.to_thread(collector.wait_for, "generation taken over", seconds=60)
    [taken] = [span for span in spans if span.name == "generation taken over"]
    assert (taken.trace, taken.failed, taken.attributes["error.type"]) == (trace, True, "interrupted")
    wait_until(lambda: second.process.log("deeper.generations") != [])
    [ended] = second.process.log("deeper.generations")
    assert (ended["outcome"], ended["request_id"], ended["trace_id"]) == ("interrupted", "r1", trace)
    assert ended["generation_id"] == taken.attributes["deeper.generation.id"]


async def test_a_server_that_ends_while_its_collector_hangs_ends_all_the_same(
    start_server: StartServer, collector: Collector
):
    server = start_server(DEEPER_TRACING_ENDPOINT=collector.url, DEEPER_SERVER_DRAIN_SECONDS="1")
    collector.hang()
    async with open_client(server.url) as client:
        await sign_up(client)
    await asyncio.to_thread(collector.wait_until_asked)
    server.process.terminate()
    assert await asyncio.to_thread(server.process.wait) == 0
    assert [line for line in server.process.log() if line["level"] == "error"] == []
