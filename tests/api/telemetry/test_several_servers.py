"""What is told of an answer that one of several model servers gave after another had failed."""

import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from deeper_api.app import create_app
from deeper_api.config import AppConfig
from deeper_api.config.sections import ModelServer, TracingConfig
from deeper_api.telemetry.services import create_telemetry
from deeper_api.telemetry.snapshots import Snapshot
from deeper_model.conformance import Peer, running_upstream
from tests.api.routes.test_chat import QUESTION
from tests.api.telemetry.test_scrapes import answer
from tests.fakes.asgi import running_application
from tests.fakes.collectors import Collector, Span, running_collector
from tests.fakes.exchanges import Account, sign_up
from tests.fixtures.applications import config_for


async def fail(peer: Peer) -> None:
    """A model server that lists its model, and then fails."""
    if peer.request.path == "/v1/models":
        await answer(peer)
    else:
        await peer.reply(500, b"{}")


class Told:
    """What an application told until it ended."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.metrics: Snapshot = ()

    @property
    def tries(self) -> list[Span]:
        spans = self.collector.wait_for("generation", "chat scripted")
        return sorted((span for span in spans if span.name == "chat scripted"), key=lambda span: span.began)

    def providers(self, metric: str) -> set[str]:
        return {dict(s.labels)["gen_ai_provider_name"] for f in self.metrics if f.name == metric for s in f.samples}


@asynccontextmanager
async def asking_first(first: str, second: str, url: str, told: Told) -> AsyncGenerator[Account]:
    """Somebody at an application with two model servers, of which the first is asked whenever it can be."""
    servers = (
        ModelServer(name="first", kind="openai", url=first, weight=100),
        ModelServer(name="second", kind="openai", url=second, weight=0.01),
    )
    config: AppConfig = config_for(url)
    model, tracing = replace(config.model, servers=servers, attempts=3), TracingConfig(endpoint=told.collector.url)
    config = replace(config, model=model, tracing=tracing)
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        telemetry = create_telemetry(config, Path(folder))
        assert telemetry.meters is not None
        async with running_application(create_app(config, telemetry=telemetry)) as client:
            yield await sign_up(client)
        told.metrics = telemetry.meters.read()


async def test_what_an_answer_took_is_told_of_the_server_that_gave_it_and_the_other_is_in_the_trace(accounts_url: str):
    with running_collector() as collector:
        told = Told(collector)
        async with (
            running_upstream(fail) as first,
            running_upstream(answer) as second,
            asking_first(first.url, second.url, accounts_url, told) as account,
        ):
            await account.client.get("/v1/models")
            reply = await account.client.post("/v1/chat", QUESTION)
        assert b"event: done" in reply.body
        assert [
            (each.attributes["gen_ai.provider.name"], each.attributes.get("error.type")) for each in told.tries
        ] == [
            ("first", "model_server_failed"),
            ("second", None),
        ]
        [generation] = [span for span in collector.wait_for("generation") if span.name == "generation"]
        assert {each.parent for each in told.tries} == {generation.id}
    assert generation.events == [("moved", {"from": "first", "to": "second", "reason": "model_server_failed"})]
    for metric in ("gen_ai_client_operation_duration_seconds", "gen_ai_server_time_to_first_token_seconds"):
        assert told.providers(metric) == {"second"}


async def test_what_no_server_could_answer_is_told_of_the_last_that_was_asked(accounts_url: str):
    with running_collector() as collector:
        told = Told(collector)
        async with (
            running_upstream(fail) as first,
            running_upstream(fail) as second,
            asking_first(first.url, second.url, accounts_url, told) as account,
        ):
            await account.client.get("/v1/models")
            reply = await account.client.post("/v1/chat", QUESTION | {"stream": False})
        assert reply.status == 502
        assert [each.attributes["gen_ai.provider.name"] for each in told.tries] == ["first", "second"]
        assert [each.attributes["error.type"] for each in told.tries] == ["model_server_failed"] * 2
    assert told.providers("gen_ai_client_operation_duration_seconds") == {"second"}
