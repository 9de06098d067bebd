"""However many users, paths and names there are, the number of series stays small."""

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from msgspec.structs import replace

from deeper_api.app import create_app
from deeper_api.config.sections import LimitsConfig
from deeper_api.limits.counting import CountedBuckets
from deeper_api.limits.memory_buckets import MemoryBuckets
from deeper_api.limits.policies import Policy
from deeper_api.telemetry.answers import AnswerMetrics, Outcome
from deeper_api.telemetry.meters import Meters
from deeper_api.telemetry.services import Telemetry, create_telemetry
from deeper_core import ApiKeyId, Delta, Finish, FinishReason, Timings, Usage, UserId, new_id
from deeper_model import ScriptedProvider
from tests.api.routes.test_chat import QUESTION
from tests.fakes.asgi import running_application
from tests.fakes.exchanges import sign_up
from tests.fixtures.applications import config_for

MANY = 10_000
ENDED = Outcome(
    finish_reason="stop",
    usage=Usage(prompt_tokens=1, completion_tokens=2),
    timings=Timings(
        queue_ms=1.0, connect_ms=1.0, load_ms=1.0, prefill_ms=1.0, decode_ms=1.0, first_token_ms=3.0, total_ms=9.0
    ),
)


def series(meters: Meters) -> int:
    return sum(len(family.samples) for family in meters.read())


def labels(meters: Meters, name: str) -> set[str]:
    """The values of a label, in whatever metric."""
    return {value for f in meters.read() for s in f.samples for label, value in s.labels if label == name}


@pytest.fixture
def telemetry(accounts_url: str) -> Generator[Telemetry]:
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        yield create_telemetry(config_for(accounts_url), Path(folder))


def meters_of(telemetry: Telemetry) -> Meters:
    assert telemetry.meters is not None
    return telemetry.meters


async def test_of_paths_methods_and_people_there_may_be_any_number(
    telemetry: Telemetry, accounts_url: str, scripted: ScriptedProvider
):
    config = replace(
        config_for(accounts_url),
        limits=LimitsConfig(anonymous_burst=1_000_000, user_burst=1_000_000, password_burst=1_000),
    )
    async with running_application(create_app(config, provider=scripted, telemetry=telemetry)) as client:
        account = await sign_up(client)
        for n in range(MANY // 20):
            await client.get(f"/nothing/{n}")
            await client.call(f"METHOD{n}", "/v1/me")
            await account.client.get(f"/v1/conversations/{new_id()}")
            await client.as_user(f"dsk_{n}").get(f"/v1/me?{n}", headers={"user-agent": str(n)})
        for n in range(20):
            await client.post("/v1/auth/login", {"email": f"{n}@example.com", "password": f"wrong password {n}"})
            scripted.play(Delta(content="x"), Finish(reason=FinishReason.STOP))
            await account.client.post("/v1/chat", QUESTION | {"model": f"model-{n}"})
        assert series(meters_of(telemetry)) < 500
        assert labels(meters_of(telemetry), "http_request_method") == {"GET", "POST", "_OTHER"}
        assert labels(meters_of(telemetry), "gen_ai_request_model") == {"(other)"}


@pytest.mark.parametrize(("listed", "named"), [(False, 1), (True, 51)])
def test_models_that_nobody_lists_share_a_name_and_of_those_that_are_listed_not_all_have_one(listed: bool, named: int):
    meters = Meters()
    metrics = AnswerMetrics(meters.meter, lambda _: listed)
    for n in range(MANY):
        metrics.count(f"model-{n}", ENDED, f"server-{n % 4}")
    assert len(labels(meters, "gen_ai_request_model")) == named
    assert series(meters) < 300 * named
    counts = [s.value for f in meters.read() for s in f.samples if s.name == "deeper_generations_total"]
    assert sum(counts) == MANY


def test_what_failed_before_its_turn_was_noted_took_no_time_and_no_tokens():
    meters = Meters()
    timings = Timings(queue_ms=3.0, total_ms=2.5)
    failed = Outcome(error="model_not_found", usage=Usage(prompt_tokens=0, completion_tokens=0), timings=timings)
    AnswerMetrics(meters.meter, lambda _: True).count("llama", failed, "ollama")
    told = {s.name: s.value for f in meters.read() for s in f.samples if s.name.startswith("gen_ai_")}
    assert told["gen_ai_client_operation_duration_seconds_count"] == 1.0
    assert told["gen_ai_client_operation_duration_seconds_sum"] == 0.0
    assert "gen_ai_client_token_usage_count" not in told


def test_times_that_a_model_server_makes_up_take_nothing_from_what_was_counted():
    meters = Meters()
    metrics = AnswerMetrics(meters.meter, lambda _: True)
    for load_ms in (1_000.0, -5e6):
        metrics.count("llama", replace(ENDED, timings=replace(ENDED.timings, load_ms=load_ms)), "ollama")
    phases = next(f for f in meters.read() if f.name == "deeper_generation_phase_duration_seconds")
    assert [s.value for s in phases.samples if s.name.endswith("_sum") and ("phase", "load") in s.labels] == [1.0]


async def test_whom_a_limit_refused_is_not_told():
    meters = Meters()
    buckets = CountedBuckets(MemoryBuckets(), meters.meter)
    policy = Policy(LimitsConfig(user_burst=1, key_burst=1, user_tokens_per_day=1, key_tokens_per_day=1))
    for _ in range(MANY):
        user, key = UserId(new_id()), ApiKeyId(new_id())
        for request in (policy.of_key(key, user), policy.of_key(key, user), policy.of_tokens(user, key, 5)):
            await buckets.take(request.caller, request.buckets)
        refused = policy.of_tokens(user, key)
        await buckets.take(refused.caller, refused.buckets)
    told = {(dict(s.labels)["outcome"], dict(s.labels).get("limit")): s.value for f in meters.read() for s in f.samples}
    assert told.keys() <= {
        ("allowed", None),
        *(("refused", limit) for limit in ("user", "key", "tokens", "key-tokens")),
    }
    assert sum(told.values()) == 3 * MANY  # what was spent already is no decision
