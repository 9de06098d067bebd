"""Traces, as a collector gets them."""

import asyncio
import json
import logging
import re
from collections.abc import Generator
from typing import Any, cast
from uuid import uuid4

import pytest
from msgspec.structs import replace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from deeper_api.config import AppConfig
from deeper_api.config.sections import LimitsConfig, RedisConfig, TracingConfig
from deeper_api.telemetry.otlp import create_processor
from deeper_core import (
    Delta,
    Finish,
    FinishReason,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerUnreachable,
    Usage,
)
from deeper_model import ScriptedProvider
from tests.api.routes.test_chat import QUESTION
from tests.fakes.collectors import Collector, Span, running_collector, sending
from tests.fakes.exchanges import Account, sign_up
from tests.fixtures.applications import LogLines, application, config_for
from tests.fixtures.redis import OwnRedis

CALLER = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{CALLER}-b7ad6b7169203331-01"
NOT_KEPT = f"00-{CALLER}-b7ad6b7169203331-00"
DONE = Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2))


@pytest.fixture
def collector() -> Generator[Collector]:
    with running_collector() as collector:
        yield collector


def traced(url: str, collector: Collector, **more: Any) -> AppConfig:
    """An application whose traces go to ``collector``."""
    return replace(config_for(url), tracing=TracingConfig(endpoint=collector.url, **more))


def one(spans: list[Span], name: str) -> Span:
    [span] = [span for span in spans if span.name == name]
    return span


def below(spans: list[Span], parent: Span) -> set[str]:
    return {span.name for span in spans if span.parent == parent.id}


async def test_a_chat_is_one_trace_from_the_request_to_the_model(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    scripted.play(Delta(content="piece"), DONE)
    async with application(traced(accounts_url, collector), scripted) as client:
        account = await sign_up(client)
        reply = await account.client.post("/v1/chat", QUESTION | {"options": {"temperature": 0.5, "max_tokens": 9}})
    spans = collector.wait_for("POST /v1/chat", "generation", "chat scripted")
    request, generation, asked = (one(spans, name) for name in ("POST /v1/chat", "generation", "chat scripted"))
    assert (request.kind, request.parent, generation.parent, asked.parent) == (
        "server",
        "",
        request.id,
        generation.id,
    )
    assert {request.trace, generation.trace, asked.trace} == {request.trace}
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/chat",
        "http.response.status_code": 200,
        "deeper.request.id": reply.header("x-request-id"),
    }
    assert asked.kind == "client"
    assert (
        asked.attributes.items()
        >= {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": scripted.name,
            "gen_ai.request.model": "scripted",
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.max_tokens": 9,
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 2,
        }.items()
    )
    assert asked.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert {request.failed, generation.failed, asked.failed} == {False}
    assert "PostgresSessionStore.standing" in below(spans, request)
    assert "group commit" in below(spans, generation)
    assert request.service == "deepersensor"


