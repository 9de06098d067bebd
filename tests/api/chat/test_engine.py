"""Generations run by the engine: what their frames say, and how each of them ends."""

import asyncio
import gc
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress
from itertools import pairwise

import pytest
from msgspec.structs import replace

from deeper_api.chat.allowances import Allowance
from deeper_api.chat.engine import KeyTaken
from deeper_api.chat.frames import Context, Done, Failed, Frame, Piece, Start
from deeper_api.chat.wire import encode_sse
from deeper_api.errors import error_body
from deeper_core import (
    ApiKeyId,
    ChatEvent,
    ChatMessage,
    ChatRequest,
    ChatRole,
    ConversationId,
    DatabaseUnavailable,
    DeeperError,
    Delta,
    ErrorCode,
    Finish,
    FinishReason,
    FunctionCallDelta,
    GenerationId,
    MessageId,
    ModelNotFound,
    ModelServerOverloaded,
    ModelServerUnreachable,
    NotFound,
    ShuttingDown,
    Timings,
    ToolCallDelta,
    Usage,
    UserId,
    new_id,
)
from deeper_model import ScriptedProvider
from tests.api.chat.databases import Database, take_over
from tests.api.chat.engines import (
    FOREVER,
    REQUEST,
    STOP,
    USER,
    ended,
    engine_for,
    follow,
    grown,
    joined,
    live,
    never,
    numbered,
    question,
    running_engine,
    settled,
    watch,
)

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


async def test_an_answer_is_a_start_its_pieces_and_a_done(provider: ScriptedProvider):
    timings = Timings(first_token_ms=1.0, total_ms=2.0)
    provider.play(
        Delta(thinking="hm"),
        Delta(content="Hel"),
        Delta(content="lo"),
        Finish(reason=FinishReason.STOP, usage=STOP.usage, timings=timings),
    )
    async with running_engine(provider) as engine:
        asked = question()
        first, *pieces, last = await follow(await engine.answer(asked))
    assert first == Start(generation_id=asked.new.id, model="scripted", created_at=asked.new.created_at)
    assert pieces == [Piece(thinking="hm"), Piece(content="Hello")]
    assert isinstance(last, Done)
    waited = last.timings.queue_ms
    assert waited is not None
    timings = Timings(queue_ms=waited, first_token_ms=round(1.0 + waited, 3), total_ms=round(2.0 + waited, 3))
    assert last == Done(finish_reason=FinishReason.STOP, usage=STOP.usage or Usage(), timings=timings)


async def test_what_was_read_and_written_is_spent_however_it_ends(provider: ScriptedProvider):
    spent: list[tuple[UserId, ApiKeyId | None, int, int | None]] = []

    async def spend(user_id: UserId, key_id: ApiKeyId | None, tokens: int, per_day: int | None) -> None:
        spent.append((user_id, key_id, tokens, per_day))

    key_id = ApiKeyId(new_id())
    provider.play(Delta(content="a", pieces=2), STOP)
    provider.play(Delta(content="b", pieces=4), ModelServerUnreachable())
    provider.play(ModelNotFound())
    async with running_engine(provider, FOREVER, spend=spend) as engine:
        for _ in range(3):
            asked = replace(question(prompt_tokens=7), key_id=key_id, allowance=Allowance(tokens_per_day=50))
            await ended(await engine.answer(asked))
        await settled(engine)
    assert spent == [(USER, key_id, 5, 50), (USER, key_id, 11, 50), (USER, key_id, 0, 50)]


async def test_frames_are_numbered_by_how_much_has_come(provider: ScriptedProvider):
    call = ToolCallDelta(index=0, id="c", function=FunctionCallDelta(name="f", arguments="{}"))
    provider.play(Delta(thinking="hm 😀"), Delta(content="é"), Delta(tool_calls=(call, call)), STOP)
    async with running_engine(provider) as engine:
        frames = await numbered(await engine.answer(question()))
    assert [(position, type(frame)) for position, frame in frames] == [
        (0, Start),
        (4, Piece),
        (5, Piece),
        (7, Piece),
        (8, Done),
    ]


