import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.chat import batches
from deeper_api.chat.batches import Batches
from deeper_api.telemetry.contexts import current_fields, in_request
from deeper_core import DatabaseUnavailable


class Statements:
    """Takes batches of numbers, when ``gate`` is open, and answers each with its double; fails at negative ones."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def run(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        await self.gate.wait()
        if min(numbers) < 0:
            raise ValueError(numbers)
        return [2 * number for number in numbers]


def group(statements: Statements, at_once: int = 3) -> Batches[int, int]:
    return Batches(statements.run, at_once=at_once, weigh=lambda number: number)


@given(st.lists(st.integers(0, 10), max_size=20), st.integers(1, 5))
def test_everyone_gets_his_own_result_and_no_batch_is_too_large(numbers: list[int], at_once: int):
    async def put_all() -> list[int]:
        grouping = group(statements, at_once)
        return list(await asyncio.gather(*map(grouping.put, numbers)))

    statements = Statements()
    assert asyncio.run(put_all()) == [2 * number for number in numbers]
    assert [number for batch in statements.batches for number in batch] == numbers
    assert all(len(batch) <= at_once for batch in statements.batches)


async def test_what_comes_together_is_done_together():
    statements = Statements()
    grouping = group(statements)
    assert await asyncio.gather(*map(grouping.put, range(3))) == [0, 2, 4]
    assert statements.batches == [[0, 1, 2]]


async def test_what_comes_while_one_is_written_gathers_for_the_next():
    statements = Statements()
    statements.gate.clear()
    grouping = group(statements)
    first = asyncio.create_task(grouping.put(1))
    while not statements.batches:  # noqa: ASYNC110  - no event tells
        await asyncio.sleep(0)
    others = [asyncio.create_task(grouping.put(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    statements.gate.set()
    assert [await task for task in (first, *others)] == [2, 4, 6]
    assert statements.batches == [[1], [2, 3]]


async def test_a_failure_is_for_the_one_who_is_to_blame_only():
    statements = Statements()
    grouping = group(statements, at_once=2)
    results = await asyncio.gather(*map(grouping.put, [1, -1, 2, 3]), return_exceptions=True)
    assert [type(result) for result in results] == [int, ValueError, int, int]
    assert await grouping.put(4) == 8


async def test_who_waits_no_longer_takes_nobody_with_him():
    statements = Statements()
    statements.gate.clear()
    grouping = group(statements)
    leaving, staying = asyncio.create_task(grouping.put(1)), asyncio.create_task(grouping.put(2))
    while not statements.batches:  # noqa: ASYNC110  - no event tells
        await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    statements.gate.set()
    assert await staying == 4


async def test_what_is_heavy_goes_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "_HEAVIEST", 10)
    statements = Statements()
    grouping = group(statements, at_once=100)
    assert await asyncio.gather(*map(grouping.put, [4, 4, 50, 4, 6, 1])) == [8, 8, 100, 8, 12, 2]
    assert statements.batches == [[4, 4], [50], [4, 6], [1]]


async def test_a_database_that_does_not_answer_is_asked_once_for_all():
    asked: list[list[int]] = []

    async def fail(numbers: Sequence[int]) -> list[int]:
        asked.append(list(numbers))
        raise DatabaseUnavailable

    grouping = Batches(fail, at_once=10, weigh=lambda _: 1)
    results = await asyncio.gather(*map(grouping.put, [1, 2, 3]), return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 3
    assert asked == [[1, 2, 3]]


async def test_what_is_written_for_all_is_not_logged_as_the_work_of_whoever_came_first():
    found: list[dict[str, str]] = []

    async def write(numbers: Sequence[int]) -> list[int]:
        found.append(current_fields())
        return list(numbers)

    with in_request("r1"):
        await Batches(write, at_once=10, weigh=lambda _: 1).put(1)
    assert found == [{}]


async def test_a_write_that_tells_too_little_leaves_nobody_waiting():
    async def forget_the_last(numbers: Sequence[int]) -> list[int]:
        return list(numbers[:-1])

    grouping = Batches(forget_the_last, at_once=3, weigh=lambda number: number)
    async with asyncio.timeout(10):
        found = await asyncio.gather(*map(grouping.put, range(3)), return_exceptions=True)
    assert {type(each) for each in found} == {ValueError}
