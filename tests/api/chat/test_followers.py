import asyncio

import pytest

from deeper_api.chat.followers import Follower


@pytest.fixture
async def patient():
    follower = Follower(3_600.0)
    yield follower
    follower.close()


async def test_news_end_a_wait(patient: Follower):
    waiting = asyncio.create_task(patient.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    patient.wake()
    assert await waiting is True


async def test_news_between_two_waits_are_not_lost_and_count_once(patient: Follower):
    patient.wake()
    patient.wake()
    assert await patient.wait() is True
    waiting = asyncio.create_task(patient.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_a_wait_that_was_cancelled_leaves_the_next_one_whole(patient: Follower):
    waiting = asyncio.create_task(patient.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    patient.wake()
    assert await patient.wait() is True


async def test_patience_runs_out_again_and_again():
    follower = Follower(0.001)
    assert [await follower.wait() for _ in range(3)] == [False] * 3
    follower.wake()
    assert await follower.wait() is True
    follower.close()


async def test_patience_counts_from_the_beginning_of_a_wait():
    loop = asyncio.get_running_loop()
    follower = Follower(0.05)
    await asyncio.sleep(0.03)  # not to wait for something: a part of the patience goes by between two waits
    began = loop.time()
    assert await follower.wait() is False
    assert loop.time() - began >= 0.045
    follower.close()


async def test_it_leaves_no_timer_behind():
    follower = Follower(3_600.0)
    follower.close()
    assert follower._timer.cancelled()