async def test_the_start_is_there_before_the_model_says_anything(provider: ScriptedProvider):
    provider.play(asyncio.Event())
    async with running_engine(provider) as engine, aclosing(watch(await engine.answer(question()))) as tail:
        assert [type(frame) for _, frame in await anext(tail)] == [Start]


async def test_what_was_left_out_of_the_prompt_is_said_after_the_start(provider: ScriptedProvider):
    dropped = (MessageId(new_id()), MessageId(new_id()))
    asked = question()
    asked = replace(asked, new=replace(asked.new, dropped=dropped))
    async with running_engine(provider) as engine:
        _, second, *_ = await numbered(await engine.answer(asked))
    assert second == (None, Context(dropped=dropped))


async def test_the_provider_is_asked_what_was_asked(provider: ScriptedProvider):
    async with running_engine(provider) as engine:
        await follow(await engine.answer(question()))
    assert provider.requests == [REQUEST]


async def test_two_generations_are_two(provider: ScriptedProvider):
    async with running_engine(provider) as engine:
        feeds = [await engine.answer(question()) for _ in range(2)]
        assert engine.running == 2
        for feed in feeds:
            await follow(feed)
        await settled(engine)
        assert engine.running == 0
        assert not any(engine.is_live(live(feed).id) for feed in feeds)


async def test_what_the_server_did_not_count_is_estimated_from_the_pieces(provider: ScriptedProvider):
    provider.play(Delta(content="a", pieces=3), Delta(content="b"), Finish(reason=FinishReason.LENGTH))
    async with running_engine(provider) as engine:
        last = (await follow(await engine.answer(question(prompt_tokens=7))))[-1]
    assert isinstance(last, Done)
    assert last.usage == Usage(prompt_tokens=7, completion_tokens=4, estimated=True)


async def test_all_viewers_see_the_same_whenever_they_come(provider: ScriptedProvider):
    gate = asyncio.Event()
    provider.play(*[Delta(content=f"{i} ") for i in range(500)], gate, Delta(content="end"), STOP)
    async with running_engine(provider) as engine:
        feed = await engine.answer(question())
        early = asyncio.create_task(follow(feed))
        await grown(feed, 200)
        middle = asyncio.create_task(follow(feed))
        await asyncio.sleep(0)
        gate.set()
        late = await follow(await engine.find(live(feed).id, USER))
        assert await early == await middle == late


async def test_when_the_last_viewer_leaves_the_model_stops(provider: ScriptedProvider):
    provider.play(Delta(content="a"), asyncio.Event(), STOP)
    async with running_engine(provider, FOREVER) as engine:
        feed = await engine.answer(question(prompt_tokens=7))
        viewers = [asyncio.create_task(follow(feed)) for _ in range(2)]
        await provider.wait_for_streams(1)
        await grown(feed, 1)
        viewers[0].cancel()
        await asyncio.wait([viewers[0]])
        assert (live(feed).cancelled, provider.open_streams) == (None, 1)
        viewers[1].cancel()
        last = await ended(feed)
        assert isinstance(last, Done)
        assert last.finish_reason is FinishReason.CANCELLED
        assert last.usage == Usage(prompt_tokens=7, completion_tokens=1, estimated=True)
        await settled(engine)
        assert (provider.open_streams, engine.running) == (0, 0)


