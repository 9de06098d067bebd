"""Answers take their turns in front of the model server, and say where they are in the line."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from msgspec.structs import replace

from deeper_api.chat import admission as admissions
from deeper_api.chat.admission import _ASK_SECONDS, Admission, Turn
from deeper_api.chat.allowances import Allowance
from deeper_api.chat.engine import Engine
from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Done, Failed, Frame, Piece, Queued, Start
from deeper_api.limits.lines import Departure, LineUnavailable, Standing, Standings, Ticket
from deeper_api.limits.memory_line import MemoryLine
from deeper_api.telemetry.contexts import current_fields, in_request
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
ONE, ANOTHER = Ticket(id="1", user="x"), Ticket(id="2", user="y")


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


State = Literal["admitted", "waiting", "full", "excess"]


class SureLine:
    """A line that says the same of everybody, and keeps what it was told."""

    def __init__(self, state: State, *, parallel: int = 1, ahead: int = 0, seconds: float = 0.0) -> None:
        self.parallel = parallel
        self.state: State = state
        self._ahead = ahead
        self._seconds = seconds
        self.left: list[Departure] = []
        self.asked: list[list[str]] = []
        self.complete: list[bool] = []
        self.fields: list[dict[str, str]] = []

    async def update(
        self,
        *,
        enter: Sequence[Ticket] = (),
        leave: Sequence[Departure] = (),
        ask: Sequence[str] = (),
        complete: bool = False,
    ) -> Standings:
        self.left += leave
        self.asked.append(list(ask))
        self.complete.append(complete)
        self.fields.append(current_fields())
        ids = [*(each.id for each in enter), *ask]
        found = (Standing(id=each, state=self.state, ahead=self._ahead) for each in ids)
        return Standings(standings=tuple(found), seconds=self._seconds)


class MovedClock:
    """The clock of the running event loop, moved by hand. Nothing that sleeps wakes meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)


def about(text: str) -> ChatRequest:
    return ChatRequest(model="scripted", messages=(ChatMessage(role=ChatRole.USER, content=text),))


def asked(provider: ScriptedProvider) -> list[str]:
    """What the model was asked so far, in this order."""
    return [request.messages[0].content for request in provider.requests]


async def ask(engine: Engine, text: str, user_id: UserId = USER, allowance: Allowance = ANYTHING) -> Feed:
    return await engine.answer(question(about(text), user_id=user_id, abandon_after=None, allowance=allowance))


async def patient_and_late(admission: Admission) -> list[Turn]:
    """Enter a line of one place that nobody is in: 1 is admitted, 2 and 3 of one user wait, then 4, who came later.

    3 is before 4 only because of the turn it was given before 4 came.
    """
    first = await admission.enter(Ticket(id="0", user="first"))
    users = [("1", "x"), ("2", "patient"), ("3", "patient")]
    turns = [await admission.enter(Ticket(id=ticket_id, user=user)) for ticket_id, user in users]
    first.leave()
    return [*turns, await admission.enter(Ticket(id="4", user="late"))]


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


