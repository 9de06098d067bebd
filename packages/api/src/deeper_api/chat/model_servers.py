"""The model servers: which of them is asked, and the line in front of each."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec.structs import replace
from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter

from deeper_api.chat.admission import Admission, Turn
from deeper_api.chat.frames import Queued
from deeper_api.limits.lines import Ticket
from deeper_api.telemetry.answers import WatchedAnswer
from deeper_core import ChatEvent, ChatRequest, DeeperError, ModelNotFound, ModelServerError, Overloaded
from deeper_model.pool import Attempts, BreakerState, Lease, ModelPool

_log = logging.getLogger("deeper.models")


class ModelServers:
    """Lets answers in, each at one of the servers of ``pool``; ``lines`` has a line for each of these by its name.

    ``house`` is the line in which nobody waits, and which counts how many answers a user has at all of them together;
    where there is only one server, its own line counts that.
    """

    def __init__(
        self,
        pool: ModelPool,
        lines: Mapping[str, Admission],
        house: Admission | None = None,
        *,
        meter: Meter | None = None,
    ) -> None:
        self.pool = pool
        self._lines = lines
        self._house = house
        meter = meter or get_meter("deeper")
        meter.create_observable_up_down_counter(
            "deeper.model.in_flight",
            [self._observe_in_flight],
            unit="{answer}",
            description="Answers that model servers give, or that wait for one of them.",
        )
        meter.create_observable_up_down_counter(
            "deeper.model.open",
            [self._observe_open],
            unit="{process}",
            description="Processes that leave a model server out because it fails.",
        )
        self._moves = meter.create_counter(
            "deeper.model.moves", unit="{answer}", description="Answers that left a model server for another, and why."
        )

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Keep the lines, and tell of servers that fail, for as long as the context lasts."""
        async with AsyncExitStack() as stack:
            for line in (*self._lines.values(), *([self._house] if self._house else [])):
                await stack.enter_async_context(line.open())
            stack.enter_context(self.pool.watching(_tell))
            self.pool.look_after_members()
            yield

    async def enter(self, ticket: Ticket, model: str) -> "Visit":
        """Return a place in the line of the server to ask, which may be admitted at once.

        That no server can be asked is seen by those who ask for the answer, as if it had been asked.

        Raises:
            Overloaded: too many wait already, wherever the model is.
            RateLimited: the user has too many answers in the making already.
        """
        membership = None
        if self._house is not None:
            membership, ticket = await self._house.enter(ticket), replace(ticket, most=0)
        visit = Visit(self, ticket, model, membership)
        try:
            await visit.enter()
        except BaseException:
            visit.leave()
            raise
        return visit

    def line(self, server: str) -> Admission:
        """Return the line in front of a server."""
        return self._lines[server]

    @property
    def are_several(self) -> bool:
        """Whether there is more than one."""
        return len(self._lines) > 1

    def note_move(self, ticket: Ticket, before: str, after: str, reason: str) -> None:
        """Take note that an answer went from one server to another, because of its error or of others'."""
        self._moves.add(1, {"server": before, "reason": reason})
        fields = {"generation_id": ticket.id, "server": before, "to": after, "reason": reason}
        _log.info("an answer moved", extra={"fields": fields})

    def _observe_in_flight(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(each.in_flight, {"server": each.name}) for each in self.pool.members()]

    def _observe_open(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(int(each.state != "up"), {"server": each.name}) for each in self.pool.members()]


