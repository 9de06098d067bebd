"""The context lengths of models, as the engine gets to know them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from deeper_api.chat.context_lengths import ContextLengths
from deeper_core import ChatEvent, ChatRequest, Finish, FinishReason, Model, ModelNotFound, ModelServerUnreachable

FOREVER = 3_600.0


class Lister:
    """A provider that lists models, once ``gate`` is open; it counts how often."""

    name = "lister"

    def __init__(self, *models: Model) -> None:
        self.models = models
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = asyncio.Event()
        self.asked = 0
        self.running = 0
        self.fault: Exception | None = None

    async def list_models(self) -> Sequence[Model]:
        self.asked += 1
        self.running += 1
        self.began.set()
        try:
            await self.gate.wait()
            if self.fault is not None:
                raise self.fault
            return self.models
        finally:
            self.running -= 1

    async def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        yield Finish(reason=FinishReason.STOP)
        raise AssertionError(request)

    async def check_health(self) -> None:
        raise AssertionError

    async def close(self) -> None:
        raise AssertionError


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Lister:
    return Lister(Model(name="tiny", context_length=512))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def lengths(provider: Lister, clock: Clock) -> AsyncGenerator[ContextLengths]:
    async with ContextLengths(provider, patience_seconds=FOREVER, clock=clock) as lengths:
        yield lengths


async def listed(lengths: ContextLengths) -> None:
    """Wait for the list that is being asked for in the background."""
    refresh = lengths._refresh
    assert refresh is not None
    await refresh


async def test_the_first_to_ask_waits_for_the_list(lengths: ContextLengths):
    assert await lengths.find("tiny") == 512


async def test_a_model_that_is_not_listed_has_no_known_context(lengths: ContextLengths):
    assert await lengths.find("other") is None


async def test_a_name_without_a_tag_means_the_latest(lengths: ContextLengths, provider: Lister):
    provider.models = (Model(name="tiny:latest", context_length=512), Model(name="tiny:7b", context_length=1_024))
    assert await lengths.find("tiny") == 512
    assert await lengths.find("tiny:7b") == 1_024


async def test_all_who_ask_at_once_share_one_list(lengths: ContextLengths, provider: Lister):
    provider.gate.clear()
    asking = [asyncio.create_task(lengths.find("tiny")) for _ in range(10)]
    await provider.began.wait()
    provider.gate.set()
    assert await asyncio.gather(*asking) == [512] * 10
    assert provider.asked == 1


async def test_what_is_fresh_is_not_asked_for_again(lengths: ContextLengths, provider: Lister, clock: Clock):
    await lengths.find("tiny")
    clock.now += 59.9
    assert await lengths.find("tiny") == 512
    assert provider.asked == 1


async def test_what_is_stale_is_used_while_it_is_asked_for_again(
    lengths: ContextLengths, provider: Lister, clock: Clock
):
    await lengths.find("tiny")
    clock.now += 60
    provider.models = (Model(name="tiny", context_length=2_048),)
    provider.gate.clear()
    assert await lengths.find("tiny") == 512
    assert await lengths.find("tiny") == 512
    provider.gate.set()
    await listed(lengths)
    assert await lengths.find("tiny") == 2_048
    assert provider.asked == 2


async def test_nobody_waits_longer_than_their_patience(provider: Lister):
    provider.gate.clear()
    async with ContextLengths(provider, patience_seconds=0.01) as lengths:
        assert await lengths.find("tiny") is None
        assert await lengths.find("tiny") is None
        assert provider.asked == 1
        provider.gate.set()
        await listed(lengths)
        assert await lengths.find("tiny") == 512


@pytest.mark.parametrize("fault", [ModelServerUnreachable(), ModelNotFound()])
async def test_a_model_server_that_fails_is_no_error(
    lengths: ContextLengths, provider: Lister, clock: Clock, fault: Exception
):
    provider.fault = fault
    assert await lengths.find("tiny") is None
    assert await lengths.find("tiny") is None
    assert provider.asked == 1
    provider.fault = None
    clock.now += 5
    assert await lengths.find("tiny") == 512


async def test_what_is_known_outlasts_a_failure_that_is_soon_looked_at_again(
    lengths: ContextLengths, provider: Lister, clock: Clock
):
    await lengths.find("tiny")
    provider.fault = ModelServerUnreachable()
    clock.now += 60
    await lengths.find("tiny")
    await listed(lengths)
    assert await lengths.find("tiny") == 512
    assert provider.asked == 2
    provider.fault, provider.models = None, (Model(name="tiny", context_length=2_048),)
    clock.now += 5
    await lengths.find("tiny")
    await listed(lengths)
    assert await lengths.find("tiny") == 2_048


async def test_the_context_of_a_model_is_known_as_soon_as_it_is_loaded(lengths: ContextLengths, provider: Lister):
    provider.models = (Model(name="tiny", loaded=False),)
    assert await lengths.find("tiny") is None
    provider.models = (Model(name="tiny", loaded=True, context_length=4_096),)
    assert await lengths.find("tiny") == 4_096


async def test_a_model_that_is_no_longer_loaded_is_thought_to_have_its_context_again(
    lengths: ContextLengths, provider: Lister, clock: Clock
):
    await lengths.find("tiny")
    provider.models = (Model(name="tiny", loaded=False),)
    clock.now += 60
    await lengths.find("tiny")
    await listed(lengths)
    assert await lengths.find("tiny") == 512


async def test_a_server_that_never_tells_contexts_is_not_asked_at_every_chat(
    lengths: ContextLengths, provider: Lister, clock: Clock
):
    provider.models = (Model(name="tiny"),)
    assert await lengths.find("tiny") is None
    clock.now += 59.9
    assert await lengths.find("tiny") is None
    assert provider.asked == 1


async def test_a_model_that_appeared_since_is_soon_found(lengths: ContextLengths, provider: Lister, clock: Clock):
    assert await lengths.find("new") is None
    provider.models = (*provider.models, Model(name="new", context_length=256))
    clock.now += 5
    await lengths.find("new")
    await listed(lengths)
    assert await lengths.find("new") == 256


async def test_who_stops_waiting_does_not_stop_the_list(lengths: ContextLengths, provider: Lister):
    provider.gate.clear()
    impatient = asyncio.create_task(lengths.find("tiny"))
    await provider.began.wait()
    impatient.cancel()
    await asyncio.wait({impatient})
    patient = asyncio.create_task(lengths.find("tiny"))
    provider.gate.set()
    assert await patient == 512
    assert provider.asked == 1


async def test_closing_leaves_no_task_and_asks_no_more(provider: Lister):
    provider.gate.clear()
    lengths = ContextLengths(provider, patience_seconds=FOREVER)
    waiting = asyncio.create_task(lengths.find("tiny"))
    await provider.began.wait()
    await lengths.close()
    assert provider.running == 0
    assert await waiting is None
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert await lengths.find("tiny") is None
    assert provider.asked == 1
    await lengths.close()
