"""A whole answer says what its stream says."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.chat.answers import Answer, join_message, whole_answer
from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Context, Done, Frame, Numbered, Piece, Start
from deeper_api.errors import ErrorBody
from deeper_core import (
    ChatRole,
    ConversationId,
    Delta,
    ErrorCode,
    Finish,
    FinishReason,
    FunctionCall,
    FunctionCallDelta,
    GenerationId,
    InternalError,
    MessageId,
    ModelServerTimedOut,
    Timings,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from deeper_model import ScriptedProvider, Step
from tests.api.chat.engines import FOREVER, STOP, ended, follow, live, never, question, running_engine


async def answer(*steps: Step) -> Answer | ErrorBody | None:
    provider = ScriptedProvider()
    provider.play(*steps)
    async with running_engine(provider) as engine:
        return await whole_answer(await engine.answer(question()), never())


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5))))
def test_the_pieces_are_joined(pieces: list[tuple[str, str]]):
    steps = [Delta(content=content, thinking=thinking) for content, thinking in pieces]
    whole = asyncio.run(answer(*steps, STOP))
    assert isinstance(whole, Answer)
    assert whole.message.role is ChatRole.ASSISTANT
    assert whole.message.content == "".join(content for content, _ in pieces)
    assert (whole.message.thinking or "") == "".join(thinking for _, thinking in pieces)


async def test_tool_calls_are_joined_by_their_index():
    def piece(index: int, arguments: str, **named: str) -> ToolCallDelta:
        function = FunctionCallDelta(name=named.get("name"), arguments=arguments)
        return ToolCallDelta(index=index, id=named.get("id"), function=function)

    whole = await answer(
        Delta(tool_calls=(piece(0, '{"a"', id="c0", name="add"), piece(1, "{", id="c1", name="sub"))),
        Delta(tool_calls=(piece(1, "}"),)),
        Delta(tool_calls=(piece(0, ":1}"),)),
        Finish(reason=FinishReason.TOOL_CALLS),
    )
    assert isinstance(whole, Answer)
    assert whole.message.tool_calls == (
        ToolCall(id="c0", function=FunctionCall(name="add", arguments='{"a":1}')),
        ToolCall(id="c1", function=FunctionCall(name="sub", arguments="{}")),
    )


async def test_it_has_the_facts_of_the_first_and_the_last_frame():
    provider = ScriptedProvider()
    provider.play(Delta(content="a"), STOP)
    async with running_engine(provider) as engine:
        feed = await engine.answer(question())
        whole = await whole_answer(feed, never())
        start, *_, last = await follow(feed)
    assert isinstance(start, Start)
    assert isinstance(last, Done)
    assert isinstance(whole, Answer)
    assert (whole.generation_id, whole.model, whole.created_at) == (start.generation_id, start.model, start.created_at)
    assert (whole.finish_reason, whole.usage, whole.timings) == (last.finish_reason, last.usage, last.timings)


async def test_an_error_is_all_that_is_left_of_a_failed_answer():
    whole = await answer(Delta(content="half of"), ModelServerTimedOut())
    assert whole == ErrorBody(
        code=ErrorCode.MODEL_SERVER_TIMED_OUT, message=ModelServerTimedOut.default_message, request_id="r1"
    )


async def test_whoever_stops_waiting_stops_the_model():
    provider = ScriptedProvider()
    provider.play(asyncio.Event(), STOP)
    async with running_engine(provider, FOREVER) as engine:
        feed = await engine.answer(question())
        waiting = asyncio.create_task(whole_answer(feed, never()))
        await asyncio.sleep(0)  # now it waits
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await ended(feed)
    assert live(feed).cancelled == "abandoned"


async def test_whoever_leaves_gets_nothing_and_stops_the_model():
    provider = ScriptedProvider()
    provider.play(Delta(content="a"), asyncio.Event(), STOP)
    async with running_engine(provider, FOREVER) as engine:
        feed = await engine.answer(question())
        leaving = never()
        waiting = asyncio.create_task(whole_answer(feed, leaving))
        await asyncio.sleep(0)  # now it waits
        leaving.set_result(None)
        assert await waiting is None
        await ended(feed)
    assert live(feed).cancelled == "abandoned"


def told(*frames: Frame) -> Feed:
    """A feed that says just this, all at once."""
    return cast("Feed", _Told(frames))


class _Told:
    def __init__(self, frames: tuple[Frame, ...]) -> None:
        self._frames = frames

    @contextmanager
    def viewer(self) -> Generator[None]:
        yield

    async def tail(self, heartbeat: float, leaving: asyncio.Future[None]) -> AsyncGenerator[list[Numbered]]:  # noqa: ARG002  - the signature of a feed
        if self._frames:
            yield [(None, frame) for frame in self._frames]


START = Start(
    generation_id=GenerationId(UUID(int=1)),
    model="m",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    conversation_id=ConversationId(UUID(int=2)),
    message_id=MessageId(UUID(int=3)),
    parent_id=MessageId(UUID(int=4)),
)
DONE = Done(finish_reason=FinishReason.STOP, usage=Usage(), timings=Timings())


async def test_it_says_where_in_a_conversation_it_stands_and_what_was_left_out():
    left_out = (MessageId(UUID(int=5)), MessageId(UUID(int=6)))
    whole = await whole_answer(told(START, Context(dropped=left_out), DONE), never())
    assert isinstance(whole, Answer)
    stands = (whole.conversation_id, whole.message_id, whole.parent_id)
    assert stands == (START.conversation_id, START.message_id, START.parent_id)
    assert whole.dropped == left_out


async def test_nothing_is_left_out_unless_it_is_said():
    whole = await whole_answer(told(START, DONE), never())
    assert isinstance(whole, Answer)
    assert whole.dropped == ()


async def test_whoever_leaves_before_anything_is_said_gets_nothing():
    assert await whole_answer(told(), never()) is None


async def test_an_answer_without_its_beginning_is_none():
    with pytest.raises(InternalError):
        await whole_answer(told(DONE), never())


def test_tool_calls_of_several_pieces_are_all_there():
    pieces = [
        Piece(
            tool_calls=(
                ToolCallDelta(index=index, id=f"c{index}", function=FunctionCallDelta(name="f", arguments="{}")),
            )
        )
        for index in range(2)
    ]
    assert [call.id for call in join_message(pieces).tool_calls] == ["c0", "c1"]
