"""Tasks that run beside everything else for as long as the application does."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

from deeper_core import DatabaseUnavailable

T = TypeVar("T")

_log = logging.getLogger("deeper.tasks")


@asynccontextmanager
async def background(work: Coroutine[None, None, None], *, name: str) -> AsyncGenerator[None]:
    """Run ``work``, which never ends by itself, for as long as the context lasts."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        # Once may not be enough: before Python 3.12 asyncio.wait_for, by which many libraries wait, may swallow it.
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=0.5)


async def unbroken(work: Coroutine[None, None, T]) -> T:
    """Return the result of ``work``, which is short; a cancellation comes through when it is done, a second at once.

    For the statements of tasks that run in the background: when psycopg is cancelled it asks the server to cancel, too,
    and then waits for seconds whether it does.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_look_at)
        await asyncio.wait({task})
        raise


def _look_at(task: asyncio.Future[T]) -> None:
    """Take what became of ``task``, which is of no interest any more: asyncio would log it, if nobody did."""
    if not task.cancelled():
        task.exception()


@asynccontextmanager
async def regularly(
    step: Callable[[], Coroutine[None, None, object]], *, pause: float, name: str
) -> AsyncGenerator[None]:
    """Take ``step`` now and every ``pause`` seconds for as long as the context lasts. A step that fails is logged."""
    async with background(_repeat(step, pause, name), name=name):
        yield


async def _repeat(step: Callable[[], Coroutine[None, None, object]], pause: float, name: str) -> None:
    while True:
        try:
            await unbroken(step())
        except DatabaseUnavailable:
            pass  # the next time will do
        except Exception:  # noqa: BLE001  - whatever it is, the next time may succeed, and nobody waits for the result
            _log.exception("cannot %s", name)
        await asyncio.sleep(pause)
