"""Batches over a database that does not answer."""

import asyncio
from collections.abc import Sequence

from deeper_api.chat.batches import Batches
from deeper_core import DatabaseUnavailable


async def test_a_database_that_does_not_answer_is_asked_once_for_all():
    asked: list[list[int]] = []

    async def fail(numbers: Sequence[int]) -> list[int]:
        asked.append(list(numbers))
        raise DatabaseUnavailable

    grouping = Batches(fail, at_once=10, weigh=lambda _: 1)
    results = await asyncio.gather(*map(grouping.put, [1, 2, 3]), return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 3
    assert asked == [[1, 2, 3]]
