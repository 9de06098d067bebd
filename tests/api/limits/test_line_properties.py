"""What holds for lines whatever happens to them."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from deeper_api.limits.lines import Departure, Standing, Standings, Ticket
from deeper_api.limits.memory_line import MemoryLine
from deeper_api.limits.redis import RedisScripts
from deeper_api.limits.redis_line import RedisLine
from tests.api.limits.queues import leave, ticket
from tests.fixtures.redis import OwnRedis, scripts_in

USERS = st.sampled_from("abcd")
WEIGHTS = {"a": 1, "b": 1, "c": 2, "d": 5}
_PARALLEL = 2
SECONDS = st.none() | st.floats(0, 1e6)


class BothLines(RuleBasedStateMachine):
    """Does the same to a line in this process and to one in Redis, which have to say the same."""

    names = map(str, itertools.count())

    def __init__(self, runner: asyncio.Runner, scripts: RedisScripts) -> None:
        super().__init__()
        self._runner = runner
        self._memory = MemoryLine(parallel=_PARALLEL, queue=6)
        self._redis = RedisLine(scripts, name=next(self.names), holder="holder", parallel=_PARALLEL, queue=6)
        self._ids = (f"{number:04}" for number in itertools.count())
        self._tickets: dict[str, Ticket] = {}
        self._places: dict[str, Standing] = {}  # the last that each had
        self._returned: set[str] = set()  # users of whom something came back out of its order
        self._most_admitted = 0

    def _update(
        self,
        *,
        enter: Sequence[Ticket] = (),
        leave: Sequence[Departure] = (),
        ask: Sequence[str] = (),
        complete: bool = False,
    ) -> Standings:
        self._tickets |= {each.id: each for each in enter}
        mine, theirs = (
            self._runner.run(line.update(enter=enter, leave=leave, ask=ask, complete=complete))
            for line in (self._memory, self._redis)
        )
        assert mine == theirs
        self._places |= {each.id: each for each in mine.standings if each.tag}
        return mine

    @rule(data=st.data())
    def come(self, data: st.DataObject):
        users = data.draw(st.lists(USERS, min_size=1, max_size=4))
        most = data.draw(st.sampled_from([0, 0, 3]))
        self._update(enter=[ticket(next(self._ids), user, weight=WEIGHTS[user], most=most) for user in users])

    @rule(data=st.data())
    def go(self, data: st.DataObject):
        ids = data.draw(st.lists(st.sampled_from([*self._tickets, "unknown"]), max_size=4))
        self._update(leave=[Departure(id=each, seconds=data.draw(SECONDS)) for each in ids])

    @rule(data=st.data())
    def tell_all(self, data: st.DataObject):
        ids = sorted(data.draw(st.sets(st.sampled_from([*self._tickets, "unknown"]))))
        entering = [ticket(next(self._ids), user) for user in data.draw(st.lists(USERS, max_size=2))]
        self._update(enter=entering, ask=ids, complete=True)

    @precondition(lambda self: self._places)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject):
        """Some that were forgotten come back, and some that were not."""
        chosen = data.draw(st.lists(st.sampled_from(sorted(self._places)), max_size=3, unique=True))
        returning: list[Ticket] = []
        for each in map(self._places.__getitem__, chosen):
            admitted = each.state == "admitted" or data.draw(st.booleans())
            came = replace(self._tickets[each.id], returns=True, tag=each.tag, admitted=admitted)
            returning.append(data.draw(st.sampled_from([came, replace(came, tag=None)])))
            self._returned.add(came.user)
        self._most_admitted += len(returning)
        self._update(enter=sorted(returning, key=lambda t: (not t.admitted, t.id)))

    @invariant()
    def all_is_told_of_all(self):
        found = {each.id: each for each in self._update(ask=[*self._tickets, "unknown"]).standings}
        admitted = [each for each in found.values() if each.state == "admitted"]
        waiting = sorted((each for each in found.values() if each.state == "waiting"), key=lambda each: each.ahead)
        # No more than there is room for, except for those that came back so.
        assert len(admitted) <= max(_PARALLEL, self._most_admitted)
        self._most_admitted = len(admitted)
        assert not waiting or len(admitted) >= _PARALLEL
        assert [each.ahead for each in waiting] == list(range(len(waiting)))
        assert waiting == sorted(waiting, key=lambda each: (each.tag, each.id))
        for user in set(WEIGHTS) - self._returned:
            mine = [each.id for each in waiting if self._tickets[each.id].user == user]
            assert mine == sorted(mine)
            came_in = [each.id for each in admitted if self._tickets[each.id].user == user]
            assert not mine or max(came_in, default="") < min(mine)


class Holder:
    """A process that holds tickets, and what it knows of them."""

    def __init__(self, line: RedisLine) -> None:
        self.line = line
        self.held: dict[str, Ticket] = {}

    async def come(self, came: Ticket) -> None:
        self._note([came], await self.line.update(enter=[came]))

    async def go(self, ticket_id: str) -> None:
        await self.line.update(leave=[Departure(id=self.held.pop(ticket_id).id)])

    async def tell(self) -> list[Standing]:
        """Name all that is held, and let come back what was forgotten; return where all of it is."""
        found = (await self.line.update(ask=list(self.held), complete=True)).standings
        lost = [replace(self.held[each.id], returns=True) for each in found if each.state == "unknown"]
        await self.line.update(enter=sorted(lost, key=lambda t: (not t.admitted, t.tag or 0)))
        standings = await self.line.update(ask=list(self.held))
        self._note(list(self.held.values()), standings)
        return list(standings.standings)

    def _note(self, asked: list[Ticket], standings: Standings) -> None:
        for each, found in zip(asked, standings.standings, strict=True):
            if found.state in {"admitted", "waiting"}:
                self.held[each.id] = replace(each, tag=found.tag, admitted=found.state == "admitted")


class Calamities(RuleBasedStateMachine):
    """Two processes share a line, of which calls, holders and keys get lost; all of it heals."""

    names = map("calamities {}".format, itertools.count())

    def __init__(self, runner: asyncio.Runner, scripts: RedisScripts, redis: OwnRedis) -> None:
        super().__init__()
        self._runner = runner
        self._redis = redis
        self._name = next(self.names)
        self._holders = [
            Holder(RedisLine(scripts, name=self._name, holder=holder, parallel=_PARALLEL, queue=99)) for holder in "xy"
        ]
        self._ids = (f"{number:04}" for number in itertools.count())

    def _say(self, command: str, key: str, *arguments: str) -> str:
        return self._redis.say(" ".join([command, f'"deeper:line:{{{self._name}}}:{key}"', *arguments]))

    @rule(which=st.integers(0, 1), user=USERS)
    def come(self, which: int, user: str):
        self._runner.run(self._holders[which].come(ticket(next(self._ids), user, weight=WEIGHTS[user])))

    @rule(which=st.integers(0, 1), data=st.data(), heard=st.booleans())
    def go(self, which: int, data: st.DataObject, heard: bool):
        holder = self._holders[which]
        if holder.held:
            gone = data.draw(st.sampled_from(sorted(holder.held)))
            if heard:
                self._runner.run(holder.go(gone))
            else:
                del holder.held[gone]

    @rule(which=st.integers(0, 1), user=USERS)
    def come_without_learning_of_it(self, which: int, user: str):
        self._runner.run(self._holders[which].line.update(enter=[ticket(next(self._ids), user)]))

    @rule(holder=st.sampled_from("xy"))
    def be_silent_for_too_long(self, holder: str):
        self._say("ZADD", "holders", "XX", "1", holder)

    @rule(key=st.sampled_from(["holders", "waiting", "admitted", "tickets", "users", "state"]))
    def lose(self, key: str):
        self._say("DEL", key)

    @rule(which=st.integers(0, 1))
    def tell(self, which: int):
        self._runner.run(self._holders[which].tell())

    @rule()
    def settle(self):
        for holder in self._holders:
            self._runner.run(holder.tell())
        found = [each for holder in self._holders for each in self._runner.run(holder.tell())]
        waiting = sorted(each.ahead for each in found if each.state == "waiting")
        admitted = sum(each.state == "admitted" for each in found)
        assert waiting == list(range(len(found) - admitted))
        assert admitted >= min(_PARALLEL, len(found))
        assert self._say("HLEN", "tickets") == f":{len(found)}"
        users = Counter(each.user for holder in self._holders for each in holder.held.values())
        for user, held in users.items():
            self._runner.run(self._may_hold(user, held))

    async def _may_hold(self, user: str, held: int) -> None:
        """Fail unless the line knows that the user holds so many."""
        line, another = self._holders[0].line, next(self._ids)
        for most, refused in [(held, True), (held + 1, False)]:
            [found] = (await line.update(enter=[ticket(another, user, most=most)])).standings
            assert (found.state == "excess") == refused
        await leave(line, another)

    def teardown(self):
        self.settle()


@contextmanager
def scripts_from_outside(url: str) -> Generator[tuple[asyncio.Runner, RedisScripts]]:
    """Run scripts in the Redis at ``url`` by a loop that goes on from step to step of a machine."""
    with asyncio.Runner() as runner:
        running = scripts_in(url)
        scripts = runner.run(running.__aenter__())
        try:
            yield runner, scripts
        finally:
            runner.run(running.__aexit__(None, None, None))


STEPS = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_redis_and_memory_keep_the_same_line(own_redis: OwnRedis):
    with scripts_from_outside(own_redis.url) as (runner, scripts):

        class Machine(BothLines):
            def __init__(self) -> None:
                super().__init__(runner, scripts)

        run_state_machine_as_test(Machine, settings=STEPS)


def test_whatever_gets_lost_a_line_heals(own_redis: OwnRedis):
    with scripts_from_outside(own_redis.url) as (runner, scripts):

        class Machine(Calamities):
            def __init__(self) -> None:
                super().__init__(runner, scripts, own_redis)

        run_state_machine_as_test(Machine, settings=STEPS)


@given(users=st.lists(USERS, max_size=12), data=st.data())
async def test_tickets_that_leave_leave_the_others_as_if_they_had_never_come(users: list[str], data: st.DataObject):
    entering = [ticket(f"{number:02}", user, weight=WEIGHTS[user]) for number, user in enumerate(users)]
    leaving = data.draw(st.lists(st.sampled_from(entering), unique=True)) if entering else []
    staying = [each for each in entering if each not in leaving]
    left, never = MemoryLine(parallel=1, queue=99), MemoryLine(parallel=1, queue=99)
    await left.update(enter=[ticket("first"), *entering])
    for each in leaving:
        await leave(left, each.id)
    await never.update(enter=[ticket("first"), *staying])
    ids = [each.id for each in staying]
    assert await left.update(ask=ids) == await never.update(ask=ids)


MOVES = st.lists(st.tuples(st.sampled_from(["come", "end", "give up"]), USERS, st.integers(0, 20)), max_size=80)


@given(moves=MOVES, parallel=st.integers(1, 3))
async def test_nobody_is_passed_by_more_than_a_round(moves: list[tuple[str, str, int]], parallel: int):
    """Who waits sees others admitted as often as they weigh more, and once more for the round that has begun."""
    line = MemoryLine(parallel=parallel, queue=99)
    waiting: dict[str, str] = {}
    running: list[str] = []
    passed: dict[str, Counter[str]] = {}  # how often whom has passed the first ticket of a user
    for number, (move, user, which) in enumerate(moves):
        left: list[str] = []
        if move == "end" and running:
            left = [running.pop(which % len(running))]
        elif move == "give up" and waiting:
            left = [sorted(waiting)[which % len(waiting)]]
            passed.pop(waiting.pop(left[0]), None)  # its user goes on to wait with another ticket, or none
        elif move == "come":
            name = f"{number:02}"
            if user not in waiting.values():
                passed[user] = Counter()
            waiting[name] = user
        came_now = [ticket(name, user, weight=WEIGHTS[user]) for name in waiting if name == f"{number:02}"]
        await line.update(enter=came_now, leave=[Departure(id=each) for each in left])
        found = (await line.update(ask=list(waiting))).standings
        for each in sorted((s for s in found if s.state == "admitted"), key=lambda s: (s.tag, s.id)):
            running.append(each.id)
            came = waiting.pop(each.id)
            passed.pop(came, None)
            for patient, others in passed.items():
                others[came] += 1
                assert others[came] <= WEIGHTS[came] / WEIGHTS[patient] + 1