async def test_an_answer_that_nobody_ever_follows_stops(provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deeper_api.chat.generations._GRACE_SECONDS", 0.001)
    provider.play(Delta(content="a"), asyncio.Event(), STOP)
    async with running_engine(provider, FOREVER) as engine:
        feed = await engine.answer(question())
        last = await ended(feed)
    assert live(feed).cancelled == "abandoned"
    assert isinstance(last, Done)


@pytest.mark.parametrize("key", [None, "k"])
async def test_an_answer_that_is_followed_never_stops(
    provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, key: str | None
):
    monkeypatch.setattr("deeper_api.chat.generations._GRACE_SECONDS", 0.01)
    gate = asyncio.Event()
    provider.play(Delta(content="a"), gate, STOP)
    async with running_engine(provider, FOREVER) as engine:
        feed = await engine.answer(question(key=key))
        with feed.viewer():
            await grown(feed, 1)
            await asyncio.sleep(0.05)  # not to wait for something: longer than nobody may be there
            assert live(feed).cancelled is None
            gate.set()
            last = await ended(feed)
    assert isinstance(last, Done)
    assert last.finish_reason is FinishReason.STOP


async def test_an_answer_that_is_to_go_on_needs_nobody(provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deeper_api.chat.generations._GRACE_SECONDS", 0.0)
    gate = asyncio.Event()
    provider.play(Delta(content="a"), gate, STOP)
    async with running_engine(provider, FOREVER) as engine:
        feed = await engine.answer(question(abandon_after=None))
        viewer = asyncio.create_task(follow(feed))
        await grown(feed, 1)
        viewer.cancel()
        await asyncio.wait([viewer])
        gate.set()
        last = await ended(feed)
    assert isinstance(last, Done)
    assert last.finish_reason is FinishReason.STOP


async def test_who_stays_sees_that_it_was_stopped(provider: ScriptedProvider):
    provider.play(Delta(content="a"), asyncio.Event(), STOP)
    async with running_engine(provider, FOREVER) as engine:
        feed = await engine.answer(question())
        viewer = asyncio.create_task(follow(feed))
        await grown(feed, 1)
        await engine.cancel(live(feed).id, USER)
        *_, last = await viewer
    assert isinstance(last, Done)
    assert last.finish_reason is FinishReason.CANCELLED
    assert last.timings.total_ms is not None


async def test_a_cancel_after_the_end_changes_nothing(provider: ScriptedProvider):
    provider.play(STOP)
    async with running_engine(provider) as engine:
        feed = await engine.answer(question())
        frames = await follow(feed)
        live(feed).cancel("stopped")
        await settled(engine)
        await engine.cancel(live(feed).id, USER)
        assert await follow(await engine.find(live(feed).id, USER)) == frames


@pytest.mark.parametrize(
    "error", [ModelNotFound(), ModelServerUnreachable(), ModelServerOverloaded(retry_after=7.5)], ids=lambda e: e.code
)
async def test_an_error_of_the_model_is_told_by_its_code(provider: ScriptedProvider, error: ModelServerOverloaded):
    provider.play(Delta(content="a"), error)
    async with running_engine(provider) as engine:
        *_, piece, last = await follow(await engine.answer(question()))
    assert piece == Piece(content="a")
    assert isinstance(last, Failed)
    assert last.error == error_body(error, "r1")
    assert last.error.code is error.code


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
    async with running_engine(Unruly(stream)) as engine:
        frames = await numbered(await engine.answer(question()))
    last = frames[-1][1]
    assert isinstance(last, Failed)
    assert last.error.code is ErrorCode.INTERNAL_ERROR
    assert CANARY not in encode_sse(frames).decode()
    assert sum(isinstance(frame, Done | Failed) for _, frame in frames) == 1


async def test_a_foreign_exception_is_logged_once_with_its_request(caplog: pytest.LogCaptureFixture):
    async with running_engine(Unruly(UNRULY["raises_later"])) as engine:
        await follow(await engine.answer(question()))
    [record] = [record for record in caplog.records if record.exc_info]
    assert (record.name, record.levelname, vars(record)["fields"]) == (
        "deeper.generations",
        "ERROR",
        {"request_id": "r1"},
    )


async def test_an_error_of_the_model_is_no_fault_to_log(provider: ScriptedProvider, caplog: pytest.LogCaptureFixture):
    provider.play(ModelServerUnreachable())
    async with running_engine(provider) as engine:
        await follow(await engine.answer(question()))
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_comes_after_the_finish_is_not_heard():
    async def talks_on() -> AsyncGenerator[ChatEvent, None]:
        yield STOP
        yield Delta(content="more")

    async with running_engine(Unruly(talks_on)) as engine:
        _, last = await follow(await engine.answer(question()))
    assert isinstance(last, Done)


class TestAProviderThatSwallowsCancellation:
    """It is cancelled, and does something else than to end at once."""

    @staticmethod
    async def cancelled(stream: Callable[[], AsyncGenerator[ChatEvent, None]]) -> list[Frame]:
        async with running_engine(Unruly(stream), FOREVER) as engine:
            feed = await engine.answer(question())
            viewer = asyncio.create_task(follow(feed))
            await grown(feed, 1)
            live(feed).cancel("stopped")
            frames = await viewer
            await settled(engine)
            assert engine.running == 0
        assert sum(isinstance(frame, Done | Failed) for frame in frames) == 1
        assert isinstance(frames[-1], Done)
        assert frames[-1].finish_reason is FinishReason.CANCELLED
        return frames

    async def test_what_it_still_says_is_kept(self):
        async def finishes() -> AsyncGenerator[ChatEvent, None]:
            yield Delta(content="a")
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            yield Delta(content="b")
            yield STOP

        _, piece, _ = await self.cancelled(finishes)
        assert piece == Piece(content="ab")

    @pytest.mark.parametrize("error", [ModelServerUnreachable(), RuntimeError(CANARY)])
    async def test_what_it_raises_instead_is_no_failure_of_what_was_stopped(
        self, error: Exception, caplog: pytest.LogCaptureFixture
    ):
        async def fails() -> AsyncGenerator[ChatEvent, None]:
            yield Delta(content="a")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise error from None

        await self.cancelled(fails)
        # asyncio complains of an exception that nobody looked at when its task is thrown away.
        error.__traceback__ = None
        gc.collect()
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []

    async def test_it_may_just_end(self):
        async def ends() -> AsyncGenerator[ChatEvent, None]:
            yield Delta(content="a")
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

        await self.cancelled(ends)


class TestClosing:
    async def test_what_runs_may_finish_within_the_drain_time(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        provider.play(Delta(content="a"), gate, Delta(content="b"), STOP)
        engine = engine_for(provider, FOREVER)
        feed = await engine.answer(question())
        await grown(feed, 1)
        closing = asyncio.create_task(engine.close())
        for _ in range(20):
            await asyncio.sleep(0)
        assert (closing.done(), live(feed).cancelled) == (False, None)
        gate.set()
        await closing
        last = live(feed).last
        assert isinstance(last, Done)
        assert last.finish_reason is FinishReason.STOP

    async def test_what_still_runs_then_is_told_that_the_server_ends(self, provider: ScriptedProvider):
        for _ in range(3):
            provider.play(Delta(content="a"), asyncio.Event(), STOP)
        database = Database()
        engine = engine_for(provider, 0.01, database=database)
        feeds = [await engine.answer(question()) for _ in range(3)]
        viewers = [asyncio.create_task(follow(feed)) for feed in feeds]
        await provider.wait_for_streams(3)
        await engine.close()
        for viewer in viewers:
            last = (await viewer)[-1]
            assert isinstance(last, Failed)
            assert last.error.code is ErrorCode.SHUTTING_DOWN
            assert last.error.retry_after == 1
        assert (engine.running, provider.open_streams) == (0, 0)
        assert [row.state for row in database.rows.values()] == ["interrupted"] * 3

    async def test_what_is_just_being_taken_on_is_ended_as_well(self, provider: ScriptedProvider):
        database = Database()
        database.gate.clear()
        engine = engine_for(provider, 0, database=database)
        asking = asyncio.create_task(engine.answer(question(key="k")))
        while not engine.running:  # noqa: ASYNC110  - no event tells
            await asyncio.sleep(0)
        closing = asyncio.create_task(engine.close())
        await asyncio.sleep(0)
        database.gate.set()
        feed = await asking
        await closing
        last = live(feed).last
        assert isinstance(last, Failed)
        assert last.error.code is ErrorCode.SHUTTING_DOWN
        assert provider.requests == []
        assert [row.state for row in database.rows.values()] == ["interrupted"]

    @pytest.mark.parametrize("closed", [True, False])
    async def test_nothing_starts_any_more(self, provider: ScriptedProvider, closed: bool):
        provider.play(asyncio.Event())
        engine = engine_for(provider, FOREVER)
        feed = await engine.answer(question())
        closing = asyncio.create_task(engine.close())
        await asyncio.sleep(0)
        if closed:
            live(feed).cancel("stopped")
            await closing
        with pytest.raises(ShuttingDown) as caught:
            await engine.answer(question())
        assert caught.value.retry_after == 1
        live(feed).cancel("stopped")
        await closing
        assert len(provider.requests) <= 1

    async def test_closing_twice_does_no_harm(self, provider: ScriptedProvider):
        provider.play(asyncio.Event())
        database = Database()
        engine = engine_for(provider, 0, database=database)
        feed = await engine.answer(question())
        await asyncio.gather(engine.close(), engine.close())
        await engine.close()
        assert isinstance(live(feed).last, Failed)
        assert [row.ends for row in database.rows.values()] == [1]

    async def test_leaving_the_context_closes_even_after_an_error(self, provider: ScriptedProvider):
        provider.play(asyncio.Event())
        database = Database()

        async def fail() -> None:
            async with running_engine(provider, 0, database=database) as engine:
                await engine.answer(question())
                raise DeeperError

        with pytest.raises(DeeperError):
            await fail()
        assert [row.state for row in database.rows.values()] == ["interrupted"]

    async def test_it_does_not_wait_for_ever_for_a_database_that_is_away(
        self, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        monkeypatch.setattr("deeper_api.chat.engine._CLOSE_SECONDS", 0.05)
        monkeypatch.setattr("deeper_api.chat.running._SAVE_SECONDS", 0.01)
        provider.play(Delta(content="a"), asyncio.Event())
        database = Database()
        async with running_engine(provider, 0, database=database) as engine:
            feed = await engine.answer(question())
            viewer = asyncio.create_task(follow(feed))
            await grown(feed, 1)
            database.fault = DatabaseUnavailable(retry_after=1)
        assert isinstance((await viewer)[-1], Failed)
        assert [row.state for row in database.rows.values()] == ["running"]  # for others to take over
        assert "answers were not saved" in caplog.text


async def test_each_generation_is_reported_once_and_without_its_words(
    provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "deeper.generations")
    provider.play(Delta(content=CANARY), STOP)
    request = ChatRequest(model="scripted", messages=(ChatMessage(role=ChatRole.USER, content=CANARY),))
    async with running_engine(provider) as engine:
        asked = question(request)
        await follow(await engine.answer(asked))
    [record] = caplog.records
    fields = vars(record)["fields"]
    assert (fields["request_id"], fields["generation_id"]) == ("r1", str(asked.new.id))
    assert (fields["outcome"], fields["completion_tokens"], fields["user_id"]) == ("stop", 2, str(USER))
    assert CANARY not in f"{record.getMessage()} {fields}"


async def test_tool_calls_stream_in_pieces(provider: ScriptedProvider):
    call = ToolCallDelta(index=0, id="c", function=FunctionCallDelta(name="f", arguments="{"))
    provider.play(Delta(tool_calls=(call,)), Finish(reason=FinishReason.TOOL_CALLS))
    async with running_engine(provider) as engine:
        _, piece, last = await follow(await engine.answer(question()))
    assert piece == Piece(tool_calls=(call,))
    assert isinstance(last, Done)
    assert last.finish_reason is FinishReason.TOOL_CALLS


async def test_a_flood_leaves_the_event_loop_its_turns(provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deeper_api.chat.generations.BATCH", 100)
    provider.play(*[Delta(content="x")] * 10_000, asyncio.Event())
    async with running_engine(provider) as engine:
        feed = await engine.answer(question())
        await grown(feed, 10_000)
        turns, leaving = 0, never()

        async def live_on() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        living = asyncio.create_task(live_on())
        seen: list[int] = []
        async for frames in watch(feed, FOREVER, leaving):
            seen.append(turns)
            if frames[-1][0] == 10_000:
                leaving.set_result(None)
        living.cancel()
    assert len(seen) > 100
    assert all(later > earlier for earlier, later in pairwise(seen[1:]))


class TestTakingOn:
    async def test_an_unknown_conversation_is_not_found_and_the_model_is_stopped(self, provider: ScriptedProvider):
        provider.play(asyncio.Event())
        database = Database()
        async with running_engine(provider, database=database) as engine:
            with pytest.raises(NotFound):
                await engine.answer(question(conversation_id=ConversationId(new_id())))
            await provider.wait_for_streams(0)
            await settled(engine)
        assert database.rows == {}

    async def test_with_a_key_the_model_is_asked_when_the_key_is_known_to_be_new(self, provider: ScriptedProvider):
        database = Database()
        database.gate.clear()
        async with running_engine(provider, database=database) as engine:
            asking = asyncio.create_task(engine.answer(question(key="k")))
            for _ in range(20):
                await asyncio.sleep(0)
            assert provider.requests == []
            database.gate.set()
            assert len(await follow(await asking)) == 3
            with pytest.raises(KeyTaken):
                await engine.answer(question(key="k"))
            await settled(engine)
        assert len(provider.requests) == 1

    async def test_without_a_key_the_model_is_asked_at_once(self, provider: ScriptedProvider):
        database = Database()
        database.gate.clear()
        async with running_engine(provider, database=database) as engine:
            asking = asyncio.create_task(engine.answer(question()))
            await provider.wait_for_streams(1)
            assert not asking.done()
            database.gate.set()
            assert len(await follow(await asking)) == 3

    async def test_nothing_is_asked_of_the_model_for_long_if_it_cannot_be_kept(self, provider: ScriptedProvider):
        provider.play(asyncio.Event())
        database = Database()
        database.fault = DatabaseUnavailable(retry_after=1)
        async with running_engine(provider, database=database) as engine:
            with pytest.raises(DatabaseUnavailable):
                await engine.answer(question())
            await provider.wait_for_streams(0)
            database.fault = None
            await settled(engine)
        assert database.rows == {}

    async def test_what_was_kept_without_our_knowing_is_ended(self, provider: ScriptedProvider):
        provider.play(asyncio.Event())
        database = Database()
        database.deafness = DatabaseUnavailable(retry_after=1)
        async with running_engine(provider, database=database) as engine:
            with pytest.raises(DatabaseUnavailable):
                await engine.answer(question())
            database.deafness = None
            await settled(engine)
        assert [row.state for row in database.rows.values()] == ["interrupted"]

    async def test_who_asks_and_leaves_in_that_moment_leaves_nothing_running(
        self, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("deeper_api.chat.generations._GRACE_SECONDS", 0.001)
        provider.play(asyncio.Event())
        database = Database()
        database.gate.clear()
        async with running_engine(provider, database=database) as engine:
            asking = asyncio.create_task(engine.answer(question()))
            await provider.wait_for_streams(1)
            asking.cancel()
            await asyncio.wait([asking])
            database.gate.set()
            await settled(engine)
        assert [row.state for row in database.rows.values()] == ["cancelled"]


class TestSaving:
    async def test_what_the_last_frame_says_is_saved_by_then(self, provider: ScriptedProvider):
        provider.play(Delta(thinking="hm"), Delta(content="Hello"), STOP)
        database = Database()
        async with running_engine(provider, database=database) as engine:
            async for frames in watch(await engine.answer(question())):
                if isinstance(frames[-1][1], Done):
                    [row] = database.rows.values()
                    assert (row.state, row.thinking, row.content) == ("complete", "hm", "Hello")

    async def test_the_last_frame_comes_and_the_answer_is_saved_later_if_the_database_is_away(
        self, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("deeper_api.chat.running._SAVE_SECONDS", 0.01)
        monkeypatch.setattr("deeper_api.chat.journals._RETRY_SECONDS", 0.001)
        gate = asyncio.Event()
        provider.play(Delta(content="a"), gate, Delta(content="b"), STOP)
        database = Database()
        async with running_engine(provider, database=database) as engine:
            feed = await engine.answer(question())
            viewer = asyncio.create_task(follow(feed))
            while database.writes == 0:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0)
            database.fault = DatabaseUnavailable(retry_after=1)
            gate.set()
            _, piece, last = await viewer
            [row] = database.rows.values()
            assert (piece, type(last), row.state, engine.is_live(row.new.id)) == (
                Piece(content="ab"),
                Done,
                "running",
                True,
            )
            database.fault = None
            await settled(engine)
            assert (row.state, row.content, row.ends) == ("complete", "ab", 1)

    async def test_an_end_whose_outcome_was_not_learned_is_one_end(
        self, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("deeper_api.chat.journals._RETRY_SECONDS", 0.001)
        gate = asyncio.Event()
        provider.play(Delta(content="a"), gate, STOP)
        database = Database()
        async with running_engine(provider, database=database) as engine:
            feed = await engine.answer(question())
            viewer = asyncio.create_task(follow(feed))
            await grown(feed, 1)
            database.deafness = DatabaseUnavailable(retry_after=1)
            gate.set()
            [row] = database.rows.values()
            while row.ends == 0:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0)
            database.deafness = None
            assert isinstance((await viewer)[-1], Done)
            assert (row.state, row.content, row.ends) == ("complete", "a", 1)

    async def test_a_write_whose_outcome_was_not_learned_adds_nothing_twice(
        self, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("deeper_api.chat.journals._RETRY_SECONDS", 0.001)
        first, second = asyncio.Event(), asyncio.Event()
        provider.play(Delta(thinking="a"), Delta(content="b"), first, Delta(content="c"), second, Delta(content="d"))
        database = Database()
        database.gate.clear()
        async with running_engine(provider, database=database) as engine:
            asking = asyncio.create_task(engine.answer(question()))
            await provider.wait_for_streams(1)
            database.gate.set()
            feed = await asking
            database.deafness = DatabaseUnavailable(retry_after=1)
            viewer = asyncio.create_task(follow(feed))
            while database.writes == 0:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0)
            first.set()
            while database.writes < 2:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0)
            second.set()
            await grown(feed, 4)
            database.deafness = None
            await viewer
            [row] = database.rows.values()
            assert (row.thinking, row.content) == ("a", "bcd")

    async def test_who_was_taken_for_dead_says_what_the_others_say(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        provider.play(Delta(content="a"), gate, STOP)
        database = Database()
        engine = engine_for(provider, FOREVER, database=database)  # its journal sleeps
        feed = await engine.answer(question())
        viewer = asyncio.create_task(follow(feed))
        await grown(feed, 1)
        take_over(database, live(feed).id)
        gate.set()
        last = (await viewer)[-1]
        assert isinstance(last, Failed)
        assert last.error.code is ErrorCode.INTERRUPTED

    async def test_who_was_taken_for_dead_stops_the_model_when_it_notices(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        provider.play(Delta(content="a"), gate, Delta(content="b"), asyncio.Event())
        database = Database()
        async with running_engine(provider, FOREVER, database=database) as engine:
            feed = await engine.answer(question())
            viewer = asyncio.create_task(follow(feed))
            await grown(feed, 1)
            take_over(database, live(feed).id)
            gate.set()
            last = (await viewer)[-1]
            await settled(engine)
        assert isinstance(last, Failed)
        assert last.error.code is ErrorCode.INTERRUPTED
        assert live(feed).cancelled == "lost"
        assert provider.open_streams == 0

    async def test_nobody_waits_for_ever_for_an_answer_that_cannot_be_saved(
        self, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
    ):
        provider.play(Delta(content="a"), STOP)
        database = Database()
        engine = engine_for(provider, database=database)
        feed = await engine.answer(question())
        database.fault = RuntimeError(CANARY)
        last = (await follow(feed))[-1]
        await settled(engine)
        assert isinstance(last, Failed)
        assert last.error.code is ErrorCode.INTERNAL_ERROR
        assert [record.getMessage() for record in caplog.records if record.exc_info] == ["generation failed"]

    async def test_the_account_may_be_gone_when_its_answer_ends(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        provider.play(Delta(content="a"), gate, STOP)
        database = Database()
        engine = engine_for(provider, database=database)
        feed = await engine.answer(question())
        database.rows.clear()
        gate.set()
        assert isinstance((await follow(feed))[-1], Done)
        await settled(engine)
        assert not engine.is_live(live(feed).id)


class TestFinding:
    async def test_nobody_finds_what_is_not_his(self, provider: ScriptedProvider):
        provider.play(asyncio.Event())
        async with running_engine(provider) as engine:
            feed = await engine.answer(question())
            for generation_id, user_id in [(live(feed).id, UserId(new_id())), (GenerationId(new_id()), USER)]:
                with pytest.raises(NotFound):
                    await engine.find(generation_id, user_id)
                with pytest.raises(NotFound):
                    await engine.cancel(generation_id, user_id)
            assert live(feed).cancelled is None

    async def test_an_answer_of_another_process_is_read_as_it_comes(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        provider.play(Delta(content="a"), gate, Delta(content="b"), STOP)
        database = Database()
        async with (
            running_engine(provider, database=database) as runs_it,
            running_engine(ScriptedProvider(), database=database) as follows_it,
        ):
            here = await runs_it.answer(question())
            ours = asyncio.create_task(follow(here))
            there = await follows_it.find(live(here).id, USER)
            told: list[Frame] = []
            async for frames in watch(there, 0.001):
                told += [frame for _, frame in frames]
                if Piece(content="a") in told:
                    gate.set()
                follows_it.hear(f"g:{live(here).id}")
            assert joined(told) == await ours
            assert f"w:{live(here).id}" in database.told

    async def test_an_answer_of_another_process_is_stopped_by_telling_it(self, provider: ScriptedProvider):
        provider.play(Delta(content="a"), asyncio.Event())
        database = Database()
        async with (
            running_engine(provider, FOREVER, database=database) as runs_it,
            running_engine(ScriptedProvider(), database=database) as other,
        ):
            feed = await runs_it.answer(question())
            await grown(feed, 1)
            cancelling = asyncio.create_task(other.cancel(live(feed).id, USER))
            while not database.told:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0)
            runs_it.hear(database.told[0])
            last = await ended(feed)
            other.hear(f"g:{live(feed).id}")
            await cancelling
        assert isinstance(last, Done)
        assert last.finish_reason is FinishReason.CANCELLED

    async def test_a_wish_to_stop_that_was_not_heard_is_looked_up(self, provider: ScriptedProvider):
        provider.play(Delta(content="a"), asyncio.Event())
        database = Database()
        async with running_engine(provider, FOREVER, database=database) as engine:
            feed = await engine.answer(question())
            await grown(feed, 1)
            database.rows[live(feed).id].cancel_requested = True
            await engine.catch_up()
            assert isinstance(await ended(feed), Done)
        assert live(feed).cancelled == "stopped"

    async def test_who_is_followed_elsewhere_is_not_abandoned(self, provider: ScriptedProvider):
        provider.play(Delta(content="a"), asyncio.Event())
        async with running_engine(provider) as engine:
            feed = await engine.answer(question())
            viewer = asyncio.create_task(follow(feed))
            await grown(feed, 1)
            engine.hear(f"w:{new_id()},{live(feed).id}")
            viewer.cancel()
            await asyncio.wait([viewer])
            assert live(feed).cancelled is None

    @pytest.mark.parametrize("notification", ["", "g", "g:", "c:x", "w:1,2", "hello: world", "c:" + "9" * 8_000])
    async def test_a_notification_that_makes_no_sense_does_no_harm(self, notification: str):
        engine_for(ScriptedProvider()).hear(notification)
