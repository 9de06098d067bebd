"""Generations run by the engine: what their frames say, and how each of them ends."""

import asyncio
import logging
import math
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress

import pytest

from deeper_api.chat.engine import Engine
from deeper_api.chat.frames import Done, Failed, Frame, Piece, Start
from deeper_api.chat.generations import Generation
from deeper_api.chat.wire import encode_sse
from deeper_api.errors import ErrorBody
from deeper_core import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    ChatRole,
    DeeperError,
    Delta,
    ErrorCode,
    Finish,
    FinishReason,
    FunctionCallDelta,
    ModelNotFound,
    ModelServerOverloaded,
    ModelServerUnreachable,
    ShuttingDown,
    Timings,
    ToolCallDelta,
    Usage,
    UserId,
    new_id,
)
from deeper_model import ScriptedProvider
from tests.api.chat.readers import FOREVER, watch

USER = UserId(new_id())
REQUEST = ChatRequest(model="scripted", messages=(ChatMessage(role=ChatRole.USER, content="hi"),))
STOP = Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2))
CANARY = "canary7q9z3x5v1b8n"


class Unruly(ScriptedProvider):
    """A provider that breaks its contract: it streams whatever ``stream`` does."""

    def __init__(self, stream: Callable[[], AsyncGenerator[ChatEvent, None]]) -> None:
        super().__init__()
        self._stream = stream

    async def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        assert request == REQUEST
        async with aclosing(self._stream()) as events:
            async for event in events:
                yield event


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


def start(engine: Engine, request: ChatRequest = REQUEST) -> Generation:
    return engine.start(request, user_id=USER, request_id="r1")


async def follow(generation: Generation) -> list[Frame]:
    return [frame async for _, batch in watch(generation) for frame in batch]


async def read(generation: Generation) -> bytes:
    return b"".join([encode_sse(first, batch) async for first, batch in watch(generation)])


async def grown(generation: Generation, count: int) -> None:
    """Return once there are ``count`` frames, without being a viewer."""
    async with aclosing(generation.tail(FOREVER, asyncio.get_running_loop().create_future())) as tail:
        async for first, batch in tail:
            if first + len(batch) >= count:
                return


async def ended(generation: Generation) -> Frame:
    """The last frame, without being a viewer."""
    await grown(generation, sys.maxsize)
    return generation.frames[-1]


def engine_for(provider: ScriptedProvider, drain_seconds: float = 0) -> Engine:
    return Engine(provider, drain_seconds=drain_seconds)


async def test_an_answer_is_a_start_its_pieces_and_a_done(provider: ScriptedProvider):
    timings = Timings(first_token_ms=1.0, total_ms=2.0)
    provider.play(
        Delta(thinking="hm"),
        Delta(content="Hel"),
        Delta(content="lo"),
        Finish(reason=FinishReason.STOP, usage=STOP.usage, timings=timings),
    )
    async with engine_for(provider) as engine:
        generation = start(engine)
        first, *pieces, last = await follow(generation)
    assert first == Start(generation_id=generation.id, model="scripted", created_at=first.created_at)  # pyright: ignore[reportAttributeAccessIssue]  - compared as a whole
    assert pieces == [Piece(thinking="hm"), Piece(content="Hel"), Piece(content="lo")]
    assert last == Done(finish_reason=FinishReason.STOP, usage=STOP.usage or Usage(), timings=timings)


async def test_the_start_is_there_at_once(provider: ScriptedProvider):
    async with engine_for(provider) as engine:
        generation = start(engine)
        assert [type(frame) for frame in generation.frames] == [Start]
        assert generation.user_id == USER


async def test_the_provider_is_asked_what_was_asked(provider: ScriptedProvider):
    async with engine_for(provider) as engine:
        await follow(start(engine))
    assert provider.requests == [REQUEST]


async def test_two_generations_are_two(provider: ScriptedProvider):
    async with engine_for(provider) as engine:
        generations = [start(engine) for _ in range(2)]
        assert engine.running == 2
        for generation in generations:
            await follow(generation)
        assert len({generation.id for generation in generations}) == 2
        assert engine.running == 0


