"""One generation and those who follow it, without an engine."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deeper_api.chat import generations
from deeper_api.chat.bells import Bells
from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Context, Done, Numbered, Piece, Start
from deeper_api.chat.generations import Generation
from deeper_api.chat.readers import Reader
from deeper_core import Delta, Finish, FinishReason, GenerationId, MessageId, Timings, Usage, UserId, new_id
from tests.api.chat.answering import DELTAS, flat, received, units, write_down
from tests.api.chat.databases import Database, MemoryGenerations
from tests.api.chat.engines import FOREVER, STOP, watch

DONE = Done(finish_reason=FinishReason.STOP, usage=Usage(), timings=Timings())
SMALL = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def make(abandon_after: float | None = 0.0, context: Context | None = None) -> Generation:
    start = Start(generation_id=GenerationId(new_id()), model="m", created_at=datetime.now(UTC))
    return Generation(start, user_id=UserId(new_id()), abandon_after=abandon_after, context=context)


@pytest.fixture
def generation() -> Generation:
    return make()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small bounds, so that small answers pass them."""
    monkeypatch.setattr(generations, "BATCH", 10)
    monkeypatch.setattr(generations, "_KEPT", 20)


def say(generation: Generation, *texts: str) -> None:
    for text in texts:
        generation.add(Delta(content=text))


def feed_of(generation: Generation, after: int | None = None) -> Feed:
    reader = Reader(MemoryGenerations(Database()), generation.id, generation.user_id)
    return Feed(reader=reader, bells=Bells(), after=after, live=generation)


async def follow(generation: Generation, heartbeat: float = FOREVER) -> list[Sequence[Numbered]]:
    return [batch async for batch in watch(feed_of(generation), heartbeat)]


def pieces(batches: Sequence[Sequence[Numbered]]) -> str:
    return "".join(frame.content for batch in batches for _, frame in batch if isinstance(frame, Piece))


def running(generation: Generation) -> asyncio.Task[Finish]:
    """A task that would make the answer, and never does."""

    async def never() -> Finish:
        await asyncio.Event().wait()
        return STOP

    task = asyncio.create_task(never())
    generation.run_as(task)
    return task


class TestReading:
    @pytest.mark.usefixtures("brief")
    @SMALL
    @given(st.lists(DELTAS | st.none(), max_size=12), st.data())
    @example([Delta(content="x" * 300), None, Delta(content="y" * 5), None], None)
    @example([Delta(content="x" * 30), None, Delta(content="y"), None] * 3, None)
    def test_from_any_position_on_it_returns_exactly_the_rest(
        self, steps: list[Delta | None], data: st.DataObject | None
    ):
        generation = make()
        writing = None
        for step in steps:
            if step is not None:
                generation.add(step)
            elif writing is None:
                writing = generation.unwritten(), generation.tokens
            else:
                generation.note_written(*writing)
                writing = None
        said = units(step for step in steps if step is not None)
        assert generation.position == len(said)
        for after in range(len(said) + 1) if data is None else [data.draw(st.integers(0, len(said)))]:
            if not generation.holds(after):
                assert after < generation.written
                continue
            position, numbered = after, list[Numbered]()
            while portion := generation.read(position):
                numbered += portion
                position = portion[-1][0] or 0
            assert received(numbered, after) == said[after:]

    @pytest.mark.usefixtures("brief")
    @SMALL
    @given(st.lists(st.text(min_size=1, max_size=5), max_size=40), st.integers(0, 20))
    def test_one_portion_is_bounded(self, texts: list[str], after: int):
        generation = make()
        say(generation, *texts)
        portion = generation.read(after)
        assert sum(len(frame.content) for _, frame in portion if isinstance(frame, Piece)) <= 10 + 5

    @pytest.mark.usefixtures("brief")
    @SMALL
    @given(st.lists(st.text(min_size=1, max_size=5), max_size=60))
    def test_what_is_written_is_not_kept_for_long(self, texts: list[str]):
        generation = make()
        for text in texts:
            say(generation, text)
            write_down(generation)
            assert sum(len(piece.content) for piece in generation._pieces) <= 20 + 5

    @pytest.mark.usefixtures("brief")
    def test_what_is_not_written_stays_in_memory(self, generation: Generation):
        say(generation, *"x" * 1_000)
        assert generation.holds(0)

    @SMALL
    @given(st.lists(DELTAS | st.none(), max_size=12))
    def test_the_journal_gets_everything_once_and_in_order(self, steps: list[Delta | None]):
        generation = make()
        written: list[object] = []
        for step in [*steps, None]:
            if step is None:
                written += flat(write_down(generation))
            else:
                generation.add(step)
        assert written == units(step for step in steps if step is not None)
        assert [(run.kind, run.length) for run in generation.runs if run.kind == "tool_calls"] == [
            (run.kind, len(run.tool_calls)) for run in generation.runs if run.kind == "tool_calls"
        ]
        assert sum(run.length for run in generation.runs) == generation.position == generation.written
        assert generation.written_tokens == generation.tokens == sum(step.pieces for step in steps if step)