class TestWhatTheLineSays:
    @pytest.mark.parametrize(("seconds", "wait"), [(0.0, 1.0), (8.0, 2.0), (200.0, 50.0), (9_999.0, 60.0)])
    async def test_who_finds_it_full_is_told_when_a_place_is_free(self, seconds: float, wait: float):
        line = SureLine("full", parallel=4, seconds=seconds)
        with pytest.raises(Overloaded) as refused:
            await Admission(lambda: line).enter(ONE)
        assert refused.value.retry_after == wait

    @pytest.mark.parametrize(("seconds", "wait"), [(0.0, 1.0), (8.0, 8.0), (9_999.0, 60.0)])
    async def test_who_has_too_many_is_told_how_long_one_takes(self, seconds: float, wait: float):
        line = SureLine("excess", parallel=4, seconds=seconds)
        with pytest.raises(RateLimited, match="as many answers in the making as one may have") as refused:
            await Admission(lambda: line).enter(ONE)
        assert refused.value.retry_after == wait

    @pytest.mark.parametrize(("seconds", "estimate"), [(0.0, None), (10.0, 7_500)])
    async def test_who_waits_is_told_the_place_and_how_long_it_takes_if_that_is_known(
        self, seconds: float, estimate: int | None
    ):
        line = SureLine("waiting", parallel=4, ahead=2, seconds=seconds)
        turn = await Admission(lambda: line).enter(ONE)
        assert turn.place == Queued(position=3, estimate_ms=estimate)

    async def test_at_the_end_of_the_wait_there_is_nothing_left_of_it(self):
        line, places = SureLine("waiting", seconds=10.0), list[Queued]()
        admission = Admission(lambda: line)
        turn = await admission.enter(ONE)
        turn.follow(places.append)
        line.state = "admitted"
        await admission.enter(ANOTHER)
        assert places == [Queued(position=1, estimate_ms=10_000), Queued(position=0, estimate_ms=0)]

    async def test_a_place_is_not_told_again_before_it_changes(self):
        line, places = SureLine("waiting"), list[Queued]()
        admission = Admission(lambda: line)
        turn = await admission.enter(ONE)
        turn.follow(places.append)
        await admission.enter(ANOTHER)
        assert line.asked == [[], [ONE.id]]
        assert places == [Queued(position=1)]

    async def test_who_was_refused_has_nothing_to_give_back(self):
        line = SureLine("full")
        admission = Admission(lambda: line)
        for ticket in (ONE, ANOTHER):
            with pytest.raises(Overloaded):
                await admission.enter(ticket)
        assert line.left == []

    async def test_what_was_admitted_is_not_asked_for_again_before_it_is_time_to_tell_all(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        clock, line = MovedClock(monkeypatch), SureLine("admitted")
        admission = Admission(lambda: line)
        for number, seconds in enumerate([0, 1.75, 0.25, 1]):
            clock.now += seconds
            await admission.enter(Ticket(id=str(number), user="x"))
        assert line.asked == [[], [], ["0", "1"], []]
        assert line.complete == [True, False, True, False]

    async def test_what_it_is_told_is_not_logged_as_the_work_of_whoever_came_first(self):
        line = SureLine("admitted")
        with in_request("r1"):
            await Admission(lambda: line).enter(ONE)
        assert line.fields == [{}]


class TestTimes:
    async def test_the_time_in_the_line_ends_when_that_of_the_work_begins(self, monkeypatch: pytest.MonkeyPatch):
        clock, line = MovedClock(monkeypatch), SureLine("waiting")
        admission = Admission(lambda: line)
        turn = await admission.enter(ONE)
        clock.now += 3
        assert (turn.waited, turn.worked) == (3, None)
        line.state = "admitted"
        await admission.enter(ANOTHER)
        clock.now += 4
        assert (turn.waited, turn.worked) == (3, 4)

    async def test_the_line_is_told_how_long_was_worked_on_those_that_leave_it(self, monkeypatch: pytest.MonkeyPatch):
        clock, line = MovedClock(monkeypatch), SureLine("admitted")
        admission = Admission(lambda: line)
        turn = await admission.enter(ONE)
        clock.now += 5
        turn.leave()
        turn.leave()
        await admission.enter(ANOTHER)
        assert line.left == [Departure(id=ONE.id, seconds=5)]

    async def test_of_what_waited_only_nothing_is_told_but_that_it_is_gone(self):
        line = SureLine("waiting")
        admission = Admission(lambda: line)
        turn = await admission.enter(ONE)
        turn.leave()
        await admission.enter(ANOTHER)
        assert line.left == [Departure(id=ONE.id)]


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

    async def test_whoever_starts_without_it_has_a_line_of_its_own_at_once(self):
        line = SharedLine(parallel=1)
        line.is_away = True
        turn = await admission_for(parallel=1, shared=line).enter(ONE)
        assert turn.admitted

    async def test_without_it_nobody_loses_a_turn_that_it_gave(self):
        line = SharedLine(parallel=1)
        admission = admission_for(parallel=1, shared=line)
        first, *others = await patient_and_late(admission)
        line.is_away = True
        await admission.enter(Ticket(id="5", user="last"))
        assert [turn.place and turn.place.position for turn in others] == [1, 2, 3]
        assert first.admitted

    async def test_without_it_nobody_is_refused_who_was_let_in(self):
        line = SharedLine(parallel=1)
        admission = admission_for(parallel=1, queue=0, shared=line)
        first, second, third = [await admission.enter(Ticket(id=each, user="x")) for each in "123"]
        line.is_away = True
        first.leave()
        async with asyncio.timeout(10):
            await second.admission
        assert third.place == Queued(position=1)

    async def test_who_waits_in_it_asks_again_and_again_whether_others_made_room(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(admissions, "_TELL_SECONDS", FOREVER)
        line = SharedLine(parallel=1)
        line.others.append("0 of another process")
        await line.update(enter=[Ticket(id=line.others[0], user="x")])
        admission = admission_for(parallel=1, shared=line)
        async with admission.open():
            turn = await admission.enter(ONE)
            await line.update(leave=[Departure(id=line.others.pop())])
            async with asyncio.timeout(10):
                await turn.admission
            turn.leave()

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

    async def test_a_line_that_breaks_holds_up_only_those_that_enter_then(
        self, provider: ScriptedProvider, caplog: pytest.LogCaptureFixture
    ):
        line, gate = SharedLine(parallel=1), asyncio.Event()
        async with busy_engine(provider, gate, admission_for(parallel=1, shared=line)) as engine:
            line.is_broken = True
            with pytest.raises(InternalError):
                await ask(engine, "refused")
            assert {(each.name, each.message) for each in caplog.records} == {("deeper.admission", "the line failed")}
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

    async def test_it_is_left_alone_when_nobody_is_in_it_any_more(self):
        line = SharedLine(parallel=1)
        admission = admission_for(parallel=1, shared=line)
        async with admission.open():
            turn = await admission.enter(ONE)
            assert admission._occupied.is_set()
            turn.leave()
            async with asyncio.timeout(30):
                while admission._occupied.is_set():  # noqa: ASYNC110  - no event tells
                    await asyncio.sleep(0.01)
        assert line.admitted == set()

    async def test_it_is_told_at_once_of_what_it_forgot(self, monkeypatch: pytest.MonkeyPatch):
        clock, line = MovedClock(monkeypatch), SharedLine(parallel=2)
        admission = admission_for(parallel=2, shared=line)
        await admission.enter(ONE)
        line.forget()
        clock.now += 60
        await admission.enter(ANOTHER)
        assert line.admitted == {ONE.id, ANOTHER.id}

    async def test_what_it_forgot_comes_back_to_turns_that_it_got_when_others_were_there(self):
        line = SharedLine(parallel=1)
        admission = admission_for(parallel=1, shared=line)
        await patient_and_late(admission)
        assert line.waiting == ["2", "3", "4"]
        line.forget()
        await admission.enter(Ticket(id="5", user="last"))
        assert line.waiting == ["2", "3", "4"]
        assert line.admitted == {"1", "5"}

    async def test_what_it_forgot_comes_back_in_the_order_of_its_turns_so_that_the_round_goes_on(self):
        line = SharedLine(parallel=1)
        admission = admission_for(parallel=1, shared=line)
        for ticket_id, user in [("0", "first"), ("2", "x"), ("1", "x")]:
            await admission.enter(Ticket(id=ticket_id, user=user))
        line.forget()
        await admission.enter(Ticket(id="3", user="y"))
        await admission.enter(Ticket(id="4", user="z"))
        assert line.waiting == ["2", "4", "1"]

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
