"""Group commit: what many ask for at the same time is done by one statement."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from deeper_api.telemetry.contexts import NOBODYS
from deeper_api.telemetry.traces import span
from deeper_core import DatabaseUnavailable

# In characters: what is sent to the database is made in memory first.
_HEAVIEST: Final = 4 * 1024 * 1024

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batches(Generic[Item, Result]):
    """Hands items to ``write`` in batches: while one batch is written, the next one gathers.

    So one item alone waits for nothing, and a thousand at once cost a few statements. ``write`` returns a result for
    each item, in their order. Where it raises DatabaseUnavailable, all who gave it an item get that; after any other
    error, for which one item may be to blame, each item is written alone. A batch has ``at_once`` items at most, and
    the characters that ``weigh`` counts in them are bounded, too.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        at_once: int,
        weigh: Callable[[Item], int],
    ) -> None:
        self._write = write
        self._at_once = at_once
        self._weigh = weigh
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Result:
        """Return the result for ``item``, once the batch with it is written."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="group commit", context=NOBODYS())
        with span("group commit", {}):
            return await future

    async def _drain(self) -> None:
        # Whoever is ready in this turn of the event loop comes along.
        await asyncio.sleep(0)
        while self._waiting:
            await self._settle(self._next_batch())
        self._task = None

    async def _settle(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            settled = list(zip(batch, await self._write([item for item, _ in batch]), strict=True))
        except Exception as error:  # noqa: BLE001  - whatever it is, it belongs to those who wait for the result
            if len(batch) > 1 and not isinstance(error, DatabaseUnavailable):
                for one in batch:
                    await self._settle([one])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), result in settled:
                if not future.done():
                    future.set_result(result)

    def _next_batch(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        size = weight = 0
        for item, _ in self._waiting[: self._at_once]:
            weight += self._weigh(item)
            if size and weight > _HEAVIEST:
                break
            size += 1
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        return batch
