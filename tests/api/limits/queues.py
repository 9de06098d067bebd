"""A line as tests speak of it: tickets by name, and where they are in a few words."""

from collections.abc import Sequence

from deeper_api.limits.lines import ROUND, Departure, Line, Standing, Ticket


def ticket(ticket_id: str, user: str = "me", *, weight: int = 1, most: int = 0) -> Ticket:
    return Ticket(id=ticket_id, user=user, stride=ROUND // weight, most=most)


def tickets(ids: str, user: str = "me", *, weight: int = 1, most: int = 0) -> list[Ticket]:
    """One ticket for each word."""
    return [ticket(each, user, weight=weight, most=most) for each in ids.split()]


async def enter(line: Line, *entering: Ticket) -> list[str]:
    """Let tickets in, one call after the other; return where each found itself."""
    return [where(*(await line.update(enter=[each])).standings) for each in entering]


async def leave(line: Line, *ids: str, seconds: float | None = None) -> float:
    """Take tickets back in one call; return for how long the model server works on one now."""
    return (await line.update(leave=[Departure(id=each, seconds=seconds) for each in ids])).seconds


async def places(line: Line, ids: str) -> str:
    """Where the tickets are, a word for each."""
    return " ".join(map(where, (await line.update(ask=ids.split())).standings))


async def admitted_in_turn(line: Line, ids: Sequence[str], *, parallel: int) -> list[str]:
    """End all that is admitted, one after the other; return in which order the others, which wait, were admitted."""
    running: list[str] = []
    order: list[str] = []
    waiting = set(ids)
    while waiting:
        standings = (await line.update(ask=sorted(waiting))).standings
        came = [each.id for each in sorted(standings, key=lambda s: (s.tag, s.id)) if each.state == "admitted"]
        assert came
        order += came
        running += came
        waiting -= set(came)
        assert len(running) <= parallel
        await leave(line, running.pop(0))
    await leave(line, *running)
    return order


def where(standing: Standing) -> str:
    """``in``, the number of those before it, or why it is not in the line."""
    match standing.state:
        case "admitted":
            return "in"
        case "waiting":
            return str(standing.ahead)
        case state:
            return state
