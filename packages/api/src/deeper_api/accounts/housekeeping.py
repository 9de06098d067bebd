"""What has to be tidied up from time to time."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from deeper_auth import SessionStore
from deeper_core import DatabaseUnavailable

_log = logging.getLogger("deeper.housekeeping")

# Long enough for somebody to ask why a session ended, short enough to keep the table small.
_KEPT = timedelta(days=7)
_PAUSE_SECONDS = 3_600.0


@asynccontextmanager
async def forgetting_ended_sessions(store: SessionStore, *, pause: float = _PAUSE_SECONDS) -> AsyncGenerator[None]:
    """Drop sessions that ended a week ago, now and every ``pause`` seconds for as long as the context lasts."""
    over = asyncio.Event()
    task = asyncio.create_task(_forget(store, pause, over), name="forget ended sessions")
    try:
        yield
    finally:
        # The event as well: before Python 3.12 asyncio.wait_for, by which the pool of connections waits, may swallow a
        # cancellation.
        over.set()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _forget(store: SessionStore, pause: float, over: asyncio.Event) -> None:
    while not over.is_set():
        try:
            await store.forget_ended(_KEPT)
        except DatabaseUnavailable:
            pass  # the next time will do
        except Exception:  # noqa: BLE001  - whatever it is, the next time may succeed, and nobody waits for the result
            _log.exception("cannot forget ended sessions")
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await over.wait()
