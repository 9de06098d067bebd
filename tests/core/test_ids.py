import subprocess
import sys
import threading
import time
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from deeper_core import ids, new_id


def milliseconds(value: UUID) -> int:
    return value.int >> 80


def test_an_id_is_a_uuid_of_version_7():
    value = new_id()
    assert (value.version, value.variant) == (7, RFC_4122)


def test_an_id_begins_with_the_time_it_was_made():
    before = time.time_ns() // 1_000_000
    value = new_id()
    # Ids made by other tests in the same millisecond may have pushed the clock on by one.
    assert before <= milliseconds(value) <= time.time_ns() // 1_000_000 + 1


def test_ids_sort_in_the_order_they_were_made():
    values = [new_id() for _ in range(10_000)]
    assert values == sorted(set(values))
    assert [str(value) for value in values] == sorted(str(value) for value in values)


def test_threads_never_share_an_id_and_each_sees_its_own_rise():
    made: list[list[UUID]] = [[] for _ in range(8)]
    barrier = threading.Barrier(8)

    def work(mine: list[UUID]) -> None:
        barrier.wait(30)
        mine.extend(new_id() for _ in range(2_000))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert all(mine == sorted(mine) for mine in made)
    assert len({value for mine in made for value in mine}) == 16_000


def test_ids_still_rise_when_the_clock_steps_back(monkeypatch):
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    values = [first, *(new_id() for _ in range(100))]
    assert values == sorted(set(values))


def test_ids_still_rise_when_the_counter_of_a_millisecond_runs_over(monkeypatch):
    clock = ids._Clock()
    monkeypatch.setattr(time, "time_ns", lambda: 5_000_000)
    clock._millisecond, clock._counter = 5, 2**42 - 2
    ticks = [clock.tick() for _ in range(4)]
    assert ticks == sorted(set(ticks))
    assert ticks[0] == (5, 2**42 - 1)
    assert {millisecond for millisecond, _ in ticks[1:]} == {6}


def test_a_new_millisecond_starts_its_counter_with_room_to_rise(monkeypatch):
    clock = ids._Clock()
    now = iter(range(10**6, 10**9, 10**6))
    monkeypatch.setattr(time, "time_ns", lambda: next(now))
    assert all(clock.tick()[1] < 2**41 for _ in range(200))


@given(st.integers(1, 2**48 - 1), st.integers(0, 2**42 - 1))
def test_millisecond_and_counter_survive_in_their_places(millisecond, counter):
    class Still:
        def tick(self) -> tuple[int, int]:
            return millisecond, counter

    real = ids._clock
    ids._clock = Still()
    try:
        value = new_id()
    finally:
        ids._clock = real
    assert (value.version, value.variant) == (7, RFC_4122)
    assert milliseconds(value) == millisecond
    high, low = (value.int >> 64) & 0xFFF, (value.int >> 32) & 0x3FFF_FFFF
    assert (high << 30) | low == counter


@given(ahead=st.integers(0, 10_000_000))
def test_an_id_sorts_behind_one_that_a_clock_ahead_of_ours_made(ahead: int):
    theirs = UUID(int=new_id().int + (ahead << 80))
    value = new_id(after=theirs)
    assert value > theirs
    assert (value.version, value.variant) == (7, RFC_4122)
    assert milliseconds(value) <= max(milliseconds(theirs) + 1, milliseconds(new_id()))


# In a process of its own: this one has threads.
FORKING = """
import os, sys, time
from deeper_core import ids, new_id
new_id()
time.time_ns = lambda: 2_000_000_000_000_000_000  # one millisecond for both
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
print(new_id(), flush=True)  # one after the other, or their lines might mix
os._exit(0)
"""


def test_a_forked_process_draws_other_ids():
    command = [sys.executable, "-c", FORKING]
    first, second = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert first != second
    assert first[:8] == second[:8]  # they are of one time