class TestFollowing:
    async def test_who_comes_late_gets_everything_from_the_start_on(self, generation: Generation):
        say(generation, "a", "b", "c")
        generation.finish(DONE)
        assert await follow(generation) == [[(0, generation.start)], [(3, Piece(content="abc"))], [(4, DONE)]]

    async def test_who_comes_again_gets_what_comes_after_a_position(self):
        generation = make(context=Context(dropped=(MessageId(new_id()),)))
        say(generation, "abc", "def")
        generation.finish(DONE)

        async def after(position: int | None) -> list[Numbered]:
            return [frame async for batch in watch(feed_of(generation, position)) for frame in batch]

        head = [(0, generation.start), (None, generation.context)]
        assert await after(None) == [*head, (6, Piece(content="abcdef")), (7, DONE)]
        assert await after(0) == [*head[1:], (6, Piece(content="abcdef")), (7, DONE)]
        assert await after(2) == [(6, Piece(content="cdef")), (7, DONE)]
        assert await after(6) == await after(7) == await after(10**15) == [(7, DONE)]

    async def test_frames_are_handed_on_in_order_as_they_come(self, generation: Generation):
        async with aclosing(watch(feed_of(generation))) as tail:
            assert await anext(tail) == [(0, generation.start)]
            for position, text in enumerate("abcde", 1):
                say(generation, text)
                assert await anext(tail) == [(position, Piece(content=text))]
            generation.finish(DONE)
            assert await anext(tail) == [(6, DONE)]
            assert await anext(tail, None) is None

    @pytest.mark.usefixtures("brief")
    async def test_a_reader_that_never_waits_leaves_the_event_loop_its_turns(self, generation: Generation):
        say(generation, *"x" * 1_000)
        generation.finish(DONE)
        turns = 0

        async def live() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        living = asyncio.create_task(live())
        seen = [turns async for _ in watch(feed_of(generation))]
        living.cancel()
        assert len(seen) > 100
        assert seen[1] < seen[50] < seen[-1]

    @pytest.mark.usefixtures("brief")
    async def test_a_reader_that_never_waits_can_be_cancelled(self, generation: Generation):
        say(generation, *"x" * 100_000)
        received = 0

        async def read() -> None:
            nonlocal received
            async for batch in watch(feed_of(generation)):
                received += len(batch)

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert received < 10_000

    async def test_silence_is_filled_with_heartbeats(self, generation: Generation):
        say(generation, "ab")
        async with aclosing(watch(feed_of(generation), 0.001)) as tail:
            assert [await anext(tail), await anext(tail)] == [[(0, generation.start)], [(2, Piece(content="ab"))]]
            assert [list(await anext(tail)) for _ in range(3)] == [[]] * 3
            generation.finish(DONE)
            rest = [batch async for batch in tail]
        assert [batch for batch in rest if batch] == [[(3, DONE)]]

    async def test_everyone_who_waits_is_woken_by_each_piece(self, generation: Generation):
        waiting = [asyncio.create_task(follow(generation)) for _ in range(5)]
        await asyncio.sleep(0)
        for text in "abc":
            say(generation, text)
            await asyncio.sleep(0)
        generation.finish(DONE)
        assert [pieces(await each) for each in waiting] == ["abc"] * 5

    async def test_who_leaves_while_waiting_is_let_go_at_once(self, generation: Generation):
        task = running(generation)
        say(generation, "a")
        leaving = asyncio.get_running_loop().create_future()
        reading = asyncio.create_task(read_until(generation, leaving))
        for _ in range(3):
            await asyncio.sleep(0)
        leaving.set_result(None)
        assert await reading == [[(0, generation.start)], [(1, Piece(content="a"))]]
        assert generation.cancelled == "abandoned"
        await asyncio.wait([task])

    async def test_who_has_left_before_the_first_piece_gets_none(self, generation: Generation):
        say(generation, "a")
        generation.finish(DONE)
        leaving = asyncio.get_running_loop().create_future()
        leaving.set_result(None)
        assert pieces(await read_until(generation, leaving)) == ""

    @pytest.mark.usefixtures("brief")
    async def test_who_leaves_between_two_batches_gets_no_more(self, generation: Generation):
        say(generation, *"x" * 1_000)
        leaving = asyncio.get_running_loop().create_future()
        received = 0
        async for batch in watch(feed_of(generation), FOREVER, leaving):
            received += len(pieces([batch]))
            if received and not leaving.done():
                leaving.set_result(None)
        assert 0 < received <= 10

    async def test_who_has_left_leaves_no_timer_behind(self, generation: Generation):
        generation.finish(DONE)
        before = timers()
        await follow(generation)
        assert timers() == before

    @pytest.mark.usefixtures("brief")
    async def test_all_there_is_now_can_be_had_without_waiting(self, generation: Generation):
        say(generation, *"abc" * 20)
        first, *rest = await feed_of(generation).available()
        assert first == (0, generation.start)
        assert pieces([rest]) == "abc" * 20
        generation.finish(DONE)
        assert (await feed_of(generation).available())[-1] == (61, DONE)

    async def test_all_there_is_now_does_not_wait_for_what_a_fast_model_still_says(self, generation: Generation):
        async def flood() -> None:
            while True:
                say(generation, "x")
                await asyncio.sleep(0)

        flooding = asyncio.create_task(flood())
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await feed_of(generation).available()
        flooding.cancel()


