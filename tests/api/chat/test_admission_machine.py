"""Two processes share a line: whatever they, their callers and it do, no place is lost and none is taken twice."""

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from deeper_api.chat.admission import Admission, Turn
from deeper_api.limits.lines import ROUND, Departure, LineUnavailable, Standings, Ticket
from deeper_api.limits.memory_line import MemoryLine
from deeper_core import Overloaded, RateLimited
from tests.fakes.loops import HastyLoop

_PARALLEL, _QUEUE = 2, 6
# Longer than a process takes to ask a line what became of those that wait, and to tell it all that it holds.
_ASKED, _TOLD = 0.3, 5.0

Fault = Literal["away", "mute", "slow", "late"]


class Hub:
    """What keeps the line for all processes; it knows whose each ticket is."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Lose everything."""
        self.line = MemoryLine(parallel=_PARALLEL, queue=_QUEUE)
        self.holders: dict[str, str] = {}

    async def lose(self, holder: str) -> None:
        """Take back what ``holder`` holds, because nothing was heard of it."""
        await self.line.update(leave=[Departure(id=each) for each in self.of(holder)])

    def of(self, holder: str) -> set[str]:
        """Return the tickets that ``holder`` holds."""
        return {each for each in self.admitted | self.waiting if self.holders[each] == holder}

    @property
    def admitted(self) -> set[str]:
        return set(self.line._admitted)

    @property
    def waiting(self) -> set[str]:
        return set(self.line._waiting)


class View:
    """The line as one process sees it, through a network that has a ``fault`` or none."""

    parallel = _PARALLEL

    def __init__(self, hub: Hub, holder: str) -> None:
        self.holder = holder
        self._hub = hub
        self._fault: Fault | None = None
        self._gates = {"slow": asyncio.Event(), "late": asyncio.Event()}
        self.suffer(None)

    def suffer(self, fault: Fault | None) -> None:
        """Have ``fault`` from now on: calls do not arrive, or their answers do not, or either waits for its end."""
        self._fault = fault
        for name, gate in self._gates.items():
            if name == fault:
                gate.clear()
            else:
                gate.set()

    async def update(
        self,
        *,
        enter: Sequence[Ticket] = (),
        leave: Sequence[Departure] = (),
        ask: Sequence[str] = (),
        complete: bool = False,
    ) -> Standings:
        await self._gates["slow"].wait()
        if self._fault == "away":
            raise LineUnavailable
        hub = self._hub
        hub.holders |= {each.id: self.holder for each in enter}
        others = (hub.admitted | hub.waiting) - hub.of(self.holder) if complete else ()
        result = await hub.line.update(enter=enter, leave=leave, ask=[*ask, *sorted(others)], complete=complete)
        result = replace(result, standings=result.standings[: len(enter) + len(ask)])
        await self._gates["late"].wait()
        if self._fault == "mute":
            raise LineUnavailable
        return result


class Process:
    """One of those that let in, with all whom it has let in or makes wait."""

    def __init__(self, hub: Hub, holder: str) -> None:
        self.view = View(hub, holder)
        self.admission = Admission(lambda: MemoryLine(parallel=1, queue=_QUEUE), self.view)
        self.turns: list[Turn] = []
        self.asking: list[asyncio.Task[None]] = []
        self._opened: AbstractAsyncContextManager[None] = self.admission.open()

    async def start(self) -> None:
        await self._opened.__aenter__()

    async def stop(self) -> None:
        await self._opened.__aexit__(None, None, None)

    async def ask(self, ticket: Ticket) -> None:
        self.asking = [*filter(lambda task: not task.done(), self.asking), asyncio.create_task(self._ask(ticket))]

    async def _ask(self, ticket: Ticket) -> None:
        with suppress(Overloaded, RateLimited):
            self.turns.append(await self.admission.enter(ticket))

    async def leave(self, *turns: Turn) -> None:
        """Let some leave, whether they were admitted or not."""
        for turn in turns:
            self.turns.remove(turn)
            turn.leave()

    @property
    def admitted(self) -> set[str]:
        return {turn.ticket.id for turn in self.turns if turn.admitted}

    @property
    def waiting(self) -> set[str]:
        return {turn.ticket.id for turn in self.turns if not turn.admitted}


PROCESSES = st.integers(0, 1)
USERS = st.sampled_from("abc")


