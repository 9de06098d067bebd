"""What has to be tidied up from time to time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from deeper_auth import SessionStore
from deeper_core import DatabaseUnavailable

# Long enough for somebody to ask why a session ended, short enough to keep the table small.
_KEPT = timedelta(days=7)
_PAUSE_SECONDS = 3_600.0


@asynccontextmanager
async def forgetting_ended_sessions(store: SessionStore, *, pause: float = _PAUSE_SECONDS) -> AsyncGenerator[None]:
    """Drop sessions that ended a week ago, now and every ``pause`` seconds for as long as the context lasts."""
    task = asyncio.create_task(_forget(store, pause), name="forget ended sessions")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _forget(store: SessionStore, pause: float) -> None:
    while True:
        with suppress(DatabaseUnavailable):  # the next time will do
            await store.forget_ended(_KEPT)
        await asyncio.sleep(pause)