async def test_the_database_is_named_by_who_asks_it(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    async with application(traced(accounts_url, collector), scripted) as client:
        account = await sign_up(client)
        await account.client.get("/v1/conversations")
    spans = collector.wait_for("GET /v1/conversations")
    request = one(spans, "GET /v1/conversations")
    [span] = [span for span in spans if span.parent == request.id and span.name.startswith("ConversationStore.")]
    assert (span.kind, span.attributes) == (
        "client",
        {"db.system.name": "postgresql", "code.function.name": span.name},
    )
    # Those that only they have in common with others say nothing.
    queries = {span.name for span in spans if "db.system.name" in span.attributes}
    assert queries >= {"UserStore.create", "AuditStore.add"}
    assert [name for name in queries if "._" in name] == []


async def test_redis_is_in_the_trace_by_the_name_of_the_script(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector, own_redis: OwnRedis
):
    config = replace(
        traced(accounts_url, collector), limits=LimitsConfig(), redis=RedisConfig(url=own_redis.url, timeout=5)
    )
    async with application(config, scripted) as client:
        await client.get("/v1/me")
    spans = collector.wait_for("GET /v1/me", "EVALSHA take.lua")
    taken = one(spans, "EVALSHA take.lua")
    assert taken.parent == one(spans, "GET /v1/me").id
    assert taken.attributes["db.system.name"] == "redis"


async def test_what_fails_is_marked_by_its_code_and_nothing_of_its_text(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    scripted.play(ModelServerFailed("canary"))
    async with application(traced(accounts_url, collector), scripted) as client:
        account = await sign_up(client)
        await account.client.post("/v1/chat", QUESTION | {"stream": False})
    spans = collector.wait_for("POST /v1/chat", "generation", "chat scripted")
    for name in ("generation", "chat scripted"):
        span = one(spans, name)
        assert (span.failed, span.message, span.events) == (True, "", [])
        assert span.attributes["error.type"] == "model_server_failed"
    assert one(spans, "POST /v1/chat").attributes["error.type"] == "502"


async def test_each_try_is_a_span_with_what_came_of_it_and_the_wait_for_the_next_is_in_none(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    scripted.play(ModelServerUnreachable())
    scripted.play(ModelServerOverloaded())
    scripted.play(Delta(content="piece"), DONE)
    config = traced(accounts_url, collector)
    async with application(replace(config, model=replace(config.model, attempts=3)), scripted) as client:
        account = await sign_up(client)
        await account.client.post("/v1/chat", QUESTION)
    spans = collector.wait_for("POST /v1/chat", "generation")
    tries = sorted((span for span in spans if span.name == "chat scripted"), key=lambda span: span.began)
    assert {span.parent for span in tries} == {one(spans, "generation").id}
    assert [span.attributes.get("error.type") for span in tries] == [
        "model_server_unreachable",
        "model_server_overloaded",
        None,
    ]
    assert [span.failed for span in tries] == [True, True, False]
    assert tries[0].ended < tries[1].began < tries[1].ended < tries[2].began
    assert not one(spans, "generation").failed
    assert [span.attributes.get("gen_ai.usage.output_tokens") for span in tries] == [None, None, 2]


async def test_an_answer_that_goes_on_without_its_request_stays_in_the_trace(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    gate = asyncio.Event()
    scripted.play(Delta(content="piece"), gate, DONE)
    async with application(traced(accounts_url, collector), scripted) as client:
        account = await sign_up(client)
        opening = account.client.open("POST", "/v1/chat", QUESTION | {"on_disconnect": "continue"})
        async with opening as exchange:
            await exchange.head()
            await exchange.read_until(b"piece")
            exchange.leave()
        await asyncio.to_thread(collector.wait_for, "POST /v1/chat")
        gate.set()
        await scripted.wait_for_streams(0)
        spans = await asyncio.to_thread(collector.wait_for, "generation", "chat scripted")
    request, generation = one(spans, "POST /v1/chat"), one(spans, "generation")
    assert (generation.trace, generation.parent) == (request.trace, request.id)
    assert generation.ended > request.ended
    assert not generation.failed


async def test_the_trace_of_a_caller_is_linked_and_decides_nothing(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    async with application(traced(accounts_url, collector), scripted) as client:
        await client.get("/v1/me", headers={"traceparent": NOT_KEPT})
    span = one(collector.wait_for("GET /v1/me"), "GET /v1/me")
    assert span.trace != CALLER
    assert (span.parent, span.links) == ("", [CALLER])


async def test_the_trace_of_a_caller_who_is_no_stranger_goes_on(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    config = traced(accounts_url, collector, callers="parent", sample_ratio=0.0)
    async with application(config, scripted) as client:
        await client.get("/v1/models", headers={"traceparent": NOT_KEPT})
        await client.get("/v1/usage")
        await client.get("/v1/me", headers={"traceparent": TRACEPARENT})
    [span] = collector.wait_for("GET /v1/me")
    assert (span.name, span.trace, span.parent, span.links) == ("GET /v1/me", CALLER, "b7ad6b7169203331", [])


@pytest.mark.parametrize(
    "given", ["", "00", TRACEPARENT.upper(), "ff" + TRACEPARENT[2:], TRACEPARENT + "x" * 600, f"00-{'0' * 32}-1-01"]
)
async def test_what_is_no_trace_of_a_caller_begins_a_new_one(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector, log_lines: LogLines, given: str
):
    async with application(traced(accounts_url, collector, callers="parent"), scripted) as client:
        await client.get("/v1/me", headers={"traceparent": given})
    span = one(collector.wait_for("GET /v1/me"), "GET /v1/me")
    assert (span.parent, span.links) == ("", [])
    lines = [line for line in map(json.loads, log_lines.text) if line["logger"] == "deeper.requests"]
    assert [(line["level"], line["trace_id"]) for line in lines] == [("info", span.trace)]


async def test_of_traces_that_are_not_kept_nothing_is_sent(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    scripted.play(DONE)
    async with application(traced(accounts_url, collector, sample_ratio=0.0), scripted) as client:
        account = await sign_up(client)
        await account.client.post("/v1/chat", QUESTION)
    assert collector.requests == []


async def test_without_a_collector_there_is_no_thread_and_no_trace(
    account: Account, scripted: ScriptedProvider, log_lines: LogLines
):
    before = sending()
    scripted.play(DONE)
    await account.client.post("/v1/chat", QUESTION, headers={"traceparent": TRACEPARENT})
    assert sending() <= before
    assert "trace_id" not in "".join(log_lines.text)


async def test_the_thread_that_sends_ends_with_the_application(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    before = sending()
    async with application(traced(accounts_url, collector), scripted):
        assert len(sending() - before) == 1
    assert sending() <= before


async def test_every_line_of_a_request_and_of_its_answer_names_both(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector, log_lines: LogLines
):
    scripted.play(DONE)
    async with application(traced(accounts_url, collector), scripted) as client:
        account = await sign_up(client)
        await account.client.post("/v1/chat", QUESTION, headers={"x-request-id": "r1"})
    spans = collector.wait_for("POST /v1/chat", "generation")
    [ended], [*_, request] = log_lines.of("deeper.generations"), log_lines.of("deeper.requests")
    assert ended["request_id"] == request["request_id"] == "r1"
    for line, name in ((ended, "generation"), (request, "POST /v1/chat")):
        assert (line["trace_id"], line["span_id"]) == (one(spans, name).trace, one(spans, name).id)


async def test_nothing_that_people_write_gets_into_a_trace(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    word = f"canary{uuid4().hex}"
    scripted.play(Delta(content=word), DONE)
    async with application(traced(accounts_url, collector), scripted) as client:
        account = await sign_up(client)
        await account.client.post(
            "/v1/chat", QUESTION | {"messages": [{"role": "user", "content": word}], "store": True}
        )
        await account.client.get(f"/v1/search?q={word}")
        await account.client.get(f"/v1/conversations/{word}", headers={"user-agent": word, "cookie": word})
        await client.post("/v1/auth/login", {"email": f"{word}@example.com", "password": word})
    collector.wait_for("POST /v1/auth/login", "GET /v1/search", "generation")
    for secret in (word, account.email, account.password, account.access_token, account.refresh_token):
        assert secret.encode() not in collector.raw


async def test_a_header_for_the_collector_goes_with_what_is_sent(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector
):
    async with application(traced(accounts_url, collector, headers=("x-api-key=a=b",)), scripted) as client:
        await client.get("/health")
    collector.wait_for("GET /health")
    assert collector.requests[0]["x-api-key"] == "a=b"
    assert (collector.requests[0]["path"], collector.requests[0]["content-type"]) == (
        "/v1/traces",
        "application/x-protobuf",
    )


def test_what_cannot_be_sent_takes_no_more_memory_than_a_queue(collector: Collector):
    collector.hang()
    processor = create_processor(collector.url, {})
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("test")
    for _ in range(20_000):
        tracer.start_span("span").end()
    sent = cast("BatchSpanProcessor", processor)._batch_processor._queue
    assert len(sent) == sent.maxlen == 4_096
    collector.answer()
    processor.shutdown()


async def ask(account: Account, scripted: ScriptedProvider) -> None:
    scripted.play(DONE)
    assert b"event: done" in (await account.client.post("/v1/chat", QUESTION)).body


@pytest.mark.parametrize("status", [400, 404, 500])
async def test_a_collector_that_refuses_disturbs_nobody_and_is_told_of_once(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector, log_lines: LogLines, status: int
):
    collector.status = status
    async with application(traced(accounts_url, collector), scripted) as client:
        account = await sign_up(client)
        for times in (1, 2):
            await ask(account, scripted)
            await asyncio.to_thread(collector.wait_until_asked, times)
        collector.status = 200
        await ask(account, scripted)
        await asyncio.to_thread(collector.wait_for, "generation")
        while len(log_lines.of("deeper.telemetry")) < 2:  # noqa: ASYNC110  - said by a thread, after the collector answered
            await asyncio.sleep(0)
    told = [(line["level"], line["message"]) for line in log_lines.of("deeper.telemetry")]
    assert [level for level, _ in told] == ["warning", "info"]
    assert re.match("traces cannot be sent", told[0][1])


@pytest.mark.parametrize("failing", ["hangs", "is gone"])
async def test_a_collector_that_hangs_or_is_gone_disturbs_nobody_and_the_end_waits_for_it_shortly(
    accounts_url: str, scripted: ScriptedProvider, collector: Collector, failing: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.CRITICAL, "opentelemetry")  # as `configure_logs` does
    if failing == "hangs":
        collector.hang()
    else:
        collector.server.server_close()
    async with asyncio.timeout(60), application(traced(accounts_url, collector), scripted) as client:
        account = await sign_up(client)
        for _ in range(5):
            await ask(account, scripted)
