"""Tasks that run beside everything else for as long as the application does."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager

from deeper_core import DatabaseUnavailable

_log = logging.getLogger("deeper.tasks")


@asynccontextmanager
async def background(work: Coroutine[None, None, None], *, name: str) -> AsyncGenerator[None]:
    """Run ``work``, which never ends by itself, for as long as the context lasts."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        # Once is not enough: before Python 3.12 asyncio.wait_for, by which the pool of connections waits, may swallow a
        # cancellation.
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=0.5)


@asynccontextmanager
async def regularly(step: Callable[[], Awaitable[object]], *, pause: float, name: str) -> AsyncGenerator[None]:
    """Take ``step`` now and every ``pause`` seconds for as long as the context lasts. A step that fails is logged."""
    async with background(_repeat(step, pause, name), name=name):
        yield


async def _repeat(step: Callable[[], Awaitable[object]], pause: float, name: str) -> None:
    while True:
        try:
            await step()
        except DatabaseUnavailable:
            pass  # the next time will do
        except Exception:  # noqa: BLE001  - whatever it is, the next time may succeed, and nobody waits for the result
            _log.exception("cannot %s", name)
        await asyncio.sleep(pause)
