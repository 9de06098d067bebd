"""One generation in the memory of the process that runs it: its answer so far, and who looks at it."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Literal

from deeper_api.chat.frames import Context, Done, Failed, Numbered, Piece, Queued, Start
from deeper_api.chat.pieces import Body, extend, join, make_piece, split
from deeper_api.store.generation_rows import Kind, Run
from deeper_core import Delta, Finish, GenerationId, UserId

# How much one step of a viewer hands on at most, in positions: bounds the work between two turns of the event loop.
BATCH = 65_536
# How much of an answer stays in memory once it is in the journal. Viewers that are further behind read it from there.
_KEPT = 65_536
# A response that follows a generation needs a moment to begin.
_GRACE_SECONDS = 5.0

CancelReason = Literal["stopped", "abandoned", "shutdown", "refused", "lost"]


class Generation:
    """A running or just finished answer, which only grows. Nobody but its engine adds to it.

    ``abandon_after`` is the number of seconds without a viewer after which it is cancelled; None for never.
    """

    def __init__(
        self,
        start: Start,
        *,
        user_id: UserId,
        purpose: Literal["chat", "title"] = "chat",
        context: Context | None = None,
        abandon_after: float | None = 0.0,
    ) -> None:
        self.start = start
        self.purpose = purpose
        self.context = context
        self.user_id = user_id
        self.place: Queued | None = None
        self.last: Done | Failed | None = None
        self.cancelled: CancelReason | None = None
        self.position = 0
        self.tokens = 0
        # What is in the journal: up to which position, how many tokens of it, and the order of it.
        self.written = 0
        self.written_tokens = 0
        self.runs: list[Run] = []
        self._pieces: list[Piece] = []
        self._ends: list[int] = []  # position behind each of them
        self._base = 0  # position before the first of them
        self._task: asyncio.Task[Finish] | None = None
        self._viewers = 0
        self._watched_until = 0.0
        self._abandon_after = abandon_after
        self._abandoning: asyncio.TimerHandle | None = None
        self._wakers: set[Callable[[], None]] = set()

    @property
    def id(self) -> GenerationId:
        """Its id."""
        return self.start.generation_id

    def run_as(self, task: asyncio.Task[Finish]) -> None:
        """Remember the task that adds to it, so that it can be cancelled."""
        self._task = task
        if self.cancelled:
            task.cancel()

    def expect_viewers(self) -> None:
        """Begin to look for viewers: from now on there can be some, and may be already."""
        if self._viewers == 0 and self._abandon_after is not None and self.last is None:
            self._abandon_in(max(self._abandon_after, _GRACE_SECONDS))

    def wait_at(self, place: Queued) -> None:
        """Take note of its place in the line, and wake all who wait for it."""
        self.place = place
        self._wake()

    def add(self, delta: Delta) -> None:
        """Add what the model said and wake all who wait for it."""
        if delta.thinking:
            self._append(Piece(thinking=delta.thinking), len(delta.thinking))
        if delta.content:
            self._append(Piece(content=delta.content), len(delta.content))
        if delta.tool_calls:
            self._append(Piece(tool_calls=delta.tool_calls), len(delta.tool_calls))
        self.tokens += delta.pieces
        self._wake()

    def finish(self, last: Done | Failed) -> None:
        """Add the last frame, and wake all who wait for it."""
        self.last = last
        self._stop_abandoning()
        self._wake()

    def cancel(self, reason: CancelReason) -> None:
        """Ask the generation to end; the first reason counts. Does nothing once the model is done."""
        if self.cancelled or self.last is not None or (self._task is not None and self._task.done()):
            return
        self.cancelled = reason
        if self._task is not None:
            self._task.cancel()

    # -- reading ---------------------------------------------------------------------------------------------------

    def holds(self, after: int) -> bool:
        """Tell whether everything after this position is in memory."""
        return after >= self._base

    def read(self, after: int) -> list[Numbered]:
        """Return what has come after a position that it `holds`: a bounded portion, with neighbours joined."""
        first = bisect_right(self._ends, after)
        if first == len(self._ends):
            return []
        behind = max(first + 1, bisect_left(self._ends, after + BATCH, lo=first))
        before = self._ends[first - 1] if first else self._base
        if behind == first + 1 and before == after:
            return [(self._ends[first], self._pieces[first])]
        return self._joined(first, behind, skip=max(0, after - before))

    def _joined(self, first: int, behind: int, *, skip: int) -> list[Numbered]:
        pieces = self._pieces[first:behind]
        if skip:
            kind, body = split(pieces[0])
            pieces[0] = make_piece(kind, body[skip:])
        position = (self._ends[first - 1] if first else self._base) + skip
        frames: list[Numbered] = []
        for kind, body in join(pieces):
            position += len(body)
            frames.append((position, make_piece(kind, body)))
        return frames

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Generator[None]:
        """Call ``wake`` whenever there is more to read, for as long as the context lasts."""
        self._wakers.add(wake)
        try:
            yield
        finally:
            self._wakers.discard(wake)

    # -- the journal -----------------------------------------------------------------------------------------------

    @property
    def unwritten_length(self) -> int:
        """How much of it is not yet in the journal, in positions."""
        return self.position - self.written

    def unwritten(self, most: int | None = None) -> list[tuple[Kind, Body]]:
        """Return what is not yet in the journal, or of it no more than one piece and ``most`` positions."""
        first = bisect_right(self._ends, self.written)
        behind = None if most is None else max(first + 1, bisect_right(self._ends, self.written + most))
        return list(join(self._pieces[first:behind]))

    def note_written(self, bodies: list[tuple[Kind, Body]], tokens: int) -> None:
        """Take note that these bodies, which `unwritten` returned, are in the journal, with the first ``tokens``."""
        for kind, body in bodies:
            extend(self.runs, kind, len(body), body if isinstance(body, tuple) else ())
            self.written += len(body)
        self.written_tokens = tokens
        if self.written - self._base > _KEPT:
            gone = bisect_right(self._ends, self.written - _KEPT // 2)
            self._base = self._ends[gone - 1] if gone else self._base
            del self._pieces[:gone], self._ends[:gone]

    # -- viewers ---------------------------------------------------------------------------------------------------

    @contextmanager
    def viewer(self) -> Generator[None]:
        """Count one viewer for as long as the context lasts."""
        self._viewers += 1
        self._stop_abandoning()
        try:
            yield
        finally:
            self._viewers -= 1
            self._look_for_viewers()

    def watched_elsewhere(self, seconds: float) -> None:
        """Take note that somebody follows it by another process, and will for so many seconds at least."""
        self._watched_until = asyncio.get_running_loop().time() + seconds
        if self._viewers == 0:
            self._look_for_viewers()

    def _look_for_viewers(self) -> None:
        if self._viewers or self._abandon_after is None or self.last is not None:
            return
        elsewhere = self._watched_until - asyncio.get_running_loop().time()
        if elsewhere <= 0 and self._abandon_after == 0:
            self.cancel("abandoned")
        else:
            self._abandon_in(max(0.0, elsewhere) + self._abandon_after)

    def _abandon_in(self, seconds: float) -> None:
        self._stop_abandoning()
        self._abandoning = asyncio.get_running_loop().call_later(seconds, self.cancel, "abandoned")

    def _stop_abandoning(self) -> None:
        if self._abandoning is not None:
            self._abandoning.cancel()
            self._abandoning = None

    def _append(self, piece: Piece, size: int) -> None:
        self.position += size
        self._pieces.append(piece)
        self._ends.append(self.position)

    def _wake(self) -> None:
        for wake in self._wakers:
            wake()
