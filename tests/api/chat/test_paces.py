"""Answers that rest between two steps, in a time that passes at once."""

import asyncio

import pytest

from deeper_api.chat.paces import LONGEST_SECONDS, Pace
from tests.fakes.loops import HastyLoop


async def rest_beside(answers: int, steps: int) -> float:
    """Return how long one of so many answers takes for so many steps."""
    pace, loop = Pace(), asyncio.get_running_loop()
    for _ in range(answers):
        pace.begin()
    began = loop.time()
    for _ in range(steps):
        await pace.rest()
    return loop.time() - began


def seconds_beside(answers: int, steps: int = 1) -> float:
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        return runner.run(rest_beside(answers, steps))


def test_a_few_answers_never_rest():
    assert seconds_beside(39, steps=1_000) == 0


def test_the_more_answers_there_are_the_longer_they_rest():
    found = [seconds_beside(answers) for answers in (40, 80, 200, 400)]
    assert found == pytest.approx([0.004, 0.008, 0.02, LONGEST_SECONDS])


@pytest.mark.parametrize("answers", [401, 1_000, 10_000])
def test_nobody_rests_for_longer_than_a_reader_notices(answers: int):
    assert seconds_beside(answers) == pytest.approx(LONGEST_SECONDS)


def test_every_step_has_its_rest():
    assert seconds_beside(400, steps=25) == pytest.approx(25 * LONGEST_SECONDS)


def test_answers_that_have_ended_count_no_more():
    async def after_others() -> float:
        pace, loop = Pace(), asyncio.get_running_loop()
        for _ in range(1_000):
            pace.begin()
            pace.end()
        pace.begin()
        await pace.rest()
        return loop.time()

    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        assert runner.run(after_others()) == 0


def test_each_rests_from_its_own_beginning():
    async def in_turns() -> list[float]:
        pace, loop = Pace(), asyncio.get_running_loop()
        woken: list[float] = []

        async def answer(begin: float) -> None:
            await asyncio.sleep(begin)
            await pace.rest()
            woken.append(loop.time())

        for _ in range(400):
            pace.begin()
        await asyncio.gather(*(answer(begin) for begin in (0.0, 0.012, 0.024)))
        return woken

    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        assert runner.run(in_turns()) == pytest.approx([LONGEST_SECONDS + begin for begin in (0.0, 0.012, 0.024)])


def test_who_is_cancelled_at_rest_is_nobodys_burden():
    async def with_one_gone() -> float:
        pace, loop = Pace(), asyncio.get_running_loop()
        for _ in range(400):
            pace.begin()
        gone, other = asyncio.create_task(pace.rest()), asyncio.create_task(pace.rest())
        await asyncio.sleep(0.01)
        gone.cancel()
        await other
        return loop.time()

    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        assert runner.run(with_one_gone()) == pytest.approx(LONGEST_SECONDS)


async def test_an_event_loop_that_was_busy_wakes_all_whose_turn_was_missed():
    pace, loop = Pace(), asyncio.get_running_loop()
    for _ in range(400):
        pace.begin()
    resting = [asyncio.create_task(pace.rest()) for _ in range(3)]
    await asyncio.sleep(0)
    began = loop.time()
    while loop.time() < began + 2 * LONGEST_SECONDS:
        pass
    turns = 0
    while not all(task.done() for task in resting):
        await asyncio.sleep(0)
        turns += 1
    assert turns < 10
    # And later ones rest as ever.
    began = loop.time()
    await pace.rest()
    assert loop.time() - began > LONGEST_SECONDS / 2
