"""The timer for silence."""

import asyncio

from deeper_model.watches import SilenceWatch


async def test_who_is_allowed_any_silence_after_a_limit_is_never_too_late() -> None:
    fell_silent: list[bool] = []
    watch = SilenceWatch(lambda: fell_silent.append(True))
    watch.allow(0.001)
    watch.allow(None)
    while watch._timer is not None:  # noqa: ASYNC110  - nobody tells of timers
        await asyncio.sleep(0.001)
    assert not watch.expired
    assert fell_silent == []


async def test_a_shorter_limit_moves_the_timer_forward() -> None:
    fell_silent = asyncio.Event()
    watch = SilenceWatch(fell_silent.set)
    watch.allow(3_600)
    watch.allow(0.001)
    await asyncio.wait_for(fell_silent.wait(), 60)
    assert watch.expired
