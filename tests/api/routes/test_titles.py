"""Titles that the model makes, where that is wanted."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from msgspec.structs import replace

from deeper_api.config.sections import ModelConfig
from deeper_core import Delta, Finish, FinishReason, ModelServerFailed, Usage
from deeper_model import ScriptedProvider, Step
from tests.api.routes.answers import ask
from tests.fakes.exchanges import Account, Json, sign_up
from tests.fixtures.applications import application, config_for

DONE = Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2))
WORDS = "Hello"


@pytest.fixture
async def account(accounts_url: str, scripted: ScriptedProvider) -> AsyncGenerator[Account]:
    """Somebody on a server whose model names conversations."""
    config = replace(config_for(accounts_url), model=ModelConfig(titles="model"))
    async with application(config, scripted) as client:
        yield await sign_up(client)


async def conversation(account: Account) -> Json:
    reply = await account.client.get("/v1/conversations")
    [only] = reply.json()["items"]
    return only


async def requests_counted(account: Account, count: int) -> None:
    """Wait until the ledger has that many requests."""
    async with asyncio.timeout(10):
        while (await account.client.get("/v1/usage")).json()["totals"]["requests"] != count:  # noqa: ASYNC110  - no event tells
            await asyncio.sleep(0.001)


async def titled(account: Account, scripted: ScriptedProvider, *title: Step) -> str:
    """Ask, let the model say ``title`` when it is asked for one, and return what the conversation is called then."""
    scripted.play(Delta(content="Because of how light scatters."), DONE)
    scripted.play(*title)
    reply = await ask(account, store=True, stream=False)
    assert reply.status == 200
    await requests_counted(account, 2)
    await account.client.get("/v1/models")  # one more turn for what comes after the ledger
    async with asyncio.timeout(10):
        while asyncio.all_tasks() and any(task.get_name() == "title" for task in asyncio.all_tasks()):  # noqa: ASYNC110  - no event tells
            await asyncio.sleep(0.001)
    return (await conversation(account))["title"]


async def test_a_conversation_is_called_what_the_model_makes_of_it(account: Account, scripted: ScriptedProvider):
    assert await titled(account, scripted, Delta(content='"Why the sky'), Delta(content=' is blue"\n'), DONE) == (
        "Why the sky is blue"
    )
    asked = scripted.requests[-1].messages[-1].content
    assert "Hello" in asked
    assert "Because of how light scatters." in asked


@pytest.mark.parametrize("title", [[DONE], [ModelServerFailed()], [Delta(content="  \n "), DONE]])
async def test_without_one_the_first_words_stay(account: Account, scripted: ScriptedProvider, title: list[Step]):
    assert await titled(account, scripted, *title) == WORDS


async def test_for_an_answer_without_words_none_is_asked_for(account: Account, scripted: ScriptedProvider):
    scripted.play(DONE)
    assert (await ask(account, store=True, stream=False)).status == 200
    async with asyncio.timeout(10):
        while any(task.get_name() == "title" for task in asyncio.all_tasks()):  # noqa: ASYNC110  - no event tells
            await asyncio.sleep(0.001)
    assert (await conversation(account))["title"] == WORDS
    assert len(scripted.requests) == 1


async def test_only_the_first_answer_gives_a_title(account: Account, scripted: ScriptedProvider):
    await titled(account, scripted, Delta(content="One"), DONE)
    scripted.play(Delta(content="More."), DONE)
    reply = await ask(account, conversation_id=(await conversation(account))["id"], stream=False)
    assert reply.status == 200
    assert len(scripted.requests) == 3


async def test_the_asking_for_a_title_is_nobodys_generation_to_look_at(account: Account, scripted: ScriptedProvider):
    gate = asyncio.Event()
    scripted.play(Delta(content="Because."), DONE)
    scripted.play(gate, Delta(content="A title"), DONE)
    await ask(account, store=True, stream=False)
    async with asyncio.timeout(10):
        while len(scripted.requests) < 2:  # noqa: ASYNC110  - no event tells
            await asyncio.sleep(0.001)
    assert (await account.client.get("/v1/generations")).json()["items"] == []
    gate.set()
    await requests_counted(account, 2)