class Visit:
    """One answer's way through the servers: a place in a line and an answer, or another place and another's answer.

    ``server`` is where it is, None if no server could be chosen; ``is_asked`` says whether any was asked.
    """

    def __init__(self, servers: ModelServers, ticket: Ticket, model: str, membership: Turn | None) -> None:
        self.server: str | None = None
        self.is_asked = False
        self._servers = servers
        self._pool = servers.pool
        self._attempts = Attempts(servers.pool, model, servers.pool.retries, failed=self._note_failure)
        self._ticket = ticket
        self._model = model
        self._membership = membership
        self._lease: Lease | None = None  # until it is used
        self._turn: Turn | None = None
        self._waited = 0.0
        self._moves = 0
        self._moved: Callable[[Queued], None] | None = None
        self._watch: WatchedAnswer | None = None
        self._end_asking: Callable[[], None] | None = None
        self._is_queued = False

    @property
    def waited(self) -> float:
        """Seconds in lines, until now if it still waits."""
        return self._waited + (0.0 if self._turn is None else self._turn.waited)

    async def enter(self) -> None:
        """Enter the line of the server to ask, or of another if that is full."""
        full: dict[str, Overloaded] = {}
        while True:
            try:
                lease = await self._pool.choose(self._model, full.keys())
            except (ModelServerError, ModelNotFound):
                if full:
                    raise min(full.values(), key=_seconds) from None
                return  # whoever asks for the answer is told
            try:
                self._turn = await self._servers.line(lease.name).enter(self._ticket)
            except Overloaded as error:
                lease.leave()
                full[lease.name] = error
                if not self._pool.can_choose(self._model, full.keys()):
                    raise min(full.values(), key=_seconds) from None
            except BaseException:
                lease.leave()
                raise
            else:
                self._lease, self.server = lease, lease.name
                return

    def answer(
        self, request: ChatRequest, moved: Callable[[Queued], None], watch: WatchedAnswer
    ) -> AsyncGenerator[ChatEvent, None]:
        """Stream the answer, once its turn has come; ``moved`` is told of the places at which it waits for that.

        ``watch`` sees each server that is asked, and what comes of it.

        Raises:
            ModelNotFound: nobody has the model.
            ModelServerError: whatever else.
        """
        self._moved, self._watch = moved, watch
        return self._attempts.stream(request, self._come, asyncio.sleep)

    def leave(self) -> None:
        """Make room for others. It may be left in any state, and more than once."""
        self._stop_asking()
        for held in (self._lease, self._turn, self._membership):
            if held is not None:
                held.leave()

    async def _come(self) -> Lease:
        """Return whom to ask, when its turn has come there."""
        lease, turn = (self._lease, self._turn) if self._lease and self._turn else await self._go(self._attempts.error)
        while True:
            if not turn.admitted:
                await self._wait(lease, turn)
            if self._should_go(lease, turn):
                lease, turn = await self._go(None)
            elif turn.admitted:
                break
        if self._is_queued:
            self._show(Queued(position=0, estimate_ms=0))
        self.is_asked, self._lease = True, None
        if self._watch is not None:
            self._end_asking = self._watch.asking(lease.name)
        return lease

    def _note_failure(self, error: DeeperError) -> None:
        """Take note that a try failed, after which there may be another."""
        self._stop_asking()
        if self._watch is not None:
            self._watch.try_failed(error.code)

    def _stop_asking(self) -> None:
        if self._end_asking is not None:
            self._end_asking()

    def _should_go(self, lease: Lease, turn: Turn) -> bool:
        """Tell whether to go elsewhere: the server is not to be asked, and another is, or it would be asked now."""
        if not self._servers.are_several or not lease.is_pointless:
            return False
        return turn.admitted or self._pool.can_choose(self._model, {lease.name})

    async def _go(self, error: DeeperError | None) -> tuple[Lease, Turn]:
        """Choose anew, and enter that line, unless it is there already."""
        if self._lease is not None:
            self._lease.leave()
        self._lease = lease = await self._attempts.choose()
        turn, before = self._turn, self.server
        if turn is not None and lease.name == before:
            return lease, turn
        if turn is not None:
            self._waited += turn.waited
            turn.leave()
            self._turn = None
        self._moves += 1
        ticket = self._ticket
        if before is not None:
            # It was taken on, so it is not refused; and it has been in other lines by its own name.
            ticket = replace(ticket, id=f"{ticket.id}.{self._moves}", returns=True)
            reason = "open" if error is None else error.code.value
            self._servers.note_move(self._ticket, before, lease.name, reason)
            if self._watch is not None:
                self._watch.moved(before, lease.name, reason)
        self.server = lease.name
        self._turn = turn = await self._servers.line(lease.name).enter(ticket)
        return lease, turn

    async def _wait(self, lease: Lease, turn: Turn) -> None:
        """Return when its turn has come, or something has happened because of which it may go elsewhere."""
        turn.follow(self._show)
        if not self._servers.are_several:
            await turn.admission
            return
        news = asyncio.get_running_loop().create_future()

        def hear(_: str, __: BreakerState) -> None:
            if not news.done():
                news.set_result(None)

        with self._pool.watching(hear):
            if not self._should_go(lease, turn):
                await asyncio.wait({turn.admission, news}, return_when=asyncio.FIRST_COMPLETED)

    def _show(self, place: Queued) -> None:
        self._is_queued = place.position > 0
        if self._moved is not None:
            self._moved(place)


def _seconds(refusal: Overloaded) -> float:
    return refusal.retry_after or 0.0


def _tell(server: str, state: BreakerState) -> None:
    fields = {"fields": {"server": server}}
    if state == "open":
        _log.warning("a model server fails", extra=fields)
    else:
        _log.info("a model server works again", extra=fields)
