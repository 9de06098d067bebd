"""The line in front of a model server, as values, and the seam behind which it is kept.

So many answers are made at once. Whoever comes then has to wait, and users take turns: in each round everybody who
waits gets one turn, or as many as their weight. How many requests a user sends therefore delays that user alone.

This is self-clocked fair queueing (S. J. Golestani, "A self-clocked fair queueing scheme for broadband applications",
IEEE INFOCOM 1994). A ticket's ``tag`` is where its turn lies: one stride behind the later of two, the user's ticket
before it and the last one that was admitted, which is the clock. The lowest tag is next; of equal ones whoever came
first. So a newcomer joins at the end of the present round, and nobody is ever passed by more than a round.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

# The stride of weight 1. Those of the weights to 10 are whole numbers, too.
ROUND = 2_520


class LineUnavailable(Exception):
    """What keeps the line does not answer, or not in time."""


class Ticket(Struct, frozen=True, kw_only=True):
    """A wish to be admitted; the lower its ``id``, the earlier it came.

    ``user`` is whose turn it takes, and ``most`` how many tickets that user may hold at once, this one included; 0 for
    any number. One that ``returns`` to a line that does not know it is not refused; it brings its ``tag``, if it had
    one there, and whether it was ``admitted``.
    """

    id: str
    user: str
    stride: int = ROUND
    most: int = 0
    returns: bool = False
    tag: int | None = None
    admitted: bool = False


class Departure(Struct, frozen=True, kw_only=True):
    """A ticket that is over; ``seconds`` is how long the model server worked on it, None if that tells nothing."""

    id: str
    seconds: float | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """Where a ticket is; ``ahead`` counts those that are before it in the line.

    It was refused by a line that is ``"full"`` or in which its user holds too many (``"excess"``); ``"unknown"`` is one
    that never came, or was forgotten.
    """

    id: str
    state: Literal["admitted", "waiting", "full", "excess", "unknown"]
    tag: int = 0
    ahead: int = 0


class Standings(Struct, frozen=True, kw_only=True):
    """Where tickets are; ``seconds`` is how long the model server works on one, on average, 0 if nobody knows yet."""

    standings: tuple[Standing, ...]
    seconds: float = 0.0


class Line(Protocol):
    """Keeps one line. Who holds its tickets has to be heard of every few seconds, or they are taken from it."""

    @property
    def parallel(self) -> int:
        """How many it admits at once."""
        ...

    async def update(
        self,
        *,
        enter: Sequence[Ticket] = (),
        leave: Sequence[Departure] = (),
        ask: Sequence[str] = (),
        complete: bool = False,
    ) -> Standings:
        """Take tickets back, then let others in, then admit as many as there is room for.

        Returns where those are that entered or were asked for, in this order. ``complete`` says that these are all that
        the holder holds: whatever else it held is over. Tickets that come back enter before new ones, and those of
        them that were admitted before those that were not.

        Raises:
            LineUnavailable: nobody can tell now.
        """
        ...


def mean(before: float, seconds: float) -> float:
    """Return the average after one more value: exponential, so that it follows a change within ten or so."""
    return seconds if before == 0.0 else before + (seconds - before) / 8