class Crowd(RuleBasedStateMachine):
    """Asks, leaves, gives up, and harms."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner(loop_factory=HastyLoop)
        self._ids = (f"{number:04}" for number in itertools.count())
        self._holders = (f"holder {number}" for number in itertools.count())
        self._hub = Hub()
        self._was_harmed = False
        self._processes: list[Process] = []

    @initialize()
    def start(self) -> None:
        self._processes = [self._new_process(), self._new_process()]

    def _new_process(self) -> Process:
        return self._runner.run(self._started())

    async def _started(self) -> Process:
        process = Process(self._hub, next(self._holders))
        await process.start()
        return process

    @rule(which=PROCESSES, user=USERS, weight=st.sampled_from([1, 2]), most=st.sampled_from([0, 2]))
    def ask(self, which: int, user: str, weight: int, most: int) -> None:
        ticket = Ticket(id=next(self._ids), user=user, stride=ROUND // weight, most=most)
        self._runner.run(self._processes[which].ask(ticket))

    @rule(which=PROCESSES, user=USERS, turns=st.integers(0, 5))
    def ask_and_give_up(self, which: int, user: str, turns: int) -> None:
        """Ask, and go away while the line is asked, or later."""
        self.ask(which, user, 1, 0)
        self._runner.run(_turns(turns))
        self._runner.run(_cancel(self._processes[which].asking[-1]))

    @rule(which=PROCESSES, data=st.data())
    def leave(self, which: int, data: st.DataObject) -> None:
        process = self._processes[which]
        if process.turns:
            self._runner.run(process.leave(data.draw(st.sampled_from(process.turns))))

    @rule(turns=st.integers(1, 9))
    def go_on(self, turns: int) -> None:
        self._runner.run(_turns(turns))

    @rule(seconds=st.sampled_from([0.05, 0.3, 3]))
    def wait(self, seconds: float) -> None:
        self._runner.run(asyncio.sleep(seconds))

    @rule(which=PROCESSES, fault=st.sampled_from(["away", "mute", "slow", "late", None]))
    def suffer(self, which: int, fault: Fault | None) -> None:
        self._was_harmed |= fault in {"away", "mute"}
        self._processes[which].view.suffer(fault)

    @rule()
    def forget(self) -> None:
        self._was_harmed = True
        self._hub.forget()

    @rule(which=PROCESSES)
    def lose(self, which: int) -> None:
        self._was_harmed = True
        self._runner.run(self._hub.lose(self._processes[which].view.holder))

    @rule(which=PROCESSES)
    def die(self, which: int) -> None:
        dead = self._processes[which]
        dead.view.suffer("away")
        self._runner.run(self._bury(dead))
        self._processes[which] = self._new_process()

    async def _bury(self, dead: Process) -> None:
        for task in dead.asking:
            task.cancel()
        if dead.asking:
            await asyncio.wait(dead.asking)
        await dead.stop()
        await self._hub.lose(dead.view.holder)

    @invariant()
    def no_more_are_let_in_than_there_is_room_for(self) -> None:
        assert self._was_harmed or sum(len(process.admitted) for process in self._processes) <= _PARALLEL

    @rule()
    def recover(self) -> None:
        """Everybody comes to be let in, and then everything is as it was at the beginning."""
        for process in self._processes:
            process.view.suffer(None)
        while True:
            self._runner.run(asyncio.sleep(_TOLD if self._was_harmed else _ASKED))
            assert not [task for process in self._processes for task in process.asking if not task.done()]
            admitted = set[str]().union(*(process.admitted for process in self._processes))
            waiting = set[str]().union(*(process.waiting for process in self._processes))
            assert (self._hub.admitted, self._hub.waiting) == (admitted, waiting)
            assert len(admitted) >= min(_PARALLEL, len(admitted) + len(waiting))
            if not admitted:
                break
            for process in self._processes:
                self._runner.run(process.leave(*(turn for turn in process.turns if turn.admitted)))
        self._was_harmed = False
        assert self._hub.line._users == {}
        for process in self._processes:
            assert (process.admission._held, process.admission._entering, process.admission._left) == ({}, [], [])

    def teardown(self) -> None:
        try:
            if self._processes:
                self.recover()
                for process in self._processes:
                    self._runner.run(process.stop())
                assert self._runner.run(_others()) == set()
        finally:
            self._runner.close()


async def _turns(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


async def _others() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


class TestCrowd(Crowd.TestCase):
    settings = settings(max_examples=150, stateful_step_count=30)
