"""Generations under any interleaving of what the model says, who comes, who leaves and who stops it."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from deeper_api.chat.engine import Engine
from deeper_api.chat.frames import Done, Failed, Piece, Start
from deeper_api.chat.wire import encode_sse
from deeper_core import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    ChatRole,
    Delta,
    Finish,
    FinishReason,
    ModelServerFailed,
    UserId,
    new_id,
)
from deeper_model import ScriptedProvider
from tests.api.chat.readers import watch

T = TypeVar("T")
REQUEST = ChatRequest(model="scripted", messages=(ChatMessage(role=ChatRole.USER, content="hi"),))
# Turns of the event loop after which everything that can happen by itself has happened.
SETTLED = 50


class Dictated(ScriptedProvider):
    """Says what is put into ``dictation``, when it is put there."""

    def __init__(self) -> None:
        super().__init__()
        self.dictation: asyncio.Queue[ChatEvent | ModelServerFailed] = asyncio.Queue()
        self.open = 0

    async def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        assert request is REQUEST
        self.open += 1
        try:
            while True:
                event = await self.dictation.get()
                if isinstance(event, ModelServerFailed):
                    raise event
                yield event
        finally:
            self.open -= 1


@dataclass
class Viewer:
    """Somebody who reads the stream; ``task`` is None before the first and after the last."""

    received: bytes = b""
    task: asyncio.Task[None] | None = None
    left: bool = False


class Chat(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.provider = Dictated()
        self.engine = Engine(self.provider, drain_seconds=0)
        self.script = ""
        self.ending: str | None = None  # what ends it: the model, or the first reason
        self.viewers: list[Viewer] = []
        self.generation = self.run(self.started())

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self.loop.run_until_complete(work)

    async def started(self):
        return self.engine.start(REQUEST, user_id=UserId(new_id()), request_id=None)

    @staticmethod
    async def turns(count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    async def look(self, viewer: Viewer) -> None:
        async for first, frames in watch(self.generation):
            viewer.received += encode_sse(first, frames)

    def present(self) -> list[Viewer]:
        return [viewer for viewer in self.viewers if not viewer.left]

    @rule(text=st.text(min_size=1, max_size=5))
    def say(self, text: str) -> None:
        self.provider.dictation.put_nowait(Delta(content=text))
        self.script += text

    @rule(failing=st.booleans())
    def end(self, failing: bool) -> None:
        self.provider.dictation.put_nowait(ModelServerFailed() if failing else Finish(reason=FinishReason.STOP))
        self.ending = self.ending or "model"

    @rule(count=st.integers(1, 5))
    def let_time_pass(self, count: int) -> None:
        self.run(self.turns(count))

    @precondition(lambda self: len(self.viewers) < 6)
    @rule(count=st.integers(0, 3))
    def come(self, count: int) -> None:
        viewer = Viewer()
        viewer.task = self.loop.create_task(self.look(viewer))
        self.viewers.append(viewer)
        self.run(self.turns(count))

    @precondition(lambda self: self.present())
    @rule(data=st.data(), count=st.integers(0, 3))
    def leave(self, data: st.DataObject, count: int) -> None:
        viewer = data.draw(st.sampled_from(self.present()))
        assert viewer.task is not None
        viewer.left = True
        viewer.task.cancel()
        self.run(self.turns(count))

    @rule()
    def stop(self) -> None:
        self.generation.cancel("stopped")
        self.ending = self.ending or "stopped"

    @invariant()
    def the_frames_tell_one_story(self) -> None:
        frames = self.generation.frames
        assert [type(frame) for frame in frames[:1]] == [Start]
        assert all(isinstance(frame, Piece) for frame in frames[1:-1])
        assert not any(isinstance(frame, Done | Failed) for frame in frames[:-1])
        assert self.script.startswith("".join(frame.content for frame in frames if isinstance(frame, Piece)))

    @invariant()
    def every_viewer_has_seen_a_beginning_of_it(self) -> None:
        whole = encode_sse(0, self.generation.frames)
        assert all(whole.startswith(viewer.received) for viewer in self.viewers)

    @invariant()
    def who_is_watched_is_not_abandoned(self) -> None:
        if self.generation.cancelled == "abandoned":
            assert any(viewer.left for viewer in self.viewers)
            assert self.provider.open <= 1

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        try:
            self.run(self.settle())
        finally:
            self.loop.close()

    async def settle(self) -> None:
        await self.turns(SETTLED)
        abandoned = any(viewer.left for viewer in self.viewers) and not self.present()
        if self.ending is not None or self.generation.cancelled:
            assert self.generation.finished
        elif not abandoned:
            assert not self.generation.finished
            assert self.provider.open == 1
        await self.engine.close()
        await self.turns(SETTLED)
        assert (self.provider.open, self.engine.running, self.generation.finished) == (0, 0, True)
        whole = encode_sse(0, self.generation.frames)
        for viewer in self.present():
            assert viewer.task is not None
            await viewer.task
            assert viewer.received == whole


TestChat = Chat.TestCase
TestChat.settings = settings(max_examples=60, stateful_step_count=25)
