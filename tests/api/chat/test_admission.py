"""Answers take their turns in front of the model server, and say where they are in the line."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from deeper_api.chat.admission import _ASK_SECONDS, Admission
from deeper_api.chat.allowances import Allowance
from deeper_api.chat.engine import Engine
from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Done, Failed, Frame, Piece, Queued, Start
from deeper_api.limits.lines import Departure, LineUnavailable, Standings, Ticket
from deeper_api.limits.memory_line import MemoryLine
from deeper_core import (
    ChatMessage,
    ChatRequest,
    ChatRole,
    Delta,
    ErrorCode,
    FinishReason,
    InternalError,
    Overloaded,
    RateLimited,
    ShuttingDown,
    UserId,
    new_id,
)
from deeper_model import ScriptedProvider
from tests.api.chat.databases import Database
from tests.api.chat.engines import (
    FOREVER,
    STOP,
    USER,
    admission_for,
    ended,
    engine_for,
    follow,
    live,
    question,
    running_engine,
    settled,
    watch,
)

OTHER = UserId(new_id())
ANYTHING = Allowance()


class SharedLine(MemoryLine):
    """A line that others share, which can be out of reach: before it does anything, or after it has."""

    def __init__(self, *, parallel: int, queue: int = 100) -> None:
        super().__init__(parallel=parallel, queue=queue)
        self.is_away = False
        self.is_mute = False
        self.is_broken = False
        self.others: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def update(
        self,
        *,
        enter: Sequence[Ticket] = (),
        leave: Sequence[Departure] = (),
        ask: Sequence[str] = (),
        complete: bool = False,
    ) -> Standings:
        await self.gate.wait()
        if self.is_away:
            raise LineUnavailable
        if self.is_broken:
            raise RuntimeError
        held = [*ask, *self.others] if complete else ask
        result = await super().update(enter=enter, leave=leave, ask=held, complete=complete)
        if self.is_mute:
            raise LineUnavailable
        return replace(result, standings=result.standings[: len(enter) + len(ask)])

    def forget(self) -> None:
        """Lose everything, as a server does that starts again."""
        self.__init__(parallel=self.parallel)

    @property
    def admitted(self) -> set[str]:
        return set(self._admitted)

    @property
    def waiting(self) -> list[str]:
        return [ticket_id for _, ticket_id in self._order]


def about(text: str) -> ChatRequest:
    return ChatRequest(model="scripted", messages=(ChatMessage(role=ChatRole.USER, content=text),))


def asked(provider: ScriptedProvider) -> list[str]:
    """What the model was asked so far, in this order."""
    return [request.messages[0].content for request in provider.requests]


async def ask(engine: Engine, text: str, user_id: UserId = USER, allowance: Allowance = ANYTHING) -> Feed:
    return await engine.answer(question(about(text), user_id=user_id, abandon_after=None, allowance=allowance))


async def until_place(feed: Feed, position: int) -> None:
    """Return once the answer waits at this place."""
    generation, more = live(feed), asyncio.Event()
    with generation.waking(more.set):
        while generation.place is None or generation.place.position != position:
            more.clear()
            await more.wait()


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@asynccontextmanager
async def busy_engine(
    provider: ScriptedProvider,
    gate: asyncio.Event,
    admission: Admission | None = None,
    database: Database | None = None,
) -> AsyncGenerator[Engine]:
    """An engine with one place in front of the model, and that is taken until ``gate`` is open."""
    provider.play(Delta(content="first"), gate, STOP)
    async with running_engine(
        provider, FOREVER, admission=admission or admission_for(parallel=1), database=database
    ) as engine:
        await ask(engine, "first", UserId(new_id()))
        await provider.wait_for_streams(1)
        yield engine
        gate.set()
        await settled(engine)


class TestTurns:
    async def test_who_asks_once_waits_for_one_answer_of_who_asks_fifty_times(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        async with busy_engine(provider, gate) as engine:
            for number in range(50):
                await ask(engine, f"many {number}")
            for number in range(9):
                await ask(engine, f"one {number}", UserId(new_id()))
            gate.set()
            await settled(engine)
        assert asked(provider) == [
            "first",
            "many 0",
            *(f"one {number}" for number in range(9)),
            *(f"many {number}" for number in range(1, 50)),
        ]

    async def test_never_more_are_answered_at_once_than_the_model_server_takes(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        async with running_engine(provider, FOREVER, admission=admission_for(parallel=3)) as engine:
            for _ in range(7):
                provider.play(gate, STOP)
                await ask(engine, "hi")
            await provider.wait_for_streams(3)
            for _ in range(100):
                await asyncio.sleep(0)
                assert provider.open_streams == 3
            gate.set()
            await settled(engine)
        assert len(provider.requests) == 7

    async def test_a_weight_of_two_is_two_turns_in_each_round(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        async with busy_engine(provider, gate) as engine:
            for _ in range(6):
                await ask(engine, "user")
            for _ in range(6):
                await ask(engine, "admin", OTHER, Allowance(weight=2))
            gate.set()
            await settled(engine)
        order = asked(provider)[1:]
        assert Counter(order[:6]) == {"admin": 4, "user": 2}

    async def test_room_is_made_as_soon_as_the_model_is_done_whatever_the_database_does(
        self, provider: ScriptedProvider
    ):
        database = Database()
        gate = asyncio.Event()
        async with busy_engine(provider, gate, database=database) as engine:
            second = await ask(engine, "second")
            database.fault = OSError("gone")
            gate.set()
            await provider.wait_for_streams(0)
            while len(provider.requests) < 2:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0)
            database.fault = None
            assert isinstance(await ended(second), Done)


class TestPlaces:
    async def test_a_place_is_told_whenever_it_changes_and_at_last_that_the_wait_is_over(
        self, provider: ScriptedProvider
    ):
        gates = [asyncio.Event() for _ in range(3)]
        async with busy_engine(provider, gates[0]) as engine:
            provider.play(gates[1], STOP)
            loading = asyncio.Event()
            provider.play(loading, Delta(content="at last"), STOP)
            provider.play(gates[2], STOP)
            for _ in range(2):
                await ask(engine, "before")
            waiting = await ask(engine, "last", OTHER)
            frames: list[Frame] = []
            following = asyncio.create_task(_collect(waiting, frames))
            # The other one asked twice, so that the turn of this one comes in between.
            await until_place(waiting, 2)
            gates[0].set()
            await until_place(waiting, 1)
            gates[1].set()
            async with asyncio.timeout(10):
                while [each.position for each in frames if isinstance(each, Queued)] != [2, 1, 0]:  # noqa: ASYNC110  - no event tells
                    await asyncio.sleep(0.001)
            loading.set()
            await following
            gates[2].set()
        start, _, _, _, piece, done = frames
        assert isinstance(start, Start)
        assert piece == Piece(content="at last")
        assert isinstance(done, Done)

    async def test_who_does_not_have_to_wait_is_told_of_no_place(self, provider: ScriptedProvider):
        async with running_engine(provider, FOREVER, admission=admission_for(parallel=1)) as engine:
            frames = await follow(await ask(engine, "hi"))
        assert not any(isinstance(frame, Queued) for frame in frames)

    async def test_an_estimate_comes_with_the_place_once_it_is_known_how_long_answers_take(
        self, provider: ScriptedProvider
    ):
        gate = asyncio.Event()
        async with running_engine(provider, FOREVER, admission=admission_for(parallel=1)) as engine:
            await ended(await ask(engine, "to learn from"))
            provider.play(gate, STOP)
            await ask(engine, "long")
            first, second = [await ask(engine, "waits") for _ in range(2)]
            places = [live(feed).place for feed in (first, second)]
            gate.set()
            await settled(engine)
        one, two = [place.estimate_ms for place in places if place is not None]
        assert one is not None
        assert two is not None
        assert two == pytest.approx(2 * one, abs=1)

    async def test_the_time_in_the_line_is_part_of_the_timings(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        async with busy_engine(provider, gate) as engine:
            waiting = await ask(engine, "second")
            gate.set()
            done = await ended(waiting)
        assert isinstance(done, Done)
        timings = done.timings
        assert timings.queue_ms is not None
        assert timings.total_ms is not None
        assert 0 < timings.queue_ms <= timings.total_ms


class TestLeaving:
    async def test_what_is_cancelled_in_the_line_is_never_asked_and_makes_room_at_once(
        self, provider: ScriptedProvider
    ):
        gate = asyncio.Event()
        async with busy_engine(provider, gate) as engine:
            second = await engine.answer(question(about("second"), prompt_tokens=9, abandon_after=None))
            third = await ask(engine, "third", OTHER)
            await until_place(third, 2)
            live(second).cancel("stopped")
            done = await ended(second)
            await until_place(third, 1)
            gate.set()
            await settled(engine)
        assert isinstance(done, Done)
        assert done.finish_reason is FinishReason.CANCELLED
        assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (0, 0)
        assert asked(provider) == ["first", "third"]

    async def test_who_cancels_gets_the_turn_that_was_given_up(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        async with busy_engine(provider, gate) as engine:
            given_up = [await ask(engine, "given up") for _ in range(5)]
            meant = await ask(engine, "meant")
            await ask(engine, "other", OTHER)
            await ask(engine, "other", OTHER)
            for feed in given_up:
                live(feed).cancel("stopped")
            await until_place(meant, 1)
            gate.set()
            await settled(engine)
        assert asked(provider) == ["first", "meant", "other", "other"]

    async def test_an_answer_without_a_viewer_is_given_up_in_the_line_too(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        async with busy_engine(provider, gate) as engine:
            feed = await engine.answer(question(about("left")))
            async for _ in watch(feed, leaving=_done()):
                pass
            assert isinstance(await ended(feed), Done)
            gate.set()
            await settled(engine)
        assert asked(provider) == ["first"]

    async def test_who_leaves_in_the_moment_of_asking_holds_no_place(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        async with busy_engine(provider, gate) as engine:
            for turns in range(6):
                asking = asyncio.create_task(ask(engine, "gone"))
                for _ in range(turns):
                    await asyncio.sleep(0)
                asking.cancel()
                await asyncio.wait({asking})
                for generation in list(engine._live.values())[1:]:  # it was taken on already
                    generation.cancel("stopped")
            last = await ask(engine, "last", OTHER)
            await until_place(last, 1)
            gate.set()
            await settled(engine)
        assert asked(provider) == ["first", "last"]

    async def test_what_is_stopped_before_it_could_ask_the_model_holds_no_place(self, provider: ScriptedProvider):
        database = Database()
        admission = admission_for(parallel=1)
        async with running_engine(provider, FOREVER, admission=admission, database=database) as engine:
            database.gate.clear()
            asking = asyncio.create_task(engine.answer(question(about("stopped"), key="k", abandon_after=None)))
            while not engine._live:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0)
            engine.hear(f"c:{next(iter(engine._live))}")  # the database has told others of it sooner than this process
            database.gate.set()
            assert isinstance(await ended(await asking), Done)
            async with asyncio.timeout(10):
                assert isinstance(await ended(await ask(engine, "next")), Done)
        assert asked(provider) == ["next"]

    async def test_shutdown_ends_those_that_wait_as_well(self, provider: ScriptedProvider):
        provider.play(Delta(content="first"), asyncio.Event())
        engine = engine_for(provider, 0, admission=admission_for(parallel=1))
        feeds = [await ask(engine, "first"), await ask(engine, "second")]
        await provider.wait_for_streams(1)
        await engine.close()
        for feed in feeds:
            last = live(feed).last
            assert isinstance(last, Failed)
            assert last.error.code is ErrorCode.SHUTTING_DOWN
        assert asked(provider) == ["first"]

    async def test_those_that_wait_are_answered_within_the_drain_time(self, provider: ScriptedProvider):
        gate = asyncio.Event()
        provider.play(gate, STOP)
        engine = engine_for(provider, FOREVER, admission=admission_for(parallel=1))
        feeds = [await ask(engine, "first"), await ask(engine, "second")]
        await provider.wait_for_streams(1)
        closing = asyncio.create_task(engine.close())
        gate.set()
        await closing
        assert all(isinstance(live(feed).last, Done) for feed in feeds)

    async def test_who_enters_while_the_engine_closes_is_refused(self, provider: ScriptedProvider):
        engine = engine_for(provider, 0, admission=admission_for(parallel=1))
        asking = asyncio.create_task(ask(engine, "late"))
        await asyncio.sleep(0)
        await engine.close()
        with pytest.raises(ShuttingDown):
            await asking
        provider.play(STOP)
        assert provider.requests == []


class TestRefusals:
    async def test_a_full_line_refuses_and_leaves_no_trace(self, provider: ScriptedProvider):
        gate, database = asyncio.Event(), Database()
        async with busy_engine(provider, gate, admission_for(parallel=1, queue=2), database) as engine:
            await ask(engine, "second")
            await ask(engine, "third", OTHER)
            with pytest.raises(Overloaded) as refused:
                await ask(engine, "fourth", UserId(new_id()))
            assert refused.value.retry_after is not None
            assert 1 <= refused.value.retry_after <= 60
            assert len(database.rows) == 3
            gate.set()
            await settled(engine)
        assert "fourth" not in asked(provider)

    async def test_a_user_has_no_more_answers_in_the_making_than_allowed(self, provider: ScriptedProvider):
        gate, two = asyncio.Event(), Allowance(most=2)
        async with busy_engine(provider, gate) as engine:
            await ask(engine, "one", USER, two)
            second = await ask(engine, "two", USER, two)
            with pytest.raises(RateLimited) as refused:
                await ask(engine, "three", USER, two)
            assert refused.value.retry_after is not None
            await ask(engine, "of another", OTHER, two)
            live(second).cancel("stopped")
            await ended(second)
            await ask(engine, "four", USER, two)
            gate.set()
            await settled(engine)
        assert sorted(asked(provider)) == ["first", "four", "of another", "one"]

    async def test_a_title_stands_in_nobodys_way(self, provider: ScriptedProvider):
        gate, one = asyncio.Event(), Allowance(most=1)
        async with busy_engine(provider, gate) as engine:
            await engine.answer(question(about("title"), abandon_after=None, allowance=one, purpose="title"))
            await ask(engine, "asked", USER, one)
            await engine.answer(question(about("title"), abandon_after=None, allowance=one, purpose="title"))
            gate.set()
            await settled(engine)
        assert Counter(asked(provider)) == {"first": 1, "title": 2, "asked": 1}


class TestSharedLine:
    async def test_the_shared_line_counts_those_of_other_processes(self, provider: ScriptedProvider):
        line = SharedLine(parallel=1)
        line.others.append("0 of another process")
        await line.update(enter=[Ticket(id=line.others[0], user="x")])
        async with running_engine(provider, FOREVER, admission=admission_for(parallel=1, shared=line)) as engine:
            waiting = await ask(engine, "waits")
            await until_place(waiting, 1)
            await line.update(leave=[Departure(id=line.others.pop())])  # which nobody is told
            assert isinstance(await ended(waiting), Done)
            await settled(engine)
        assert (line.admitted, line.waiting) == (set(), [])

    async def test_whoever_enters_a_slow_line_still_hears_of_others(self, provider: ScriptedProvider):
        line = SharedLine(parallel=1)
        line.others.append("0 of another process")
        await line.update(enter=[Ticket(id=line.others[0], user="x")])
        async with running_engine(provider, FOREVER, admission=admission_for(parallel=1, shared=line)) as engine:
            line.gate.clear()
            asking = asyncio.create_task(ask(engine, "waits"))
            await asyncio.sleep(3 * _ASK_SECONDS)  # nothing tells when it was found that nobody is there yet
            line.gate.set()
            waiting = await asking
            await line.update(leave=[Departure(id=line.others.pop())])
            async with asyncio.timeout(10):
                assert isinstance(await ended(waiting), Done)

    async def test_who_leaves_while_a_slow_line_is_asked_holds_no_place(self, provider: ScriptedProvider):
        line = SharedLine(parallel=1)
        async with running_engine(provider, FOREVER, admission=admission_for(parallel=1, shared=line)) as engine:
            line.gate.clear()
            gone = asyncio.create_task(ask(engine, "gone"))
            await asyncio.sleep(_ASK_SECONDS)  # nothing tells that the line is being asked
            gone.cancel()
            await asyncio.wait({gone})
            line.gate.set()
            kept = await ask(engine, "kept", OTHER)
            assert live(kept).place is None
            assert isinstance(await ended(kept), Done)

    async def test_without_it_a_line_of_its_own_goes_on(self, provider: ScriptedProvider):
        line, gate = SharedLine(parallel=1), asyncio.Event()
        async with busy_engine(provider, gate, admission_for(parallel=1, shared=line)) as engine:
            before = await ask(engine, "before")
            line.is_away = True
            during = await ask(engine, "during", OTHER)
            await until_place(during, 2)
            assert asked(provider) == ["first"]
            gate.set()
            assert isinstance(await ended(during), Done)
            assert isinstance(await ended(before), Done)
            line.is_away = False
            again = [asyncio.Event(), asyncio.Event()]
            for gate in again:
                provider.play(gate, STOP)
            feeds = [await ask(engine, "after"), await ask(engine, "after")]
            await until_place(feeds[1], 1)
            assert len(line.admitted) == 1
            assert len(line.waiting) == 1
            for gate in again:
                gate.set()
            await settled(engine)
        assert (line.admitted, line.waiting) == (set(), [])

    async def test_when_it_is_back_it_hears_at_once_of_those_that_left_meanwhile(self, provider: ScriptedProvider):
        line, gate = SharedLine(parallel=1), asyncio.Event()
        async with busy_engine(provider, gate, admission_for(parallel=1, shared=line)) as engine:
            line.is_away = True
            gate.set()
            await settled(engine)
            assert len(line.admitted) == 1
            line.is_away = False
            second = await ask(engine, "second")
            assert live(second).place is None
            assert isinstance(await ended(second), Done)

    async def test_when_it_is_back_it_hears_of_those_that_left_although_nobody_asks_any_more(
        self, provider: ScriptedProvider
    ):
        line, gate = SharedLine(parallel=1), asyncio.Event()
        async with busy_engine(provider, gate, admission_for(parallel=1, shared=line)) as engine:
            line.is_away = True
            gate.set()
            await settled(engine)
            line.is_away = False
            async with asyncio.timeout(30):
                while line.admitted:  # noqa: ASYNC110  - no event tells
                    await asyncio.sleep(0.01)

    async def test_when_it_is_back_it_hears_of_those_whose_leaving_came_too_late(self):
        line = SharedLine(parallel=1)
        admission = admission_for(parallel=1, shared=line)
        async with admission.open():
            turn = await admission.enter(Ticket(id="one", user="x"))
            line.gate.clear()
            turn.leave()
            await asyncio.sleep(3 * _ASK_SECONDS)  # nothing tells when it was found that nobody is there any more
            line.is_away = True
            line.gate.set()
            await asyncio.sleep(_ASK_SECONDS)
            assert line.admitted == {"one"}
            line.is_away = False
            async with asyncio.timeout(30):
                while line.admitted:  # noqa: ASYNC110  - no event tells
                    await asyncio.sleep(0.01)

    async def test_a_line_that_breaks_holds_up_only_those_that_enter_then(self, provider: ScriptedProvider):
        line, gate = SharedLine(parallel=1), asyncio.Event()
        async with busy_engine(provider, gate, admission_for(parallel=1, shared=line)) as engine:
            line.is_broken = True
            with pytest.raises(InternalError):
                await ask(engine, "refused")
            gate.set()
            await settled(engine)
            line.is_broken = False
            second = await ask(engine, "second")
            assert live(second).place is None
            assert isinstance(await ended(second), Done)

    async def test_what_came_while_it_was_away_does_not_pass_what_came_before(self, provider: ScriptedProvider):
        line, gate = SharedLine(parallel=1), asyncio.Event()
        async with busy_engine(provider, gate, admission_for(parallel=1, shared=line)) as engine:
            for number in range(3):
                await ask(engine, f"before {number}")
            line.is_away = True
            await ask(engine, "during")
            line.forget()
            await ask(engine, "after")
            assert len(line.waiting) == 5
            gate.set()
            await settled(engine)
        assert asked(provider) == ["first", "before 0", "before 1", "before 2", "during", "after"]

    async def test_it_is_told_of_all_who_come_too_late_before_it_is_left(self):
        line = SharedLine(parallel=1)
        admission = admission_for(parallel=1, shared=line)

        def open_soon() -> None:
            line.gate.clear()
            asyncio.get_running_loop().call_later(0.01, line.gate.set)

        async def come_too_late() -> None:
            turn = await admission.enter(Ticket(id="late", user="x"))
            open_soon()
            turn.leave()

        async with admission.open():
            open_soon()
            coming = asyncio.create_task(come_too_late())
            await asyncio.sleep(0)
        assert line.admitted == set()
        await coming

    async def test_what_it_did_when_nobody_heard_its_answer_is_undone(self, provider: ScriptedProvider):
        line, gate = SharedLine(parallel=5), asyncio.Event()
        async with busy_engine(provider, gate, admission_for(parallel=5, shared=line)) as engine:
            line.is_mute = True
            lost = await ask(engine, "lost")
            assert isinstance(await ended(lost), Done)
            line.is_mute = False
            provider.play(gate, STOP)
            kept = await ask(engine, "kept", OTHER)
            assert line.admitted == {str(each) for each in engine._live}
            gate.set()
            assert isinstance(await ended(kept), Done)

    async def test_what_it_forgot_comes_back_to_its_places(self, provider: ScriptedProvider):
        line, gate = SharedLine(parallel=1), asyncio.Event()
        async with busy_engine(provider, gate, admission_for(parallel=1, shared=line)) as engine:
            feeds = [await ask(engine, "many"), await ask(engine, "many"), await ask(engine, "one", OTHER)]
            before = line.admitted, line.waiting
            assert len(before[1]) == 3
            line.forget()
            async with asyncio.timeout(10):
                while (line.admitted, line.waiting) != before:  # noqa: ASYNC110  - no event tells
                    await asyncio.sleep(0.01)
            gate.set()
            for feed in feeds:
                assert isinstance(await ended(feed), Done)
        assert asked(provider) == ["first", "many", "one", "many"]


async def _collect(feed: Feed, frames: list[Frame]) -> None:
    async for batch in watch(feed):
        frames.extend(frame for _, frame in batch)


def _done() -> asyncio.Future[None]:
    leaving = asyncio.get_running_loop().create_future()
    leaving.set_result(None)
    return leaving
