"""One soak, from the start of everything to the last balance."""

import asyncio
import random
import time
import traceback
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.api.durability.test_crowds import held
from tests.fakes.http import HttpClient, open_client
from tests.soak.balances import Balance, Books, beyond, compare, of, read_books
from tests.soak.fates import live, stay
from tests.soak.faults import Fault, Faults
from tests.soak.places import SERVERS, WORKERS, Place
from tests.soak.records import Records
from tests.soak.samples import Sample, take_sample, until_quiet
from tests.soak.traffic import Traffic
from tests.soak.verdicts import judge_logs, judge_memory, judge_requests, judge_rest, unexpected_ends
from tests.soak.visitors import Visitor

# Answers that nobody follows go on for a minute, and what was asked of a model that hangs for a while.
_QUIET_SECONDS = 90.0
_SAY_SECONDS = 60.0


@dataclass(frozen=True)
class Plan:
    """How long with faults and, before that, without any; how many clients; and how long from fault to fault.

    ``pauses`` and ``hold`` are the least and the most seconds between two faults, and that one lasts.
    """

    minutes: float
    seed: int
    clients: int = 40
    warm_up: float = 45.0
    pauses: tuple[float, float] = (5.0, 32.0)
    hold: tuple[float, float] = (2.0, 8.0)
    look_every: float = 5.0


@dataclass
class Soak:
    """What was done and found; ``middle`` is when the second half began, ``failure`` what ended it too soon."""

    plan: Plan
    records: Records = field(default_factory=Records)
    traffic: Traffic = field(default_factory=Traffic)
    samples: list[Sample] = field(default_factory=list[Sample])
    faults: list[Fault] = field(default_factory=list[Fault])
    balances: list[Balance] = field(default_factory=list[Balance])
    books: Books | None = None
    middle: float = 0.0
    failure: str = ""

    @property
    def lost_characters(self) -> list[int]:
        """Of each answer of which somebody saw more than is kept, how much that was."""
        found: list[int] = []
        for asked in self.records.asked.values():
            rows = [] if self.books is None else self.books.rows.get(asked.request_id, [])
            found += [more for row in rows if (more := beyond(asked, row))]
        return found

    @property
    def holds(self) -> bool:
        """Whether it was done to its end, and every balance holds."""
        return not self.failure and bool(self.balances) and all(each.holds for each in self.balances)


