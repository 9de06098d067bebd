"""What came of all requests: counted, and kept where they did not come to what they were for."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from tests.fakes.exchanges import Client, Exchange, Reply
from tests.fakes.http import HttpClient

LOST = 0
"""In the place of a status: the connection was refused, or ended too soon."""
_TOLD_WHEN_TO_COME_BACK = {429, 503}


@dataclass(frozen=True)
class Incident:
    """A request that was refused, or lost. ``began`` and ``ended`` are seconds since the beginning of all."""

    what: str
    which: int
    began: float
    ended: float
    status: int
    code: str = ""


@dataclass
class Traffic:
    """All that was asked, by what it was for and by status; ``complaints`` is what must never be, in words."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    incidents: list[Incident] = field(default_factory=list[Incident])
    complaints: list[str] = field(default_factory=list[str])
    requests: int = 0

    def note(self, incident: Incident) -> None:
        """Take note of one that came to nothing."""
        self.statuses[incident.what, incident.status] += 1
        self.incidents.append(incident)

    def complain(self, now: float, words: str) -> None:
        """Take note of what must never be."""
        self.complaints.append(f"{now:.1f} s: {words}")
        print(f"  COMPLAINT {self.complaints[-1]}", flush=True)


class Caller(Client):
    """A client that sends further ``headers``, and sees to it that refusals for a while say for how long."""

    def __init__(self, line: HttpClient, traffic: Traffic, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.token = line.token
        self._line = line
        self._traffic = traffic
        self._headers = headers

    def as_user(self, token: str | None) -> "Caller":
        return Caller(self._line.as_user(token), self._traffic, self._headers)

    def at(self, url: str) -> "Caller":
        """Return a client of the server at ``url`` that sends the same."""
        return Caller(self._line.at(url), self._traffic, self._headers)

    def adding(self, name: str, value: str) -> "Caller":
        """Return a client that sends another header."""
        return Caller(self._line, self._traffic, (*self._headers, (name, value)))

    def send(
        self, method: str, path: str, headers: list[tuple[str, str]], body: bytes | list[bytes]
    ) -> AbstractAsyncContextManager[Exchange]:
        self._traffic.requests += 1
        return self._watched(self._line.send(method, path, [*headers, *self._headers], body), f"{method} {path}")

    @asynccontextmanager
    async def _watched(self, sending: AbstractAsyncContextManager[Exchange], what: str) -> AsyncGenerator[Exchange]:
        async with sending as exchange:
            yield _Watched(exchange, self._traffic, what)


class _Watched(Exchange):
    def __init__(self, exchange: Exchange, traffic: Traffic, what: str) -> None:
        self._exchange = exchange
        self._traffic = traffic
        self._what = what

    async def head(self) -> Reply:
        reply = await self._exchange.head()
        if reply.status in _TOLD_WHEN_TO_COME_BACK and not (reply.header("retry-after") or "").isdecimal():
            self._traffic.complaints.append(f"{self._what}: {reply.status} without Retry-After")
        return reply

    async def read(self) -> bytes:
        return await self._exchange.read()

    def leave(self) -> None:
        self._exchange.leave()
