"""Who is taken for dead, and what becomes of the answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.chat.reapers import Watch
from deeper_api.store.runners import Runner
from deeper_core import RunnerId, new_id

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
OTHER, THIRD = RunnerId(new_id()), RunnerId(new_id())


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def runner(beats: int, *, connected: bool = True, runner_id: RunnerId = OTHER) -> Runner:
    return Runner(id=runner_id, heartbeat_at=EPOCH + timedelta(seconds=beats), connected=connected)


# For each case: what is seen at which second, as (seconds, heartbeats so far, connected), and when it is dead.
SILENT = [(second, 0, True) for second in range(12)]
CASES: dict[str, tuple[Sequence[tuple[float, int, bool]], list[float]]] = {
    "it beats": ([(second, second, True) for second in range(60)], []),
    "it beats without listening": ([(second, second, False) for second in range(60)], []),
    "it beats every eight seconds": ([(second, second // 8, True) for second in range(60)], []),
    "it is silent": (SILENT, [9, 10, 11]),
    "it is silent and gone": ([(second, 0, False) for second in range(5)], [3, 4]),
    "it is silent, and then gone": ([(s, 0, s < 5) for s in range(7)], [5, 6]),
    "it connects again in time": ([(0, 0, True), (1, 0, False), (2, 0, False), (3.5, 0, True), (4, 1, True)], []),
    "it beats in the last moment": ([*SILENT[:9], (8.9, 1, True), *((s, 1, True) for s in range(10, 18))], []),
    "it is silent while a look has to wait": ([(0, 0, True), (1, 0, True), (20, 0, True), (21, 1, True)], []),
    "it is gone while a look has to wait": ([(0, 0, True), (1, 0, True), (5, 0, False), (7, 0, False)], []),
    "it is silent though each look has to wait": ([(4 * look, 0, True) for look in range(7)], [20, 24]),
    "it was seen once": ([(100, 0, False)], []),
    "its clock goes backwards": ([(second, -second, True) for second in range(30)], []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_runner_is_dead_when_its_heartbeat_has_stood_still_for_long(case: str):
    seen, dead = CASES[case]
    clock = Clock()
    watch = Watch(clock)
    found: list[float] = []
    for second, beats, connected in seen:
        clock.now = 1_000 + second
        if watch.look([runner(beats, connected=connected)]):
            found.append(second)
    assert found == dead


def test_one_is_not_taken_for_another():
    clock = Clock()
    watch = Watch(clock)
    dead: Sequence[Runner] = ()
    for second in range(12):
        clock.now = 1_000 + second
        dead = watch.look([runner(0), runner(second, runner_id=THIRD)])
    assert [each.id for each in dead] == [OTHER]


def test_a_time_in_which_nobody_could_be_seen_counts_for_nobody():
    clock = Clock()
    watch = Watch(clock)
    watch.look([runner(0)])
    watch.forget()
    clock.now += 60
    for second in range(12):
        clock.now += 1
        assert bool(watch.look([runner(0)])) == (second >= 9)


def test_after_a_time_in_which_nobody_could_be_seen_everybody_has_time_to_connect_again():
    clock = Clock()
    watch = Watch(clock)
    watch.forget()
    for second in range(12):
        clock.now = 1_000 + second
        assert bool(watch.look([runner(0, connected=False)])) == (second >= 9)


def test_one_that_came_back_after_it_had_nothing_to_run_begins_anew():
    clock = Clock()
    watch = Watch(clock)
    watch.look([runner(0)])
    watch.look([])
    clock.now += 60
    assert watch.look([runner(0)]) == []


@given(st.lists(st.tuples(st.floats(0, 2.9), st.booleans(), st.booleans())))
def test_nobody_is_dead_who_beat_less_than_three_seconds_ago(steps: list[tuple[float, bool, bool]]):
    clock = Clock()
    watch = Watch(clock)
    beats, silent = 0, 0.0
    for pause, beaten, connected in steps:
        clock.now += pause
        beats, silent = (beats + 1, 0.0) if beaten else (beats, silent + pause)
        if watch.look([runner(beats, connected=connected)]):
            assert silent >= (9.0 if connected else 3.0) - 0.001
