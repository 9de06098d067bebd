import asyncio
import contextlib
import gc

import pytest

from deeper_api.tasks import background, regularly, unbroken
from deeper_core import DatabaseUnavailable


class Steps:
    """Counts its steps, and raises ``faults``, one after the other."""

    def __init__(self, *faults: Exception) -> None:
        self.taken: asyncio.Queue[int] = asyncio.Queue()
        self._faults = list(faults)

    async def take(self) -> None:
        self.taken.put_nowait(1)
        if self._faults:
            raise self._faults.pop(0)


def running(name: str) -> int:
    return [task.get_name() for task in asyncio.all_tasks()].count(name)


async def test_a_step_is_taken_again_and_again_whatever_happens(caplog: pytest.LogCaptureFixture):
    steps = Steps(DatabaseUnavailable(), RuntimeError("a fault of ours"))
    async with regularly(steps.take, pause=0, name="do it"):
        for _ in range(4):
            await steps.taken.get()
    assert [record.getMessage() for record in caplog.records] == ["cannot do it"]


async def test_the_first_step_is_taken_at_once_and_the_next_after_a_pause():
    steps = Steps()
    async with regularly(steps.take, pause=3_600, name="do it"):
        await steps.taken.get()
        for _ in range(10):
            await asyncio.sleep(0)
        assert steps.taken.empty()


async def test_it_ends_with_its_context():
    async with background(asyncio.sleep(3_600), name="sleep"):
        assert running("sleep") == 1
    assert running("sleep") == 0


async def test_it_ends_with_its_context_also_after_an_error():
    with contextlib.suppress(ValueError):
        async with background(asyncio.sleep(3_600), name="sleep"):
            raise ValueError
    assert running("sleep") == 0


async def test_it_ends_also_when_its_cancellation_is_swallowed():
    swallowed = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(10):
        async with background(stubborn(), name="stubborn"):
            await asyncio.sleep(0)
    assert swallowed.is_set()
    assert running("stubborn") == 0


@pytest.mark.parametrize("times", [1, 2])
async def test_a_failure_of_what_nobody_waits_for_any_more_is_not_logged(caplog: pytest.LogCaptureFixture, times: int):
    begun, over, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def ask() -> None:
        begun.set()
        try:
            await over.wait()
            raise DatabaseUnavailable
        finally:
            ended.set()

    waiting = asyncio.create_task(unbroken(ask()))
    await begun.wait()
    for _ in range(times):
        waiting.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert waiting.done() == (times == 2)
    over.set()
    await ended.wait()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    del waiting
    await asyncio.sleep(0)
    gc.collect()  # which is when asyncio tells of it
    assert caplog.records == []
