"""What goes wrong: one thing at a time, any of them in any order, and how long until nothing is to be seen of it."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.fakes.http import HttpClient
from tests.faults.test_databases import crash
from tests.soak.models import MOODS
from tests.soak.places import SERVERS, WORKERS, Place

# For the rest of it after it is over: pools connect anew, takers-over wait until they are sure, breakers try again.
AFTERWARDS = 6.0  # seconds
_RECOVERY = 60.0  # seconds, after which it is none


@dataclass
class Fault:
    """Something that went wrong: from when until when, and when both servers were ready again after it.

    Times are seconds since the beginning of all. ``which`` is the server that was harmed itself, None if none was.
    """

    kind: str
    which: int | None
    began: float
    ended: float = 0.0
    ready: float = 0.0

    def covers(self, began: float, ended: float) -> bool:
        """Whether something that happened in this time may have come of it."""
        return began <= (self.ready or float("inf")) + AFTERWARDS and ended >= self.began


class Faults:
    """Has one fault after the other happen to a place; ``happened`` are those so far, the present one included.

    Each kind comes before any comes again. Only server 0 is ended once ``spared`` is set, so that there are processes
    of which one can tell what they grow by.
    """

    def __init__(self, place: Place, client: HttpClient, seed: int, hold: tuple[float, float]) -> None:
        self.happened: list[Fault] = []
        self.spared = False
        self._place = place
        self._client = client
        self._chance = random.Random(f"faults {seed}")
        self._hold = hold
        self._bag: list[str] = []
        self._kinds: dict[str, Callable[[int], Awaitable[None]]] = {
            "database crashes": self._crash_database,
            "database is away": self._stop_database,
            "database is frozen": self._freeze_database,
            "Redis is away": self._stop_redis,
            "Redis is frozen": self._freeze_redis,
            "Redis has no memory": self._starve_redis,
            "Redis cuts its clients off": self._cut_off_redis,
            "model server refuses": self._refuse,
            "model server hangs": lambda _: self._change_mood("hangs"),
            "model server resets": lambda _: self._change_mood("resets"),
            "worker is killed": self._kill_worker,
            "server ends": self._end_server,
            "server is killed": self._kill_server,
        }

    @property
    def kinds(self) -> list[str]:
        """What may happen."""
        return list(self._kinds)

    async def harm(self) -> Fault:
        """Have the next one happen, and return once nothing is to be seen of it any more."""
        if not self._bag:
            self._bag = self._chance.sample(self.kinds, len(self._kinds))
        kind = self._bag.pop()
        which = 0 if self.spared else self._chance.randrange(SERVERS)
        ends_processes = kind.startswith(("worker", "server"))
        fault = Fault(kind, which if ends_processes else None, self._place.now)
        self.happened.append(fault)
        await self._kinds[kind](which)
        fault.ended = self._place.now
        await self._until_ready()
        fault.ready = self._place.now
        return fault

    async def _until_ready(self) -> None:
        deadline = time.monotonic() + _RECOVERY
        for which in range(SERVERS):
            process = self._place.servers[which].backend.process
            while (await self._client.at(process.url).get("/health/ready")).status != 200 or (
                len(process.workers()) < WORKERS
            ):
                assert time.monotonic() < deadline, f"server {which} does not get ready again"
                await asyncio.sleep(0.1)

    async def _wait(self) -> None:
        await asyncio.sleep(self._chance.uniform(*self._hold))

    # -- PostgreSQL -------------------------------------------------------------------------------------------------

    async def _crash_database(self, _: int) -> None:
        await asyncio.to_thread(crash, self._place.postgres)

    async def _stop_database(self, _: int) -> None:
        await asyncio.to_thread(self._place.postgres.stop)
        try:
            await self._wait()
        finally:
            await asyncio.to_thread(self._place.postgres.start)

    async def _freeze_database(self, _: int) -> None:
        self._place.postgres.freeze()
        try:
            await self._wait()
        finally:
            self._place.postgres.thaw()

    # -- Redis ------------------------------------------------------------------------------------------------------

    async def _stop_redis(self, _: int) -> None:
        await asyncio.to_thread(self._place.redis.stop)
        try:
            await self._wait()
        finally:
            await asyncio.to_thread(self._place.redis.start)

    async def _freeze_redis(self, _: int) -> None:
        await asyncio.to_thread(self._place.redis.freeze)
        try:
            await self._wait()
        finally:
            self._place.redis.thaw()

    async def _starve_redis(self, _: int) -> None:
        self._say_to_redis("CONFIG SET maxmemory 1")
        try:
            await self._wait()
        finally:
            self._say_to_redis("CONFIG SET maxmemory 0")

    async def _cut_off_redis(self, _: int) -> None:
        said = self._place.redis.say("CLIENT KILL TYPE normal")
        assert said.startswith(":"), said

    def _say_to_redis(self, command: str) -> None:
        said = self._place.redis.say(command)
        assert said == "+OK", said

    # -- the model server ---------------------------------------------------------------------------------------------

    async def _refuse(self, _: int) -> None:
        await self._place.stop_model()
        try:
            await self._wait()
        finally:
            await self._place.start_model()

    async def _change_mood(self, mood: str) -> None:
        self._place.model.mood = MOODS[mood]
        try:
            await self._wait()
        finally:
            self._place.model.mood = None

    # -- processes of the product -------------------------------------------------------------------------------------

    async def _kill_worker(self, which: int) -> None:
        process = self._place.servers[which].backend.process
        victim = self._chance.choice(process.workers())
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + _RECOVERY
        while victim in (workers := process.workers()) or len(workers) < WORKERS:
            assert time.monotonic() < deadline, "there is no other worker"
            await asyncio.sleep(0.05)

    async def _end_server(self, which: int) -> None:
        process = self._place.servers[which].backend.process
        process.terminate()
        code = await asyncio.to_thread(process.wait)
        assert code == 0, f"the server ended with {code}"
        await self._place.replace(which)

    async def _kill_server(self, which: int) -> None:
        await asyncio.to_thread(self._place.servers[which].backend.process.kill)
        await self._place.replace(which)
