"""One contract for lines, wherever they are kept."""

import itertools
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from deeper_api.limits.lines import ROUND, Departure, Line, Ticket
from deeper_api.limits.memory_line import MemoryLine
from deeper_api.limits.redis import RedisScripts
from deeper_api.limits.redis_line import RedisLine
from tests.api.limits.queues import admitted_in_turn, enter, leave, places, ticket, tickets

MakeLine = Callable[..., Line]


@pytest.fixture(params=["memory", "redis"])
def make_line(request: pytest.FixtureRequest) -> MakeLine:
    """Makes lines of each kind, in turn: ``make_line(parallel=1, queue=9)``."""
    if request.param == "memory":
        return lambda parallel=1, queue=99: MemoryLine(parallel=parallel, queue=queue)
    scripts: RedisScripts = request.getfixturevalue("redis_scripts")
    names = map(str, itertools.count())
    return lambda parallel=1, queue=99: RedisLine(
        scripts, name=next(names), holder="holder", parallel=parallel, queue=queue
    )


# Room


async def test_as_many_are_admitted_as_there_is_room_for_and_the_others_wait_in_order(make_line: MakeLine):
    line = make_line(parallel=2)
    assert await enter(line, *tickets("a b c d")) == ["in", "in", "0", "1"]


async def test_several_may_enter_in_one_call(make_line: MakeLine):
    found = await make_line(parallel=1, queue=1).update(enter=tickets("a b c"), ask=["b", "x"])
    assert [(each.id, each.state) for each in found.standings] == [
        ("a", "admitted"),
        ("b", "waiting"),
        ("c", "full"),
        ("b", "waiting"),
        ("x", "unknown"),
    ]


async def test_whoever_leaves_makes_room_for_the_next(make_line: MakeLine):
    line = make_line(parallel=2)
    await enter(line, *tickets("a b c d"))
    await leave(line, "b")
    assert await places(line, "a b c d") == "in unknown in 0"


async def test_in_one_call_room_is_made_before_others_enter(make_line: MakeLine):
    line = make_line(parallel=1, queue=0)
    await enter(line, ticket("a"))
    found = await line.update(leave=[Departure(id="a")], enter=[ticket("b")])
    assert found.standings[0].state == "admitted"


async def test_a_line_that_is_full_refuses_and_keeps_nothing(make_line: MakeLine):
    line = make_line(parallel=1, queue=1)
    assert await enter(line, *tickets("a b c", most=3)) == ["in", "0", "full"]
    assert await places(line, "c") == "unknown"
    await leave(line, "b")
    assert await enter(line, *tickets("d e", most=3)) == ["0", "full"]


async def test_where_nobody_may_wait_there_is_room_or_there_is_not(make_line: MakeLine):
    assert await enter(make_line(parallel=2, queue=0), *tickets("a b c")) == ["in", "in", "full"]


async def test_a_user_may_hold_so_many_and_no_more(make_line: MakeLine):
    line = make_line(parallel=1)
    assert await enter(line, *tickets("a b c", most=2)) == ["in", "0", "excess"]
    assert await enter(line, ticket("d", "other", most=2)) == ["1"]
    await leave(line, "a")
    assert await enter(line, ticket("e", most=2)) == ["1"]


async def test_a_user_who_may_hold_one_holds_one(make_line: MakeLine):
    line = make_line(parallel=9)
    assert await enter(line, *tickets("a b", most=1)) == ["in", "excess"]
    await leave(line, "a")
    assert await enter(line, ticket("c", most=1)) == ["in"]


async def test_who_enters_again_is_where_it_was(make_line: MakeLine):
    line = make_line(parallel=1, queue=1)
    await enter(line, *tickets("a b"))
    assert await enter(line, *tickets("a b", most=1)) == ["in", "0"]


async def test_who_is_not_there_may_leave(make_line: MakeLine):
    line = make_line()
    await enter(line, ticket("a"))
    await leave(line, "x")
    await leave(line, "a")
    await leave(line, "a")
    assert await enter(line, ticket("b", most=1)) == ["in"]


# How long one takes


async def test_the_mean_of_what_took_long_follows_what_took_long_last(make_line: MakeLine):
    line = make_line(parallel=9)
    await enter(line, *tickets("a b c"))
    assert await leave(line, "a", seconds=0.8) == pytest.approx(0.8)
    assert await leave(line, "b", seconds=1.6) == pytest.approx(0.9)
    assert await leave(line, "c") == pytest.approx(0.9)


