"""Generations under any interleaving of what the model says, who comes, who leaves, who stops it, and what the database
does, on the process that runs them and on another one."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from deeper_api.chat import generations, journals, running
from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Done, Failed, Numbered, Piece
from deeper_core import ChatEvent, ChatRequest, DatabaseUnavailable, Delta, Finish, FinishReason, ModelServerFailed
from deeper_model import ScriptedProvider
from tests.api.chat.answering import DELTAS, Unit, received, units
from tests.api.chat.databases import Database
from tests.api.chat.engines import USER, live, question, running_engine, settled, watch

T = TypeVar("T")
# Turns of the event loop after which everything that can happen without a timer has happened.
SETTLED = 50


class Dictated(ScriptedProvider):
    """Says what is put into ``dictation``, when it is put there; ``said`` is what has been heard of it."""

    def __init__(self) -> None:
        super().__init__()
        self.dictation: asyncio.Queue[ChatEvent | ModelServerFailed] = asyncio.Queue()
        self.said: list[Delta] = []
        self.open = 0

    async def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        assert request.model == "scripted"
        self.open += 1
        try:
            while True:
                event = await self.dictation.get()
                if isinstance(event, ModelServerFailed):
                    raise event
                if isinstance(event, Delta):
                    self.said.append(event)
                yield event
        finally:
            self.open -= 1


@dataclass
class Viewer:
    """Somebody who reads from a position on, over one connection."""

    after: int
    task: asyncio.Task[None] | None = None
    left: bool = False
    pieces: list[Numbered] = field(default_factory=list[Numbered])
    last: Done | Failed | None = None

    async def look(self, feed: Feed) -> None:
        async for frames in watch(feed, heartbeat=0.001):
            for position, frame in frames:
                assert self.last is None
                if isinstance(frame, Piece):
                    self.pieces.append((position, frame))
                elif isinstance(frame, Done | Failed):
                    self.last = frame

    @property
    def seen(self) -> list[Unit]:
        return received(self.pieces, self.after)


class Chat(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.bounds = pytest.MonkeyPatch()
        self.bounds.setattr(generations, "BATCH", 10)
        self.bounds.setattr(generations, "_KEPT", 20)
        self.bounds.setattr(journals, "_RETRY_SECONDS", 0.001)
        self.bounds.setattr(running, "_SAVE_SECONDS", 0.005)
        self.loop = asyncio.new_event_loop()
        self.provider = Dictated()
        self.database = Database()
        self.viewers: list[Viewer] = []
        self.visits = 0
        self.stack = AsyncExitStack()
        self.ended = False  # by the model, or on purpose
        self.generation = self.run(self.started())

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.loop.run_until_complete(work)

    async def started(self):
        opening = running_engine(self.provider, database=self.database)
        self.engine = await self.stack.enter_async_context(opening)
        opening = running_engine(ScriptedProvider(), database=self.database)
        self.other = await self.stack.enter_async_context(opening)
        return live(await self.engine.answer(question(abandon_after=None)))

    @staticmethod
    async def turns(count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    def present(self) -> list[Viewer]:
        return [viewer for viewer in self.viewers if not viewer.left]

    @rule(delta=DELTAS)
    def say(self, delta: Delta) -> None:
        self.provider.dictation.put_nowait(delta)

    @rule(failing=st.booleans())
    def end(self, failing: bool) -> None:
        self.provider.dictation.put_nowait(ModelServerFailed() if failing else Finish(reason=FinishReason.STOP))
        self.ended = True

    @rule(count=st.integers(1, 5))
    def let_time_pass(self, count: int) -> None:
        self.run(self.turns(count))

    @rule()
    def let_the_journal_be_written(self) -> None:
        self.run(asyncio.sleep(0.003))

    @precondition(lambda self: self.database.fault is None)
    @rule(deaf=st.booleans())
    def take_the_database_away(self, deaf: bool) -> None:
        fault = DatabaseUnavailable(retry_after=1)
        if deaf:
            self.database.deafness = fault
        else:
            self.database.fault = fault

    @rule()
    def bring_the_database_back(self) -> None:
        self.database.fault = self.database.deafness = None

    # What is drawn does not depend on what has come so far, which is for timers to decide.

    @precondition(lambda self: self.visits < 6)
    @rule(place=st.integers(0, 100), here=st.booleans(), count=st.integers(0, 3))
    def come(self, place: int, here: bool, count: int) -> None:
        self.visits += 1
        shown = max([0, *(viewer.after + len(viewer.seen) for viewer in self.viewers)])
        viewer = Viewer(after=place % (shown + 1))
        self.run(self.find(viewer, here))
        self.run(self.turns(count))

    async def find(self, viewer: Viewer, here: bool) -> None:
        engine = self.engine if here else self.other
        try:
            feed = await engine.find(self.generation.id, USER, after=viewer.after)
        except DatabaseUnavailable:
            return
        viewer.task = asyncio.create_task(viewer.look(feed))
        self.viewers.append(viewer)

    @precondition(lambda self: self.visits)
    @rule(which=st.integers(0, 5), count=st.integers(0, 3))
    def leave(self, which: int, count: int) -> None:
        for viewer in self.present()[which : which + 1]:
            assert viewer.task is not None
            viewer.left = True
            viewer.task.cancel()
        self.run(self.turns(count))

    @rule()
    def stop(self) -> None:
        self.generation.cancel("stopped")
        self.ended = True

    @invariant()
    def every_viewer_has_seen_a_stretch_of_it(self) -> None:
        said = units(self.provider.said)
        for viewer in self.viewers:
            seen = viewer.seen
            assert seen == said[viewer.after : viewer.after + len(seen)]

    @invariant()
    def it_ends_once(self) -> None:
        assert self.database.rows[self.generation.id].ends <= 1

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.run(self.settle())
        finally:
            self.bounds.undo()
            self.loop.close()

    async def settle(self) -> None:
        self.bring_the_database_back()
        await self.turns(SETTLED)
        if not self.ended:
            assert self.provider.open == 1
            self.generation.cancel("stopped")
        await settled(self.engine)
        said = units(self.provider.said)
        row = self.database.rows[self.generation.id]
        assert (self.provider.open, row.ends) == (0, 1)
        assert list(row.content) == [unit for kind, unit in said if kind == "content"]
        assert list(row.thinking) == [unit for kind, unit in said if kind == "thinking"]
        for viewer in self.present():
            assert viewer.task is not None
            self.other.hear(f"g:{self.generation.id}")
            await viewer.task
            assert viewer.seen == said[viewer.after :]
            assert type(viewer.last) is type(self.generation.last)
        for engine in (self.engine, self.other):
            again = Viewer(after=0)
            await again.look(await engine.find(self.generation.id, USER, after=0))
            assert again.seen == said
        await self.stack.aclose()


TestChat = Chat.TestCase
TestChat.settings = settings(max_examples=100, stateful_step_count=25)
