"""Admission: before the model server is asked, every answer waits for its turn in the line."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from msgspec.structs import replace

from deeper_api.chat.frames import Queued
from deeper_api.limits.lines import Departure, Line, LineUnavailable, Standing, Ticket
from deeper_api.tasks import background
from deeper_api.telemetry.contexts import NOBODYS
from deeper_core import InternalError, Overloaded, RateLimited

_log = logging.getLogger("deeper.admission")

# While somebody waits here, other processes may make room; they do not say so.
_ASK_SECONDS: Final = 0.1
# How often a shared line is told all that is held here, so that it neither forgets it nor keeps what is over.
_TELL_SECONDS: Final = 2.0
# Bounds of what those are told who are refused, in seconds.
_SOONEST: Final = 1.0
_LATEST: Final = 60.0
_EXCESS: Final = "You have as many answers in the making as one may have. Wait for one to end, or cancel it."


class Turn:
    """A place in the line, and then a part of the model server, until it is left."""

    def __init__(self, ticket: Ticket, leave: Callable[["Turn"], None]) -> None:
        self.ticket = ticket
        self.over = False
        self.known = False  # to the line
        self.place: Queued | None = None
        self.moved: Callable[[Queued], None] | None = None
        self._leave = leave
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._admitted_at: float | None = None
        self.entered: asyncio.Future[None] = self._loop.create_future()
        self.admission: asyncio.Future[None] = self._loop.create_future()

    @property
    def admitted(self) -> bool:
        """Whether the model server may be asked."""
        return self._admitted_at is not None

    @property
    def waited(self) -> float:
        """Seconds in the line, until now if it still waits."""
        return (self._loop.time() if self._admitted_at is None else self._admitted_at) - self._since

    @property
    def worked(self) -> float | None:
        """Seconds since it was admitted, None if it was not."""
        return None if self._admitted_at is None else self._loop.time() - self._admitted_at

    def follow(self, moved: Callable[[Queued], None]) -> None:
        """Tell ``moved`` the places at which it waits, and 0 when it no longer does; ``admission`` is done then."""
        self.moved = moved
        if self.place is not None:
            moved(self.place)

    def leave(self) -> None:
        """Make room for others. It may be left in any state, and more than once."""
        if not self.over:
            self.over = True
            self._leave(self)

    # -- for the admission -----------------------------------------------------------------------------------------

    def admit(self) -> None:
        """Take note that it is its turn."""
        if self._admitted_at is None:
            self._admitted_at = self._loop.time()
            self._enter()
            if not self.admission.done():
                self.admission.set_result(None)
            if self.place is not None:
                self._move(Queued(position=0, estimate_ms=0))

    def wait_at(self, place: Queued) -> None:
        """Take note of its place."""
        if not self.admitted and (self.place is None or self.place.position != place.position):
            self._move(place)
        self._enter()

    def refuse(self, error: BaseException) -> None:
        """Let whoever enters see ``error``."""
        if not self.entered.done():
            self.entered.set_exception(error)

    def _enter(self) -> None:
        if not self.entered.done():
            self.entered.set_result(None)

    def _move(self, place: Queued) -> None:
        self.place = place
        if self.moved is not None:
            self.moved(place)


class Admission:
    """Lets answers in by turns.

    ``shared`` is the line of all processes; while there is none, or it is out of reach, it is one of this process's
    own, which ``own`` makes.
    """

    def __init__(self, own: Callable[[], Line], shared: Line | None = None) -> None:
        self._own = own
        self._shared = shared
        self._line: Line = own()
        self._is_told = True  # of all that is held here
        self._held: dict[str, Turn] = {}
        self._entering: list[Turn] = []
        self._left: list[Departure] = []
        self._asking = False
        self._told_at = 0.0
        self._updating: asyncio.Task[None] | None = None
        self._occupied = asyncio.Event()  # set while anything is held

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Keep places in a shared line for as long as the context lasts. By then all turns have to be over."""
        async with background(self._keep_places(), name="keep places in the line"):
            yield
        while self._updating is not None and not self._updating.done():
            await asyncio.wait({self._updating})  # after which somebody may leave who came too late

    async def enter(self, ticket: Ticket) -> Turn:
        """Return a place in the line, which may be admitted at once.

        Raises:
            Overloaded: too many wait already.
            RateLimited: the user has too many answers in the making already.
        """
        turn = Turn(ticket, self._leave)
        self._entering.append(turn)
        self._update_soon()
        try:
            await turn.entered
        except BaseException:
            turn.leave()  # refused, or whoever asked is gone
            raise
        return turn

    def _leave(self, turn: Turn) -> None:
        if turn.known:  # else it leaves when the line knows it
            del self._held[turn.ticket.id]
            self._left.append(Departure(id=turn.ticket.id, seconds=turn.worked))
            self._update_soon()

    def _update_soon(self) -> None:
        if self._updating is None or self._updating.done():
            self._updating = asyncio.create_task(self._update(), name="line", context=NOBODYS())

    async def _keep_places(self) -> None:
        """Ask again and again, while anything of this process is in a line that it shares with others, or may be."""
        while self._shared is not None:
            await self._occupied.wait()
            await asyncio.sleep(_ASK_SECONDS)
            if not self._held and self._line is self._shared and self._is_told:
                self._occupied.clear()
            elif self._is_time_to_tell() or any(not turn.admitted for turn in self._held.values()):
                self._asking = True
                self._update_soon()

    def _is_time_to_tell(self) -> bool:
        return asyncio.get_running_loop().time() - self._told_at >= _TELL_SECONDS

    async def _update(self) -> None:
        """Tell the line what has happened here, again until nothing more has."""
        while self._entering or self._left or self._asking:
            entering = [turn for turn in self._entering if not turn.over]
            left, self._entering, self._left, self._asking = self._left, [], [], False
            try:
                await self._tell(entering, left)
            except Exception:  # noqa: BLE001  - a fault of ours must not hold up everybody for ever
                _log.exception("the line failed")
                self._is_told = False  # of those that left, for one
                for turn in entering:
                    turn.refuse(InternalError())

    async def _tell(self, entering: list[Turn], left: list[Departure]) -> None:
        if self._shared is not None:
            try:
                await self._tell_line(self._shared, entering, left)
            except LineUnavailable:  # whoever keeps it says so
                self._occupied.set()  # by what it did all the same, or was not told to be over
            else:
                return
        line = self._own() if self._line is self._shared else self._line
        await self._tell_line(line, entering, left)

    async def _tell_line(self, line: Line, entering: list[Turn], left: list[Departure]) -> None:
        """Tell ``line`` who enters and who has left, and take note of what it says of those that are here."""
        held = list(self._held.values())
        is_strange = line is not self._line or not self._is_told
        returning = sorted(held, key=_turn_of) if is_strange else []
        complete = is_strange or self._is_time_to_tell()
        standings = await line.update(
            enter=[_returning(turn) for turn in returning] + [turn.ticket for turn in entering],
            leave=left,
            ask=[turn.ticket.id for turn in held if complete or not turn.admitted],
            complete=complete,
        )
        self._line, self._is_told = line, True
        if complete:
            self._told_at = asyncio.get_running_loop().time()
        turns = {turn.ticket.id: turn for turn in (*held, *entering)}
        for standing in standings.standings:
            self._note(turns[standing.id], standing, standings.seconds)

    def _note(self, turn: Turn, standing: Standing, seconds: float) -> None:
        match standing.state:
            case "full":
                turn.refuse(Overloaded(retry_after=_bounded(seconds / self._line.parallel)))
            case "excess":
                turn.refuse(RateLimited(_EXCESS, retry_after=_bounded(seconds)))
            case "unknown":
                self._is_told, self._asking = False, True
            case "admitted" | "waiting":
                self._note_place(turn, standing, seconds)

    def _note_place(self, turn: Turn, standing: Standing, seconds: float) -> None:
        if turn.over:
            if not turn.known:
                self._left.append(Departure(id=standing.id))
            return
        turn.known = True
        self._held[standing.id] = turn
        self._occupied.set()
        if self._line is self._shared:  # which goes on meanwhile, and to which tags of another mean nothing
            turn.ticket = replace(turn.ticket, tag=standing.tag)
        if standing.state == "admitted":
            turn.admit()
        else:
            position = standing.ahead + 1
            estimate = round(position * seconds / self._line.parallel * 1_000) if seconds else None
            turn.wait_at(Queued(position=position, estimate_ms=estimate))


def _returning(turn: Turn) -> Ticket:
    return replace(turn.ticket, returns=True, admitted=turn.admitted)


def _turn_of(turn: Turn) -> tuple[bool, bool, int, str]:
    """Return what turns are sorted by when they come back: who was admitted, who had a tag, and who came later."""
    tag = turn.ticket.tag
    return not turn.admitted, tag is None, tag or 0, turn.ticket.id


def _bounded(seconds: float) -> float:
    return min(max(seconds, _SOONEST), _LATEST)
