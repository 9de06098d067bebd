"""The providers of this package do what every provider has to do."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec

from deeper_core import Model
from deeper_model import ModelProvider, RetryingProvider, RetryPolicy, ScriptedProvider, WireLimits
from deeper_model.conformance import (
    CASES,
    MODEL,
    Ability,
    Need,
    ProviderConformance,
    Script,
    Stage,
    WireHarness,
)
from tests.model.dialects import OLLAMA, OPENAI

# Two cores are shared by everybody who tests: what takes milliseconds may take seconds.
SOON = 10.0
WHOLE_CALLS: dict[Need, str] = {Ability.FRAGMENTS: "Ollama sends whole tool calls"}
PROMPT = RetryPolicy(attempts=2, base=0.0, total=5.0)


def retrying_ollama(url: str, limits: WireLimits) -> ModelProvider:
    return RetryingProvider(OLLAMA.provider(url, limits), PROMPT)


def retrying_openai(url: str, limits: WireLimits) -> ModelProvider:
    return RetryingProvider(OPENAI.provider(url, limits), PROMPT)


class TestOllama(ProviderConformance):
    harness = WireHarness(OLLAMA.provider, OLLAMA, WHOLE_CALLS, SOON)


class TestOpenAICompatible(ProviderConformance):
    harness = WireHarness(OPENAI.provider, OPENAI, soon=SOON)

    def test_a_class_may_have_tests_of_its_own(self) -> None:
        assert all(case.applies(self.harness) for case in CASES)


class TestRetryingOllama(ProviderConformance):
    harness = WireHarness(retrying_ollama, OLLAMA, WHOLE_CALLS, SOON)


class TestRetryingOpenAI(ProviderConformance):
    harness = WireHarness(retrying_openai, OPENAI, soon=SOON)


class ScriptedStage:
    """A scripted provider that has learnt its scripts."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self.provider = ScriptedProvider(models=(Model(name=MODEL),))
        # The last script is for all requests that follow; no case has more than twenty.
        for script in (*scripts, *[scripts[-1]] * 20):
            self.provider.play(*script)

    @property
    def asked(self) -> int:
        return len(self.provider.requests)

    @property
    def heard(self) -> bytes:
        return msgspec.json.encode(self.provider.requests[-1])

    async def until_asked(self, times: int = 1) -> None:
        while self.asked < times:  # noqa: ASYNC110  - the provider does not tell of requests
            await asyncio.sleep(0)

    async def until_left(self) -> None:
        await self.provider.wait_for_streams(0)


class ScriptedHarness:
    """The scripted provider's own scripts are those of the suite."""

    without: dict[Need, str] = {Ability.WIRE: "the provider has no socket"}  # noqa: RUF012  - nobody changes it
    soon = SOON

    @asynccontextmanager
    async def stage(self, *scripts: Script) -> AsyncGenerator[Stage]:
        stage = ScriptedStage(scripts)
        yield stage
        await stage.provider.close()


class TestScripted(ProviderConformance):
    harness = ScriptedHarness()
