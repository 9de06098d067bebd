"""Notifications from other processes, by one connection that is kept for them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Final

import psycopg

from deeper_api.store.pool import Connection, connect_alone
from deeper_api.tasks import background, unbroken
from deeper_core import DatabaseUnavailable, RunnerId

_log = logging.getLogger("deeper.store")

_LISTEN: Final = "listen deeper"
# Shows other processes that this one is there; ends with the connection. Shared with an earlier connection of this
# process: the server may not notice for hours that it is gone, and this one would wait for it.
_SHOW: Final = "select pg_advisory_lock_shared(hashtextextended('deeper runner ' || %(runner_id)s::text, 0))"
_FIRST_PAUSE: Final = 0.1  # seconds, doubled from one attempt to the next
_LONGEST_PAUSE: Final = 2.0


@asynccontextmanager
async def listening(
    url: str, runner_id: RunnerId, *, heard: Callable[[str], None], connected: Callable[[], Coroutine[None, None, None]]
) -> AsyncGenerator[None]:
    """Call ``heard`` with each notification for as long as the context lasts.

    Connects again whenever the connection is lost, and then awaits ``connected``, since notifications may have been
    missed. Does not wait for the database, which may come up later.
    """
    async with background(_listen_for_ever(url, runner_id, heard, connected), name="listen"):
        yield


async def _listen_for_ever(
    url: str, runner_id: RunnerId, heard: Callable[[str], None], connected: Callable[[], Coroutine[None, None, None]]
) -> None:
    pause = _FIRST_PAUSE
    while True:
        try:
            async with await connect_alone(url, "deeper-api listener") as line:
                await _show(line, runner_id)
                pause = _FIRST_PAUSE
                await unbroken(connected())
                async for notification in line.notifies():
                    heard(notification.payload)
        except (psycopg.Error, DatabaseUnavailable):
            pass
        except Exception:  # noqa: BLE001  - whatever it is, nobody else would ever connect again
            _log.exception("cannot listen for notifications")
        await asyncio.sleep(pause)
        pause = min(_LONGEST_PAUSE, 2 * pause)


async def _show(line: Connection, runner_id: RunnerId) -> None:
    await line.execute(_LISTEN)
    await line.execute(_SHOW, {"runner_id": runner_id})