class TestViewers:
    async def test_the_last_viewer_to_leave_ends_the_generation(self, generation: Generation):
        task = running(generation)
        first, second = watch(feed_of(generation)), watch(feed_of(generation))
        await anext(first)
        await anext(second)
        await first.aclose()
        assert generation.cancelled is None
        await second.aclose()
        assert generation.cancelled == "abandoned"
        assert task.cancelling()
        await asyncio.wait([task])

    async def test_who_is_cancelled_while_waiting_has_left(self, generation: Generation):
        task = running(generation)
        reading = asyncio.create_task(follow(generation))
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])
        assert generation.cancelled == "abandoned"
        await asyncio.wait([task])

    async def test_leaving_after_the_end_cancels_nothing(self, generation: Generation):
        task = running(generation)
        generation.finish(DONE)
        await follow(generation)
        assert generation.cancelled is None
        assert not task.cancelling()
        task.cancel()

    async def test_it_may_be_alone_for_as_long_as_was_asked(self):
        generation = make(abandon_after=0.001)
        task = running(generation)
        with generation.viewer():
            assert timers() == 0
        assert generation.cancelled is None
        await asyncio.wait([task])
        assert generation.cancelled == "abandoned"

    async def test_who_comes_back_in_time_keeps_it_alive(self):
        generation = make(abandon_after=FOREVER)
        task = running(generation)
        with generation.viewer():
            pass
        assert timers() == 1
        with generation.viewer():
            assert timers() == 0
        generation.finish(DONE)
        assert timers() == 0
        task.cancel()

    async def test_it_may_be_alone_for_ever(self):
        generation = make(abandon_after=None)
        task = running(generation)
        with generation.viewer():
            pass
        assert (generation.cancelled, timers()) == (None, 0)
        task.cancel()

    async def test_who_has_not_come_yet_is_waited_for(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(generations, "_GRACE_SECONDS", 0.001)
        generation = make(abandon_after=0.0)
        task = running(generation)
        generation.expect_viewers()
        assert generation.cancelled is None
        await asyncio.wait([task])
        assert generation.cancelled == "abandoned"

    @pytest.mark.parametrize("abandon_after", [0.0, FOREVER, None])
    async def test_who_has_come_before_is_not_waited_for(self, abandon_after: float | None):
        generation = make(abandon_after=abandon_after)
        task = running(generation)
        with generation.viewer():
            generation.expect_viewers()
            assert timers() == 0
        task.cancel()
        generation.finish(DONE)

    async def test_a_viewer_elsewhere_counts_for_a_while(self, generation: Generation):
        task = running(generation)
        generation.watched_elsewhere(FOREVER)
        with generation.viewer():
            pass
        assert generation.cancelled is None
        generation.watched_elsewhere(0.001)
        await asyncio.wait([task])
        assert generation.cancelled == "abandoned"

    async def test_the_first_reason_counts(self, generation: Generation):
        task = running(generation)
        generation.cancel("stopped")
        generation.cancel("shutdown")
        assert generation.cancelled == "stopped"
        assert task.cancelling() == 1
        await asyncio.wait([task])

    async def test_cancelled_before_it_runs_it_does_not_run(self, generation: Generation):
        generation.cancel("stopped")
        task = running(generation)
        await asyncio.wait([task])
        assert task.cancelled()
        generation.finish(DONE)


def timers() -> int:
    """How many timers of the event loop wait to go off."""
    loop = asyncio.get_running_loop()
    return sum(not handle.cancelled() for handle in loop._scheduled)  # pyright: ignore[reportAttributeAccessIssue]  - asyncio's own list of timers


async def read_until(generation: Generation, leaving: asyncio.Future[None]) -> list[Sequence[Numbered]]:
    return [batch async for batch in watch(feed_of(generation), FOREVER, leaving)]