async def test_what_the_server_did_not_count_is_estimated_from_the_pieces(provider: ScriptedProvider):
    provider.play(Delta(content="a", pieces=3), Delta(content="b"), Finish(reason=FinishReason.LENGTH))
    async with engine_for(provider) as engine:
        last = (await follow(start(engine)))[-1]
    assert isinstance(last, Done)
    assert last.usage == Usage(completion_tokens=4, estimated=True)


async def test_all_viewers_see_the_same_bytes_whenever_they_come(provider: ScriptedProvider):
    gate = asyncio.Event()
    provider.play(*[Delta(content=f"{i} ") for i in range(500)], gate, Delta(content="end"), STOP)
    async with engine_for(provider) as engine:
        generation = start(engine)
        early = asyncio.create_task(read(generation))
        await grown(generation, 200)
        middle = asyncio.create_task(read(generation))
        await asyncio.sleep(0)
        gate.set()
        seen = {await early, await middle, await read(generation)}
    assert seen == {encode_sse(0, generation.frames)}


async def test_when_the_last_viewer_leaves_the_model_stops(provider: ScriptedProvider):
    provider.play(Delta(content="a"), asyncio.Event(), STOP)
    async with engine_for(provider, FOREVER) as engine:
        generation = start(engine)
        viewers = [asyncio.create_task(follow(generation)) for _ in range(2)]
        await provider.wait_for_streams(1)
        await grown(generation, 2)
        viewers[0].cancel()
        await asyncio.wait([viewers[0]])
        assert (generation.cancelled, provider.open_streams) == (None, 1)
        viewers[1].cancel()
        last = await ended(generation)
        assert isinstance(last, Done)
        assert last.finish_reason is FinishReason.CANCELLED
        assert last.usage == Usage(completion_tokens=1, estimated=True)
        assert (provider.open_streams, engine.running) == (0, 0)


async def test_who_stays_sees_that_it_was_stopped(provider: ScriptedProvider):
    provider.play(Delta(content="a"), asyncio.Event(), STOP)
    async with engine_for(provider, FOREVER) as engine:
        generation = start(engine)
        viewer = asyncio.create_task(follow(generation))
        await grown(generation, 2)
        generation.cancel("stopped")
        *_, last = await viewer
    assert isinstance(last, Done)
    assert last.finish_reason is FinishReason.CANCELLED
    assert last.timings.total_ms is not None


async def test_cancelled_before_its_first_step_it_still_has_a_last_frame(provider: ScriptedProvider):
    async with engine_for(provider) as engine:
        generation = start(engine)
        generation.cancel("stopped")
        first, last = await follow(generation)
    assert isinstance(first, Start)
    assert isinstance(last, Done)
    assert last.finish_reason is FinishReason.CANCELLED
    assert last.timings.first_token_ms is None
    assert provider.requests == []


async def test_a_cancel_after_the_end_changes_nothing(provider: ScriptedProvider):
    provider.play(STOP)
    async with engine_for(provider) as engine:
        generation = start(engine)
        frames = await follow(generation)
        generation.cancel("stopped")
        assert (generation.frames, generation.cancelled) == (frames, None)


@pytest.mark.parametrize(
    "error", [ModelNotFound(), ModelServerUnreachable(), ModelServerOverloaded(retry_after=7.5)], ids=lambda e: e.code
)
async def test_an_error_of_the_model_is_told_by_its_code(provider: ScriptedProvider, error: ModelServerOverloaded):
    provider.play(Delta(content="a"), error)
    async with engine_for(provider) as engine:
        generation = start(engine)
        *_, piece, last = await follow(generation)
    assert piece == Piece(content="a")
    assert isinstance(last, Failed)
    assert last.error == ErrorBody(
        code=error.code,
        message=error.message,
        request_id="r1",
        retry_after=None if error.retry_after is None else math.ceil(error.retry_after),
    )


