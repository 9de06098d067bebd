"""The line in Redis, which all processes share. Its clock counts, so that theirs need not agree."""

from collections.abc import Sequence
from typing import Final, cast

from msgspec import Struct, msgpack

from deeper_api.limits.breakers import RedisUnavailable
from deeper_api.limits.lines import Departure, LineUnavailable, Standings, Ticket
from deeper_api.limits.redis import RedisScripts

_KEYS: Final = ("holders", "waiting", "admitted", "tickets", "users", "state")


class _Request(Struct, frozen=True, kw_only=True):
    """What ``line.lua`` is told and asked."""

    holder: str
    parallel: int
    queue: int
    enter: Sequence[Ticket]
    leave: Sequence[Departure]
    ask: Sequence[str]
    complete: bool


class RedisLine:
    """The line called ``name``, as seen by one of those that share it, who is ``holder`` of its own tickets.

    It admits ``parallel`` at once and lets ``queue`` wait. A holder that was not heard of for six seconds loses its
    tickets, and a line that nobody has asked for an hour is forgotten. When Redis itself has forgotten it, and one
    holder lets others in before another comes back, more than ``parallel`` are admitted until so many have left.
    """

    def __init__(self, redis: RedisScripts, *, name: str, holder: str, parallel: int, queue: int) -> None:
        self._update = redis.script("line.lua")
        # What is in braces decides where a cluster keeps a key, and the keys of one call have to be in one place.
        self._keys = [f"deeper:line:{{{name}}}:{key}" for key in _KEYS]
        self._holder = holder
        self._parallel = parallel
        self._queue = queue

    @property
    def parallel(self) -> int:
        """How many it admits at once."""
        return self._parallel

    async def update(
        self,
        *,
        enter: Sequence[Ticket] = (),
        leave: Sequence[Departure] = (),
        ask: Sequence[str] = (),
        complete: bool = False,
    ) -> Standings:
        """Take tickets back, then let others in, then admit as many as there is room for.

        Raises:
            LineUnavailable: Redis cannot be reached, refuses, or takes too long.
        """
        request = _Request(
            holder=self._holder,
            parallel=self._parallel,
            queue=self._queue,
            enter=enter,
            leave=leave,
            ask=ask,
            complete=complete,
        )
        try:
            reply = cast("bytes", await self._update(self._keys, [msgpack.encode(request)]))
            return msgpack.decode(reply, type=Standings)
        except RedisUnavailable as error:
            raise LineUnavailable(str(error)) from error
