"""A pool does what every provider has to do, whether it has one member or several."""

from deeper_core import ModelServerUnreachable
from deeper_model import ModelProvider, RetryPolicy, ScriptedProvider, WireLimits
from deeper_model.conformance import Ability, Engine, EngineHarness, ProviderConformance, WireHarness
from deeper_model.pool import ModelPool, PoolMember
from tests.model.dialects import OLLAMA, OPENAI
from tests.model.pool.pools import EngineProvider
from tests.model.test_conformance import SOON, WHOLE_CALLS

PROMPT = RetryPolicy(attempts=2, base=0.0, total=5.0)


def pool_of_ollama(url: str, limits: WireLimits) -> ModelProvider:
    return ModelPool([PoolMember(name="only", provider=OLLAMA.provider(url, limits))], retries=PROMPT)


def pool_of_openai(url: str, limits: WireLimits) -> ModelProvider:
    return ModelPool([PoolMember(name="only", provider=OPENAI.provider(url, limits))], retries=PROMPT)


def pool_of_three(engine: Engine) -> ModelProvider:
    """Two that share the engine, and one that is dead."""
    dead = ScriptedProvider(name="dead")
    dead.fault = ModelServerUnreachable()
    members = {"one": EngineProvider(engine), "dead": dead, "two": EngineProvider(engine)}
    return ModelPool(
        [PoolMember(name=name, provider=provider) for name, provider in members.items()],
        # What fails at both is the same failure.
        retries=RetryPolicy(attempts=1),
    )


class TestPoolOfOneOllama(ProviderConformance):
    harness = WireHarness(pool_of_ollama, OLLAMA, WHOLE_CALLS, SOON)


class TestPoolOfOneOpenAICompatible(ProviderConformance):
    harness = WireHarness(pool_of_openai, OPENAI, soon=SOON)


class TestPoolOfThree(ProviderConformance):
    harness = EngineHarness(
        pool_of_three,
        without={Ability.WIRE: "the engine is in this process", Ability.TIMINGS: "it has none"},
        soon=SOON,
    )
