"""How often running answers are looked at, when there are many."""

import asyncio
from typing import Final

# Less than passes between two pictures of a film.
LONGEST_SECONDS: Final = 0.036
# What rests in one turn goes on in one turn, so that one timer serves many.
_TURN_SECONDS: Final = 0.004
_MOST_TURNS: Final = round(LONGEST_SECONDS / _TURN_SECONDS)
# So many answers at 50 tokens a second keep a core busy for a tenth of its time.
_ANSWERS_PER_TURN: Final = 40


class Pace:
    """Lets answers rest between two steps: not at all where few run, up to `LONGEST_SECONDS` where hundreds do.

    A step costs the same however much the model has said since the last one. Where answers rest, it says more in each:
    whoever reads sees no difference, and the process has time for others.
    """

    def __init__(self) -> None:
        self._answers = 0
        self._turns: list[list[asyncio.Future[None]]] = [[] for _ in range(_MOST_TURNS + 1)]
        self._now = 0
        self._due = 0.0
        self._resting = False

    def begin(self) -> None:
        """Count one more answer that comes."""
        self._answers += 1

    def end(self) -> None:
        """Count one less."""
        self._answers -= 1

    async def rest(self) -> None:
        """Return when it is time for the next step."""
        turns = min(self._answers // _ANSWERS_PER_TURN, _MOST_TURNS)
        if turns == 0:
            return
        loop = asyncio.get_running_loop()
        if not self._resting:
            self._resting = True
            self._due = loop.time() + _TURN_SECONDS
            loop.call_at(self._due, self._turn)
        rested = loop.create_future()
        self._turns[(self._now + turns) % len(self._turns)].append(rested)
        await rested

    def _turn(self) -> None:
        """Wake whose turn it is, and all whose turn it would have been if the event loop had not been busy."""
        loop = asyncio.get_running_loop()
        now, left = loop.time(), len(self._turns)
        while self._due <= now and left:
            self._now = (self._now + 1) % len(self._turns)
            for rested in self._turns[self._now]:
                if not rested.done():
                    rested.set_result(None)
            self._turns[self._now].clear()
            self._due += _TURN_SECONDS
            left -= 1
        self._resting = any(self._turns)
        if self._resting:
            self._due = max(self._due, now)
            loop.call_at(self._due, self._turn)