class Run:
    """Does it."""

    def __init__(self, plan: Plan, place: Place, line: HttpClient, soak: Soak) -> None:
        self._plan = plan
        self._place = place
        self._line = line
        self._soak = soak
        self._faults = Faults(place, line, plan.seed, plan.hold)
        self._chance = random.Random(f"pauses {plan.seed}")
        soak.faults = self._faults.happened
        self._visitors = [
            Visitor(plan.seed * 1_000 + number, place, line, soak.records, soak.traffic)
            for number in range(plan.clients)
        ]

    async def run(self) -> None:
        """Warm up, rest, let everything go wrong, rest again, and balance."""
        for visitor in self._visitors:
            await visitor.sign_up()
        async with self._looking():
            print(f"warming up for {self._plan.warm_up:.0f} s", flush=True)
            async with self._living():
                await asyncio.sleep(self._plan.warm_up)
            base = await self._rest()
            async with self._living():
                try:
                    await self._harm()
                except asyncio.CancelledError:
                    self._soak.failure = "interrupted"
                    task = asyncio.current_task()
                    assert task is not None
                    task.uncancel()  # what there is so far is balanced
            end = await self._settle()
        await self._balance(base, end)

    async def _harm(self) -> None:
        begun = self._place.now
        over, self._soak.middle = begun + self._plan.minutes * 60, begun + self._plan.minutes * 30
        while True:
            await asyncio.sleep(self._chance.uniform(*self._plan.pauses))
            self._faults.spared = self._place.now > self._soak.middle - 30
            if self._place.now > over:
                return
            fault = await _to_its_end(self._faults.harm())
            print(f"  {fault.began:6.0f} s: {fault.kind} for {fault.ended - fault.began:.1f} s", flush=True)

    @asynccontextmanager
    async def _living(self) -> AsyncGenerator[None]:
        """Let all visitors live, and wait until each has done what it is doing."""
        over = asyncio.Event()
        living = [asyncio.create_task(live(visitor, over)) for visitor in self._visitors]
        watch = asyncio.create_task(_first_failure(living))
        try:
            yield
        finally:
            over.set()
            for each in await asyncio.gather(*living, return_exceptions=True):
                if isinstance(each, BaseException):
                    self._soak.traffic.complain(self._place.now, f"a client failed: {each!r}")
            watch.cancel()

    @asynccontextmanager
    async def _looking(self) -> AsyncGenerator[None]:
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def _look(self) -> None:
        said = time.monotonic()
        while True:
            sample = await take_sample(self._place, self._line, self._soak.traffic)
            self._soak.samples.append(sample)
            if time.monotonic() - said > _SAY_SECONDS:
                said = time.monotonic()
                self._say(sample)
            await asyncio.sleep(self._plan.look_every)

    def _say(self, sample: Sample) -> None:
        memory = " ".join(f"{each.memory / 1024:.0f}" for name, each in sample.processes.items() if "worker" in name)
        active = sample.gauges.get("deeper_generations_active", 0)
        print(
            f"{sample.at / 60:5.1f} min  {sample.requests} requests, {len(self._soak.records.asked)} questions, "
            f"{active:.0f} running, {len(self._soak.faults)} faults, {len(self._soak.traffic.incidents)} incidents, "
            f"{len(self._soak.traffic.complaints)} complaints; MiB of workers {memory}",
            flush=True,
        )

    async def _rest(self) -> Sample:
        began = self._place.now
        sample = await until_quiet(self._place, self._line, self._soak.traffic, within=_QUIET_SECONDS)
        print(f"nothing is in flight after {self._place.now - began:.1f} s", flush=True)
        return sample

    async def _settle(self) -> Sample:
        """Have somebody ask at each server, so that what the dead held is taken from them, and wait for quiet."""
        await self._rest()
        await asyncio.gather(*(stay(visitor) for visitor in self._visitors[: 2 * SERVERS * WORKERS]))
        return await self._rest()

    async def _balance(self, base: Sample, end: Sample) -> None:
        soak, place = self._soak, self._place
        books = soak.books = await asyncio.to_thread(read_books, place.postgres.url)
        second = [each for each in soak.samples if soak.middle <= each.at <= end.at]
        soak.balances = [
            *compare(books, soak.records, place.model),
            of("users whose usage is not what the ledger has", await self._wrong_sums(books)),
            *judge_requests(soak.traffic, soak.faults),
            *judge_logs(place),
            unexpected_ends(soak.samples, soak.faults),
            *judge_rest(base, end, held(place.redis)),
            *judge_memory(second),
        ]

    async def _wrong_sums(self, books: Books) -> list[str]:
        """Return who is told other sums than those of the rows, or is told none."""
        sums, wrong = books.sums(), list[str]()
        for visitor in self._visitors:
            await visitor.come_in()
            reply = await visitor.call("read", "GET", "/v1/usage")
            told = reply and reply.json()["totals"]
            found = told and (told["requests"], told["prompt_tokens"], told["completion_tokens"])
            if found != sums.get(visitor.user_id, (0, 0, 0)):
                wrong.append(f"{visitor.user_id}: {found}, and not {sums.get(visitor.user_id)}")
        return wrong


async def _to_its_end(harming: Coroutine[object, object, Fault]) -> Fault:
    """Return what happened; whoever is cancelled meanwhile leaves nothing broken."""
    task = asyncio.create_task(harming)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _first_failure(living: Sequence[asyncio.Task[None]]) -> None:
    done, _ = await asyncio.wait(living, return_when=asyncio.FIRST_EXCEPTION)
    for each in done:
        if not each.cancelled() and (error := each.exception()) is not None:
            print(f"  COMPLAINT a client failed: {error!r}", flush=True)


async def soak(plan: Plan, folder: Path) -> Soak:
    """Run it; files of servers and stores are in ``folder``, which all may read."""
    found = Soak(plan)
    place = Place(folder, plan.seed)
    async with place.open(), open_client("") as line:
        try:
            await Run(plan, place, line, found).run()
        except Exception as error:  # noqa: BLE001  - it is told, and what there is so far as well
            traceback.print_exc()
            found.failure = f"{type(error).__name__}: {error}"
    return found
