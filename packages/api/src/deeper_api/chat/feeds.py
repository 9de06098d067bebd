"""What one viewer sees of a generation, whichever process runs it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from deeper_api.chat.bells import Bells
from deeper_api.chat.followers import Follower
from deeper_api.chat.frames import Done, Failed, Numbered, Queued
from deeper_api.chat.generations import Generation
from deeper_api.chat.readers import Reader, first_frames
from deeper_api.store.generation_rows import StoredGeneration
from deeper_core import DatabaseUnavailable

# Pause after which the database is asked again, when it does not answer.
_RETRY_SECONDS = 1.0


class Feed:
    """The frames of one generation after a position, for one viewer; ``after`` None is from the very beginning.

    ``live`` is the generation where this process runs it, else ``row`` is what the database says of it. A live one is
    followed in memory. What memory no longer holds, and what other processes run, is read from the database.
    """

    def __init__(
        self,
        *,
        reader: Reader,
        bells: Bells,
        after: int | None,
        live: Generation | None = None,
        row: StoredGeneration | None = None,
    ) -> None:
        self._reader = reader
        self._bells = bells
        self._after = after
        self._live = live
        self._row = row

    @property
    def over(self) -> bool:
        """Whether the viewer has seen everything, the last frame included.

        After a crash nobody knows how much a viewer has seen, so the last frame of an interrupted answer is sent again.
        """
        live, row = self._live, self._row
        if live is not None:
            return live.last is not None and self._after == live.position + 1
        if row is None or row.state in {"running", "interrupted"}:
            return False
        return self._after == row.length + 1

    def viewer(self) -> AbstractContextManager[None]:
        """Count as a viewer for as long as the context lasts. Others tell the process that runs it, while they wait."""
        return nullcontext() if self._live is None else self._live.viewer()

    async def tail(self, heartbeat: float, leaving: asyncio.Future[None]) -> AsyncGenerator[Sequence[Numbered], None]:
        """Yield frames as they come, until the last one, or until ``leaving`` is done.

        Yields no frames when nothing has come for ``heartbeat`` seconds, and at once when there is no beginning. While
        the database does not answer, what is there cannot be read: the feed waits for it.
        """
        position, told = self._after or 0, None
        with self._following(heartbeat, leaving) as follower:
            # Whoever comes back is told at once that there is somebody, even if there is nothing new.
            yield self._beginning()
            while not leaving.done():
                try:
                    frames = await self._next(position)
                except DatabaseUnavailable:
                    await asyncio.wait({leaving}, timeout=_RETRY_SECONDS)
                    yield ()
                    continue
                if not frames:
                    place = self._place(told)
                    if place is not None:
                        told = place
                        yield [(None, place)]
                    elif not await follower.wait():
                        yield ()
                    continue
                yield frames
                last, frame = frames[-1]
                if isinstance(frame, Done | Failed):
                    return
                position = last or position
                # A server whose client has left may accept every write at once. So whoever does not have to wait still
                # gives the event loop its turn, in which the disconnect is noticed.
                live = self._live
                if live is None or live.position > position or live.last is not None:
                    await asyncio.sleep(0)

    async def available(self) -> list[Numbered]:
        """Return all that has come after the position until now, without waiting for more."""
        seen, position = self._beginning(), self._after or 0
        live = self._live
        # A model may say more in each turn of the event loop.
        now = live.position if live is not None and live.last is None else None
        while frames := await self._next(position):
            seen += frames
            last, frame = frames[-1]
            position = last or position
            if isinstance(frame, Done | Failed) or (now is not None and position >= now):
                break
            await asyncio.sleep(0)
        return seen

    def _beginning(self) -> list[Numbered]:
        if self._live is not None:
            frames: list[Numbered] = [(0, self._live.start)]
            if self._live.context is not None:
                frames.append((None, self._live.context))
        else:
            frames = first_frames(self._row) if self._row is not None else []
        if self._after is None:
            return frames
        return frames[1:] if self._after == 0 else []

    def _place(self, told: Queued | None) -> Queued | None:
        """Return the place in the line, if it is another than the one that the viewer was told."""
        place = self._live.place if self._live is not None else None
        if place is None or place is told or (told is None and place.position == 0):
            return None
        return place

    async def _next(self, position: int) -> list[Numbered]:
        live = self._live
        if live is None or not live.holds(position):
            return await self._reader.next(position)
        frames = live.read(position)
        if not frames and live.last is not None:
            return [(live.position + 1, live.last)]
        return frames

    @contextmanager
    def _following(self, heartbeat: float, leaving: asyncio.Future[None]) -> Generator[Follower]:
        follower = Follower(heartbeat)
        leaving.add_done_callback(follower.wake)
        try:
            with self._waking(follower.wake):
                yield follower
        finally:
            leaving.remove_done_callback(follower.wake)
            follower.close()

    def _waking(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        if self._live is not None:
            return self._live.waking(wake)
        return nullcontext() if self._row is None else self._bells.waking(self._row.id, wake)
