"""An answer that cannot be kept, beside one that can."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime

import psycopg
import pytest
from msgspec import Struct

from deeper_api.chat.engine import Engine
from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Done, Failed, Frame
from deeper_api.chat.journals import Journal
from deeper_api.chat.reapers import Reaper
from deeper_api.chat.running import Question
from deeper_api.store.generation_rows import NewGeneration
from deeper_api.store.generations import GenerationStore
from deeper_api.store.journals import JournalStore
from deeper_api.store.runners import RunnerStore
from deeper_api.store.users import UserStore
from deeper_auth import parse_email
from deeper_core import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    ChatRole,
    Delta,
    ErrorCode,
    Finish,
    FinishReason,
    FunctionCallDelta,
    GenerationId,
    RunnerId,
    ToolCallDelta,
    Usage,
    UserId,
    new_id,
)
from deeper_model import ScriptedProvider
from tests.api.chat.engines import servers_for, spend_nothing
from tests.api.stores import open_pool

STOP = Finish(reason=FinishReason.STOP)


def call(call_id: str) -> Delta:
    return Delta(tool_calls=(ToolCallDelta(index=0, id=call_id, function=FunctionCallDelta(name="f", arguments="{}")),))


def counted(prompt_tokens: int) -> Finish:
    return Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=prompt_tokens, completion_tokens=1))


# What no shipped provider says, but another may.
UNFIT = {
    "NUL": [Delta(content="a\0b"), STOP],
    "half a surrogate pair": [Delta(content="a\ud800b"), STOP],
    "NUL in the id of a call": [call("a\0b"), STOP],
    "half a surrogate pair in the id of a call": [call("a\ud800b"), STOP],
}


class TwoModels(ScriptedProvider):
    """One says two words, the second when ``go`` is set; the other what it is given, before or after that."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.bad: list[ChatEvent] = []
        self.bad_first = False

    async def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        if request.model == "good":
            yield Delta(content="two ")
            await self.go.wait()
            yield Delta(content="words")
            yield STOP
            return
        for event in self.bad:
            if isinstance(event, Finish) or not self.bad_first:
                await self.go.wait()
            yield event


class Place(Struct, frozen=True):
    """An engine over a database."""

    provider: TwoModels
    engine: Engine
    reaper: Reaper
    user_id: UserId
    database_url: str

    async def ask(self, model: str) -> tuple[GenerationId, Feed]:
        request = ChatRequest(model=model, messages=(ChatMessage(role=ChatRole.USER, content="hi"),))
        new = NewGeneration(
            id=GenerationId(new_id()), user_id=self.user_id, model=model, created_at=datetime.now(UTC), prompt_tokens=7
        )
        return new.id, await self.engine.answer(Question(new=new, request=request, abandon_after=None))

    def row(self, generation_id: GenerationId) -> tuple[object, ...] | None:
        """State, text and tokens of a generation."""
        query = "select state, content, prompt_tokens from generations where id = %s"
        with psycopg.connect(self.database_url) as database:
            return database.execute(query, [generation_id]).fetchone()

    async def wait_for_text(self, generation_id: GenerationId) -> None:
        """Return once there is something of it in the journal."""
        async with await psycopg.AsyncConnection.connect(self.database_url, autocommit=True) as database:
            query = "select from generation_chunks where generation_id = %s"
            while not (await database.execute(query, [generation_id])).rowcount:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0.01)


@pytest.fixture
async def place(database_url: str) -> AsyncGenerator[Place]:
    async with open_pool(database_url, max_size=4) as pool:
        user_id, runner_id, provider = UserId(new_id()), RunnerId(new_id()), TwoModels()
        await UserStore(pool).create(user_id, parse_email("someone@example.com"), "hash")
        generations, journal = GenerationStore(pool), JournalStore(pool, runner_id)
        engine = Engine(
            servers=servers_for(provider),
            store=generations,
            journal=Journal(journal),
            spend=spend_nothing,
            runner_id=runner_id,
            drain_seconds=0,
        )
        reaper = Reaper(
            runners=RunnerStore(pool),
            generations=generations,
            journal=journal,
            runner_id=runner_id,
            is_live=engine.is_live,
        )
        async with engine.open():
            yield Place(provider, engine, reaper, user_id, database_url)


async def last(feed: Feed) -> Frame:
    frames: list[Frame] = []
    async with aclosing(feed.tail(3_600, asyncio.get_running_loop().create_future())) as tail:
        async for batch in tail:
            frames += [frame for _, frame in batch]
    return frames[-1]


@pytest.mark.parametrize("first", [False, True], ids=["at the end", "in the middle"])
@pytest.mark.parametrize("unfit", UNFIT)
async def test_what_cannot_be_kept_spoils_no_other_answer(place: Place, unfit: str, *, first: bool):
    place.provider.bad, place.provider.bad_first = list(UNFIT[unfit]), first
    bad, bad_feed = await place.ask("bad")
    good, good_feed = await place.ask("good")
    await place.wait_for_text(good)
    place.provider.go.set()
    failed, done = await asyncio.gather(last(bad_feed), last(good_feed))
    assert isinstance(failed, Failed)
    assert failed.error.code is ErrorCode.INTERNAL_ERROR
    assert isinstance(done, Done)
    assert place.row(good) == ("complete", "two words", 7)
    while place.engine.running:  # noqa: ASYNC110  - no event tells
        await asyncio.sleep(0)
    await place.reaper.look()
    assert place.row(bad) == ("interrupted", "", 7)


@pytest.mark.parametrize("tokens", [-1, 2**63, 2**70])
async def test_a_count_of_tokens_that_cannot_be_is_not_believed(place: Place, tokens: int):
    place.provider.bad = [Delta(content="hello"), counted(tokens)]
    place.provider.go.set()
    generation_id, feed = await place.ask("bad")
    done = await last(feed)
    assert isinstance(done, Done)
    assert done.usage == Usage(prompt_tokens=7, completion_tokens=1, estimated=True)
    assert place.row(generation_id) == ("complete", "hello", 7)
