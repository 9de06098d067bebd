"""What is taken from the quotas of users for answers, as far as the engine decides it."""

import asyncio

import pytest

from deeper_core import ApiKeyId, DatabaseUnavailable, Delta, Finish, FinishReason, Usage, UserId
from deeper_model import ScriptedProvider
from tests.api.chat.databases import Database
from tests.api.chat.engines import FOREVER, USER, ended, question, running_engine, settled


class Spending:
    """Takes down how many tokens are spent."""

    def __init__(self) -> None:
        self.tokens: list[int] = []

    async def __call__(self, user_id: UserId, key_id: ApiKeyId | None, tokens: int, per_day: int | None) -> None:
        assert (user_id, key_id, per_day) == (USER, None, None)
        self.tokens.append(tokens)


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
def spending() -> Spending:
    return Spending()


async def test_a_question_that_could_not_be_kept_and_was_never_asked_costs_nothing(
    provider: ScriptedProvider, spending: Spending
):
    database = Database()
    database.fault = DatabaseUnavailable()
    async with running_engine(provider, FOREVER, database=database, spend=spending) as engine:
        with pytest.raises(DatabaseUnavailable):
            await engine.answer(question(key="k", prompt_tokens=7))
        database.fault = None
        await settled(engine)
    assert (provider.requests, spending.tokens) == ([], [0])


async def test_an_answer_that_is_stopped_before_the_model_was_asked_costs_nothing(
    provider: ScriptedProvider, spending: Spending
):
    database = Database()
    async with running_engine(provider, FOREVER, database=database, spend=spending) as engine:
        database.gate.clear()
        asking = asyncio.create_task(engine.answer(question(key="k", prompt_tokens=7, abandon_after=None)))
        while not engine._live:  # noqa: ASYNC110  - no event tells
            await asyncio.sleep(0)
        engine.hear(f"c:{next(iter(engine._live))}")
        database.gate.set()
        await ended(await asking)
        await settled(engine)
    assert (provider.requests, spending.tokens) == ([], [0])


async def test_an_answer_that_is_stopped_costs_what_went_over_the_wire(provider: ScriptedProvider, spending: Spending):
    provider.play(Delta(content="a", pieces=4), asyncio.Event())
    async with running_engine(provider, FOREVER, spend=spending) as engine:
        asked = question(prompt_tokens=7, abandon_after=None)
        feed = await engine.answer(asked)
        await provider.wait_for_streams(1)
        await engine.cancel(asked.new.id, asked.new.user_id)
        await ended(feed)
        await settled(engine)
    assert spending.tokens == [11]


@pytest.mark.parametrize("tokens", [-1, 10**11])
async def test_counts_of_a_model_server_that_cannot_be_are_not_believed(
    provider: ScriptedProvider, spending: Spending, tokens: int
):
    usage = Usage(prompt_tokens=3, completion_tokens=tokens)
    provider.play(Delta(content="a", pieces=4), Finish(reason=FinishReason.STOP, usage=usage))
    async with running_engine(provider, FOREVER, spend=spending) as engine:
        await ended(await engine.answer(question(prompt_tokens=7, abandon_after=None)))
        await settled(engine)
    assert spending.tokens == [11]