def unruly_streams() -> Iterator[Callable[[], AsyncGenerator[ChatEvent, None]]]:
    async def raises_at_once() -> AsyncGenerator[ChatEvent, None]:
        raise ValueError(CANARY)
        yield STOP

    async def raises_later() -> AsyncGenerator[ChatEvent, None]:
        yield Delta(content="a")
        await asyncio.sleep(0)
        raise KeyError(CANARY)

    async def ends_without_a_word() -> AsyncGenerator[ChatEvent, None]:
        yield Delta(content="a")

    async def never_begins() -> AsyncGenerator[ChatEvent, None]:
        return
        yield STOP

    async def fails_in_closing() -> AsyncGenerator[ChatEvent, None]:
        try:
            yield STOP
        finally:
            raise OSError(CANARY)

    yield from (raises_at_once, raises_later, ends_without_a_word, never_begins, fails_in_closing)


UNRULY = {stream.__name__: stream for stream in unruly_streams()}


@pytest.mark.parametrize("stream", UNRULY.values(), ids=list(UNRULY))
async def test_a_provider_that_breaks_its_contract_is_a_fault_of_ours_and_tells_nothing(stream):
    async with engine_for(Unruly(stream)) as engine:
        generation = start(engine)
        *_, last = await follow(generation)
    assert isinstance(last, Failed)
    assert last.error.code is ErrorCode.INTERNAL_ERROR
    assert CANARY not in encode_sse(0, generation.frames).decode()
    assert sum(isinstance(frame, Done | Failed) for frame in generation.frames) == 1


async def test_a_foreign_exception_is_logged_once_with_its_request(caplog: pytest.LogCaptureFixture):
    async with engine_for(Unruly(UNRULY["raises_later"])) as engine:
        await follow(start(engine))
    [record] = [record for record in caplog.records if record.exc_info]
    assert (record.name, record.levelname, vars(record)["fields"]) == (
        "deeper.generations",
        "ERROR",
        {"request_id": "r1"},
    )


async def test_an_error_of_the_model_is_no_fault_to_log(provider: ScriptedProvider, caplog: pytest.LogCaptureFixture):
    provider.play(ModelServerUnreachable())
    async with engine_for(provider) as engine:
        await follow(start(engine))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_comes_after_the_finish_is_not_heard():
    async def talks_on() -> AsyncGenerator[ChatEvent, None]:
        yield STOP
        yield Delta(content="more")

    async with engine_for(Unruly(talks_on)) as engine:
        _, last = await follow(start(engine))
    assert isinstance(last, Done)


class TestAProviderThatSwallowsCancellation:
    """It is cancelled, and does something else than to end at once."""

    @staticmethod
    async def cancelled(stream: Callable[[], AsyncGenerator[ChatEvent, None]]) -> list[Frame]:
        async with engine_for(Unruly(stream), FOREVER) as engine:
            generation = start(engine)
            viewer = asyncio.create_task(follow(generation))
            await grown(generation, 2)
            generation.cancel("stopped")
            frames = await viewer
            assert engine.running == 0
        assert sum(isinstance(frame, Done | Failed) for frame in frames) == 1
        return frames

    async def test_it_may_finish_by_itself(self):
        async def finishes() -> AsyncGenerator[ChatEvent, None]:
            yield Delta(content="a")
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            yield Delta(content="b")
            yield STOP

        *_, piece, last = await self.cancelled(finishes)
        assert piece == Piece(content="b")
        assert isinstance(last, Done)
        assert last.finish_reason is FinishReason.STOP

    @pytest.mark.parametrize("error", [ModelServerUnreachable(), RuntimeError(CANARY)])
    async def test_what_it_raises_instead_is_no_failure_of_what_was_stopped(self, error: Exception):
        async def fails() -> AsyncGenerator[ChatEvent, None]:
            yield Delta(content="a")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise error from None

        *_, last = await self.cancelled(fails)
        assert isinstance(last, Done)
        assert last.finish_reason is FinishReason.CANCELLED

    async def test_it_may_just_end(self):
        async def ends() -> AsyncGenerator[ChatEvent, None]:
            yield Delta(content="a")
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

        *_, last = await self.cancelled(ends)
        assert isinstance(last, Done)
        assert last.finish_reason is FinishReason.CANCELLED