async def test_what_waited_only_tells_nothing_of_how_long_one_takes(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, *tickets("a b"))
    assert await leave(line, "b", seconds=9) == 0


# Turns


async def test_users_take_turns(make_line: MakeLine):
    line = make_line(parallel=1)
    waiting = [*tickets("a1 a2 a3", "a"), *tickets("b1 b2", "b"), *tickets("c1", "c")]
    await enter(line, ticket("first", "a"), *waiting)
    order = await admitted_in_turn(line, ["first", *(each.id for each in waiting)], parallel=1)
    assert " ".join(order) == "first a1 b1 c1 a2 b2 a3"


async def test_who_asks_once_waits_for_one_turn_of_whoever_asks_fifty_times(make_line: MakeLine):
    line = make_line(parallel=4)
    many = [ticket(f"0-{i:02}", "many") for i in range(50)]
    nine = [ticket(f"1-{i}", f"user {i}") for i in range(9)]
    await line.update(enter=many)
    await line.update(enter=nine)
    order = await admitted_in_turn(line, [each.id for each in [*many, *nine]], parallel=4)
    turns = [name[0] for name in order]
    assert turns[:4] == ["0"] * 4  # nobody else was there
    assert turns[4:14].count("1") == 9
    assert turns[14:] == ["0"] * 45


async def test_who_weighs_twice_as_much_gets_twice_as_many_turns(make_line: MakeLine):
    line = make_line(parallel=1)
    heavy = [ticket(f"heavy {i:02}", "heavy", weight=2) for i in range(20)]
    light = [ticket(f"light {i:02}", "light") for i in range(20)]
    await line.update(enter=[ticket("first", "other"), *light, *heavy])
    order = await admitted_in_turn(line, [each.id for each in [ticket("first"), *heavy, *light]], parallel=1)
    for turns in range(3, 30, 3):
        assert sum(name.startswith("heavy") for name in order[1 : 1 + turns]) == pytest.approx(turns * 2 / 3, abs=1)


async def test_whoever_has_waited_longer_is_not_starved_by_those_who_come(make_line: MakeLine):
    line = make_line(parallel=1, queue=999)
    await enter(line, ticket("0", "first"), ticket("1", "patient"))
    await enter(line, *(ticket(f"2-{i}", f"user {i}") for i in range(50)))
    await leave(line, "0")
    assert await places(line, "1") == "in"


async def test_who_was_not_there_has_saved_no_turns(make_line: MakeLine):
    line = make_line(parallel=1)
    for number in range(5):
        await enter(line, ticket(f"a{number}", "a"))
        await leave(line, f"a{number}")
    await enter(line, ticket("c0", "a"), *tickets("c1 c2 c3", "a"), *tickets("d1 d2 d3", "d"))
    order = await admitted_in_turn(line, ["c0", "c1", "c2", "c3", "d1", "d2", "d3"], parallel=1)
    assert " ".join(order) == "c0 c1 d1 c2 d2 c3 d3"


async def test_equal_turns_are_taken_in_the_order_of_names(make_line: MakeLine):
    line = make_line(parallel=1)
    assert await enter(line, ticket("a", "a"), ticket("c", "c"), ticket("b", "b")) == ["in", "0", "0"]
    assert await places(line, "b c") == "0 1"


async def test_who_no_longer_wants_to_wait_leaves_the_turn_to_the_next_of_the_same_user(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, ticket("first"), *tickets("a1 a2 a3", "a"), *tickets("b1 b2", "b"))
    assert await places(line, "a1 a2 a3 b1 b2") == "0 2 4 1 3"
    await leave(line, "a1")
    assert await places(line, "a2 a3 b1 b2") == "0 2 1 3"
    await enter(line, ticket("a4", "a"), *tickets("b3 b4", "b"))
    assert await places(line, "a2 a3 a4 b1 b2 b3 b4") == "0 2 4 1 3 5 6"


# Tickets that come back


def back(came: Ticket, *, tag: int | None, admitted: bool = False) -> Ticket:
    return replace(came, returns=True, tag=tag, admitted=admitted)


async def test_tickets_come_back_to_their_places(make_line: MakeLine):
    before, after = make_line(parallel=2), make_line(parallel=2, queue=0)
    held = [*tickets("a1 a2 a3 a4", "a"), *tickets("b1 b2", "b"), ticket("c1", "c", weight=2)]
    known = (await before.update(enter=held)).standings
    returning = [back(t, tag=s.tag, admitted=s.state == "admitted") for t, s in zip(held, known, strict=True)]
    came = (await after.update(enter=sorted(returning, key=lambda t: not t.admitted))).standings
    assert {each.id: each for each in came} == {each.id: each for each in known}
    assert await enter(after, ticket("d1", "d")) == ["full"]


