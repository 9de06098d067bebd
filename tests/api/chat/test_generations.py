"""One generation and those who follow it, without an engine."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest

from deeper_api.chat.frames import Done, Frame, Piece
from deeper_api.chat.generations import Generation
from deeper_core import FinishReason, GenerationId, Timings, Usage, UserId, new_id
from tests.api.chat.readers import FOREVER, watch

DONE = Done(finish_reason=FinishReason.STOP, usage=Usage(), timings=Timings())


@pytest.fixture
def generation() -> Generation:
    return Generation(generation_id=GenerationId(new_id()), user_id=UserId(new_id()))


def pieces(count: int, first: int = 0) -> list[Frame]:
    return [Piece(content=str(i)) for i in range(first, first + count)]


def add(generation: Generation, *frames: Frame) -> None:
    for frame in frames:
        generation.add(frame)


async def follow(generation: Generation, heartbeat: float = FOREVER) -> list[tuple[int, Sequence[Frame]]]:
    return [batch async for batch in watch(generation, heartbeat)]


def running(generation: Generation) -> asyncio.Task[Done]:
    """A task that would produce frames, and never does."""

    async def never() -> Done:
        await asyncio.Event().wait()
        return DONE

    task = asyncio.create_task(never())
    generation.run_as(task)
    return task


async def test_who_comes_late_gets_everything_from_the_first_frame_on(generation: Generation):
    frames = [*pieces(3), DONE]
    add(generation, *frames)
    assert await follow(generation) == [(0, frames)]


async def test_frames_are_handed_on_in_order_as_they_come(generation: Generation):
    received: list[Frame] = []
    async with aclosing(watch(generation)) as tail:
        for frame in [*pieces(5), DONE]:
            generation.add(frame)
            first, batch = await anext(tail)
            assert first == len(received)
            received += batch
        assert await anext(tail, None) is None
    assert received == generation.frames


async def test_a_batch_is_bounded_and_the_ids_go_on(generation: Generation):
    frames = [*pieces(1_000), DONE]
    add(generation, *frames)
    batches = await follow(generation)
    assert max(len(batch) for _, batch in batches) <= 256
    assert [first for first, _ in batches] == [sum(len(b) for _, b in batches[:i]) for i in range(len(batches))]
    assert [frame for _, batch in batches for frame in batch] == frames


async def test_a_reader_that_never_waits_leaves_the_event_loop_its_turns(generation: Generation):
    add(generation, *pieces(5_000), DONE)
    turns = 0

    async def live() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    living = asyncio.create_task(live())
    seen = [turns async for _ in watch(generation)]
    living.cancel()
    assert len(seen) > 10
    assert len(set(seen)) == len(seen)


async def test_a_reader_that_never_waits_can_be_cancelled(generation: Generation):
    add(generation, *pieces(100_000))
    received = 0

    async def read() -> None:
        nonlocal received
        async for _, batch in watch(generation):
            received += len(batch)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert received < 100_000


async def test_silence_is_filled_with_heartbeats(generation: Generation):
    add(generation, *pieces(2))
    async with aclosing(watch(generation, 0.001)) as tail:
        assert await anext(tail) == (0, pieces(2))
        assert [await anext(tail) for _ in range(3)] == [(2, ())] * 3
        add(generation, DONE)
        rest = [batch async for batch in tail]
    assert [batch for batch in rest if batch[1]] == [(2, [DONE])]


async def test_everyone_who_waits_is_woken_by_each_frame(generation: Generation):
    waiting = [asyncio.create_task(follow(generation)) for _ in range(5)]
    await asyncio.sleep(0)
    for frame in [*pieces(3), DONE]:
        generation.add(frame)
        await asyncio.sleep(0)
    received = [[frame for _, batch in await each for frame in batch] for each in waiting]
    assert received == [[*pieces(3), DONE]] * 5


async def test_the_last_viewer_to_leave_ends_the_generation(generation: Generation):
    task = running(generation)
    add(generation, *pieces(1))
    first, second = watch(generation), watch(generation)
    await anext(first)
    await anext(second)
    await first.aclose()
    assert generation.cancelled is None
    await second.aclose()
    assert generation.cancelled == "abandoned"
    assert task.cancelling()
    await asyncio.wait([task])


async def test_who_is_cancelled_while_waiting_has_left(generation: Generation):
    task = running(generation)
    reading = asyncio.create_task(follow(generation))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait([reading])
    assert generation.cancelled == "abandoned"
    await asyncio.wait([task])


async def test_a_viewer_that_leaves_while_another_stays_ends_nothing(generation: Generation):
    add(generation, *pieces(1))
    running(generation).cancel()
    async with aclosing(watch(generation)) as staying:
        await anext(staying)
        async with aclosing(watch(generation)) as leaving:
            await anext(leaving)
        assert generation.cancelled is None


async def test_leaving_after_the_end_cancels_nothing(generation: Generation):
    task = running(generation)
    add(generation, DONE)
    await follow(generation)
    assert generation.cancelled is None
    assert not task.cancelling()
    task.cancel()


async def test_the_first_reason_counts(generation: Generation):
    task = running(generation)
    generation.cancel("stopped")
    generation.cancel("shutdown")
    assert generation.cancelled == "stopped"
    assert task.cancelling() == 1
    await asyncio.wait([task])


async def test_it_is_finished_with_its_last_frame_and_not_before(generation: Generation):
    assert not generation.finished
    add(generation, *pieces(1))
    assert not generation.finished
    add(generation, DONE)
    assert generation.finished


async def test_who_has_left_leaves_no_timer_behind(generation: Generation):
    add(generation, DONE)
    loop = asyncio.get_running_loop()
    before = len([handle for handle in loop._scheduled if not handle.cancelled()])  # pyright: ignore[reportAttributeAccessIssue]  - asyncio's own list of timers
    await follow(generation)
    after = len([handle for handle in loop._scheduled if not handle.cancelled()])  # pyright: ignore[reportAttributeAccessIssue]  - as above
    assert after == before


async def test_who_leaves_while_waiting_is_let_go_at_once(generation: Generation):
    task = running(generation)
    add(generation, *pieces(1))
    leaving = asyncio.get_running_loop().create_future()
    reading = asyncio.create_task(read_until(generation, leaving))
    await asyncio.sleep(0)
    leaving.set_result(None)
    assert await reading == [(0, pieces(1))]
    assert generation.cancelled == "abandoned"
    await asyncio.wait([task])


async def test_who_has_left_before_the_first_frame_gets_none(generation: Generation):
    add(generation, *pieces(1), DONE)
    leaving = asyncio.get_running_loop().create_future()
    leaving.set_result(None)
    assert await read_until(generation, leaving) == []


async def test_who_leaves_between_two_batches_gets_no_more(generation: Generation):
    add(generation, *pieces(1_000), DONE)
    leaving = asyncio.get_running_loop().create_future()
    received = 0
    async for _, batch in watch(generation, FOREVER, leaving):
        received += len(batch)
        if not leaving.done():
            leaving.set_result(None)
    assert 0 < received <= 256


async def read_until(generation: Generation, leaving: asyncio.Future[None]) -> list[tuple[int, Sequence[Frame]]]:
    return [batch async for batch in watch(generation, FOREVER, leaving)]