class TestClosing:
    async def test_what_runs_may_finish_within_the_drain_time(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        provider.play(Delta(content="a"), gate, Delta(content="b"), STOP)
        engine = engine_for(provider, FOREVER)
        generation = start(engine)
        await grown(generation, 2)
        closing = asyncio.create_task(engine.close())
        for _ in range(20):
            await asyncio.sleep(0)
        assert (closing.done(), generation.cancelled) == (False, None)
        gate.set()
        await closing
        assert isinstance(generation.frames[-1], Done)
        assert generation.frames[-1].finish_reason is FinishReason.STOP

    async def test_what_still_runs_then_is_told_that_the_server_ends(self, provider: ScriptedProvider):
        for _ in range(3):
            provider.play(Delta(content="a"), asyncio.Event(), STOP)
        engine = engine_for(provider, 0.01)
        generations = [start(engine) for _ in range(3)]
        viewers = [asyncio.create_task(follow(generation)) for generation in generations]
        await provider.wait_for_streams(3)
        await engine.close()
        for generation, viewer in zip(generations, viewers, strict=True):
            frames = await viewer
            assert frames == generation.frames
            assert isinstance(frames[-1], Failed)
            assert frames[-1].error.code is ErrorCode.SHUTTING_DOWN
            assert frames[-1].error.retry_after == 1
        assert (engine.running, provider.open_streams) == (0, 0)

    async def test_what_has_not_begun_is_told_as_well(self, provider: ScriptedProvider):
        engine = engine_for(provider, 0)
        generation = start(engine)
        closing = asyncio.create_task(engine.close())
        generation.cancel("shutdown")
        await closing
        last = generation.frames[-1]
        assert isinstance(last, Failed)
        assert last.error.code is ErrorCode.SHUTTING_DOWN

    @pytest.mark.parametrize("closed", [True, False])
    async def test_nothing_starts_any_more(self, provider: ScriptedProvider, closed: bool):
        provider.play(asyncio.Event())
        engine = engine_for(provider, FOREVER)
        generation = start(engine)
        closing = asyncio.create_task(engine.close())
        await asyncio.sleep(0)
        if closed:
            generation.cancel("stopped")
            await closing
        with pytest.raises(ShuttingDown) as caught:
            start(engine)
        assert caught.value.retry_after == 1
        generation.cancel("stopped")
        await closing
        assert len(provider.requests) <= 1

    async def test_closing_twice_does_no_harm(self, provider: ScriptedProvider):
        provider.play(asyncio.Event())
        engine = engine_for(provider, 0)
        generation = start(engine)
        await asyncio.gather(engine.close(), engine.close())
        await engine.close()
        assert sum(isinstance(frame, Done | Failed) for frame in generation.frames) == 1

    async def test_leaving_the_context_closes_even_after_an_error(self, provider: ScriptedProvider):
        provider.play(asyncio.Event())
        generations: list[Generation] = []

        async def fail() -> None:
            async with engine_for(provider, 0) as engine:
                generations.append(start(engine))
                raise DeeperError

        with pytest.raises(DeeperError):
            await fail()
        assert isinstance(generations[0].frames[-1], Failed)


async def test_each_generation_is_reported_once_and_without_its_words(
    provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "deeper.generations")
    provider.play(Delta(content=CANARY), STOP)
    request = ChatRequest(model="scripted", messages=(ChatMessage(role=ChatRole.USER, content=CANARY),))
    async with engine_for(provider) as engine:
        generation = start(engine, request)
        await follow(generation)
    [record] = caplog.records
    fields = vars(record)["fields"]
    assert (fields["request_id"], fields["generation_id"]) == ("r1", str(generation.id))
    assert (fields["outcome"], fields["pieces"], fields["user_id"]) == ("stop", 1, str(USER))
    assert CANARY not in f"{record.getMessage()} {fields}"


async def test_tool_calls_stream_in_pieces(provider: ScriptedProvider):
    call = ToolCallDelta(index=0, id="c", function=FunctionCallDelta(name="f", arguments="{"))
    provider.play(Delta(tool_calls=(call,)), Finish(reason=FinishReason.TOOL_CALLS))
    async with engine_for(provider) as engine:
        _, piece, last = await follow(start(engine))
    assert piece == Piece(tool_calls=(call,))
    assert isinstance(last, Done)
    assert last.finish_reason is FinishReason.TOOL_CALLS