async def test_who_comes_back_is_never_refused(make_line: MakeLine):
    line = make_line(parallel=1, queue=0)
    found = await enter(line, ticket("a"), back(ticket("b", most=1), tag=None), back(ticket("c", most=1), tag=9))
    assert found == ["in", "0", "0"]


async def test_who_comes_back_from_elsewhere_without_a_place_takes_the_next(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, ticket("a"), *tickets("b c"))
    assert await enter(line, back(ticket("d"), tag=None)) == ["2"]


async def test_who_was_admitted_elsewhere_has_had_no_turn_here(make_line: MakeLine):
    line = make_line(parallel=1)
    first, second = (await line.update(enter=tickets("a b"))).standings
    [came] = (await line.update(enter=[back(ticket("c", "other"), tag=None, admitted=True)])).standings
    [last] = (await line.update(enter=[ticket("d", "other")])).standings
    assert (came.tag, last.tag) == (first.tag, second.tag)


async def test_who_is_admitted_is_told_the_turn_that_it_took(make_line: MakeLine):
    [came] = (await make_line(parallel=2).update(enter=[ticket("a", weight=2)])).standings
    [returned] = (await make_line(parallel=2).update(enter=[back(ticket("b"), tag=None, admitted=True)])).standings
    assert (came.tag, returned.tag) == (ROUND // 2, 0)


async def test_who_was_admitted_elsewhere_stays_it_even_if_there_is_no_room(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, *tickets("a b"))
    assert await enter(line, back(ticket("c"), tag=None, admitted=True)) == ["in"]
    assert await places(line, "a b c") == "in 0 in"
    await leave(line, "a")
    assert await places(line, "b") == "0"
    await leave(line, "c")
    assert await places(line, "b") == "in"


async def test_who_waits_here_and_was_admitted_elsewhere_is_admitted(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, *tickets("a b c"))
    assert await enter(line, back(ticket("c"), tag=None, admitted=True)) == ["in"]
    assert await places(line, "a b c") == "in 0 in"
    assert await leave(line, "c", seconds=3) == 3


async def test_who_is_admitted_here_and_waited_elsewhere_is_admitted(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, ticket("a"))
    assert await enter(line, back(ticket("a"), tag=None)) == ["in"]


async def test_a_line_that_forgot_the_time_is_told_it_by_who_comes_back_as_admitted(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, back(ticket("a"), tag=1_000 * ROUND, admitted=True))
    [found] = (await line.update(enter=[ticket("b", "other")])).standings
    assert (found.state, found.tag) == ("waiting", 1_001 * ROUND)


async def test_who_comes_back_to_wait_is_not_starved_by_those_who_come_to_a_line_that_forgot_the_time(
    make_line: MakeLine,
):
    line = make_line(parallel=1)
    await enter(line, ticket("2", "new"))
    await enter(line, back(ticket("1", "old"), tag=1_000 * ROUND))
    await enter(line, *tickets("3 4 5", "new"))
    assert await places(line, "1") == "0"


async def test_who_comes_back_to_an_early_place_gives_the_next_of_the_same_user_no_earlier_one(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, ticket("0"), *tickets("2 3 4", "me"))
    assert await enter(line, back(ticket("1"), tag=ROUND), ticket("5")) == ["0", "4"]


# All that is held


async def test_what_is_not_named_among_all_is_over(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, *tickets("a b c", most=3))
    found = await line.update(ask=["c"], complete=True)
    assert [each.state for each in found.standings] == ["admitted"]
    assert await places(line, "a b") == "unknown unknown"
    assert await enter(line, *tickets("d e f", most=3)) == ["0", "1", "excess"]


async def test_who_enters_again_is_named_among_all(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, *tickets("a b"), ticket("c", "other"))
    found = await line.update(enter=[back(ticket("a"), tag=None, admitted=True)], ask=["c"], complete=True)
    assert [each.state for each in found.standings] == ["admitted", "waiting"]
    assert await places(line, "b") == "unknown"


async def test_after_the_call_nothing_is_held(make_line: MakeLine):
    line = make_line(parallel=1)
    await enter(line, *tickets("a b"))
    await line.update(complete=True)
    assert await enter(line, *tickets("c d", most=2)) == ["in", "0"]
