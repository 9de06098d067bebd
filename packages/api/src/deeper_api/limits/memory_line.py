"""The line in this process: for one process without Redis, and for each while Redis does not answer."""

from bisect import bisect_left, insort
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from deeper_api.limits.lines import Departure, Standing, Standings, Ticket, mean


class _User(Struct):
    """What is known of a user who holds ``held`` tickets; the last of them has the tag ``last``."""

    held: int = 0
    last: int = 0


class MemoryLine:
    """A line of one holder, which admits ``parallel`` at once and lets ``queue`` wait."""

    def __init__(self, *, parallel: int, queue: int) -> None:
        self.parallel = parallel
        self._queue = queue
        self._admitted: dict[str, Ticket] = {}
        self._waiting: dict[str, Ticket] = {}
        self._order: list[tuple[int, str]] = []  # tags and ids of those that wait
        self._users: dict[str, _User] = {}
        self._clock = 0
        self._seconds = 0.0

    async def update(
        self,
        *,
        enter: Sequence[Ticket] = (),
        leave: Sequence[Departure] = (),
        ask: Sequence[str] = (),
        complete: bool = False,
    ) -> Standings:
        """Take tickets back, then let others in, then admit as many as there is room for."""
        for departure in leave:
            self._leave(departure)
        if complete:
            kept = {*ask, *(ticket.id for ticket in enter)}
            for lost in (self._admitted.keys() | self._waiting.keys()) - kept:
                self._leave(Departure(id=lost))
        self._admit()
        refused = {ticket.id: state for ticket in enter if (state := self._enter(ticket)) is not None}
        ids = [ticket.id for ticket in enter] + list(ask)
        return Standings(
            standings=tuple(refused.get(each) or self._standing(each) for each in ids), seconds=self._seconds
        )

    def _enter(self, ticket: Ticket) -> Standing | None:
        """Let a ticket in, or return how it was refused."""
        if ticket.id in self._waiting and ticket.admitted:
            self._order.remove((self._waiting[ticket.id].tag or 0, ticket.id))
            self._admitted[ticket.id] = self._waiting.pop(ticket.id)
        if ticket.id in self._admitted or ticket.id in self._waiting:
            return None
        user = self._users.get(ticket.user) or _User()
        if not ticket.returns:
            if 0 < ticket.most <= user.held:
                return Standing(id=ticket.id, state="excess")
            if len(self._admitted) >= self.parallel and len(self._waiting) >= self._queue:
                return Standing(id=ticket.id, state="full")
        tag = ticket.tag
        if tag is None:
            tag = self._clock if ticket.admitted else max(self._clock, user.last) + ticket.stride
        # Whoever brings a tag tells a line that forgot it what time it was.
        if ticket.admitted:
            self._clock = max(self._clock, tag)
        elif tag - ticket.stride > user.last:
            self._clock = max(self._clock, tag - ticket.stride)
        user.held += 1
        user.last = max(user.last, tag)
        self._users[ticket.user] = user
        ticket = replace(ticket, tag=tag)
        if ticket.admitted:
            self._admitted[ticket.id] = ticket
        else:
            self._waiting[ticket.id] = ticket
            insort(self._order, (tag, ticket.id))
        self._admit()
        return None

    def _leave(self, departure: Departure) -> None:
        ticket = self._admitted.pop(departure.id, None)
        if ticket is not None:
            if departure.seconds is not None:
                self._seconds = mean(self._seconds, departure.seconds)
        else:
            ticket = self._waiting.pop(departure.id, None)
            if ticket is None:
                return
            self._close_up(ticket)
        user = self._users[ticket.user]
        user.held -= 1
        if user.held == 0:
            del self._users[ticket.user]

    def _close_up(self, gone: Ticket) -> None:
        """Move the user's tickets that are behind one that waits no longer into its turn."""
        tag = gone.tag or 0
        self._order.remove((tag, gone.id))
        moved = [t for t in self._waiting.values() if t.user == gone.user and (t.tag or 0) > tag]
        for ticket in moved:
            before = ticket.tag or 0
            self._order.remove((before, ticket.id))
            self._waiting[ticket.id] = replace(ticket, tag=before - gone.stride)
            insort(self._order, (before - gone.stride, ticket.id))
        self._users[gone.user].last -= gone.stride

    def _admit(self) -> None:
        while self._order and len(self._admitted) < self.parallel:
            tag, ticket_id = self._order.pop(0)
            self._admitted[ticket_id] = self._waiting.pop(ticket_id)
            self._clock = max(self._clock, tag)

    def _standing(self, ticket_id: str) -> Standing:
        ticket = self._admitted.get(ticket_id)
        if ticket is not None:
            return Standing(id=ticket_id, state="admitted", tag=ticket.tag or 0)
        ticket = self._waiting.get(ticket_id)
        if ticket is None:
            return Standing(id=ticket_id, state="unknown")
        ahead = bisect_left(self._order, (ticket.tag or 0, ticket_id))
        return Standing(id=ticket_id, state="waiting", tag=ticket.tag or 0, ahead=ahead)
