"""What the servers' processes take, and what their metrics say is going on, every few seconds."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.exchanges import Json
from tests.fakes.http import HttpClient
from tests.soak.places import Place, Started
from tests.soak.traffic import Traffic

# What must be nothing once nobody asks anything; the last two are processes that are in a bad way.
IN_FLIGHT = (
    *("http_server_active_requests", "deeper_generations_active", "deeper_queue_depth", "deeper_model_in_flight"),
    *("db_client_connection_pending_requests", "deeper_journal_failing", "deeper_limits_alone"),
)
TASKS = "deeper_event_loop_tasks"
BLOCKS = "deeper_python_blocks"


@dataclass(frozen=True)
class Reading:
    """What one process takes: memory in KiB, open descriptors and threads."""

    memory: int
    descriptors: int
    threads: int


@dataclass
class Sample:
    """One moment, in seconds since the beginning of all.

    ``processes`` are by the server's number, by whether they are main processes or workers, and by pid; ``gauges`` are
    sums over both servers, of those that told; ``blocks`` are pieces of memory with objects, by the server's number.
    """

    at: float
    requests: int
    processes: dict[str, Reading] = field(default_factory=dict[str, Reading])
    gauges: dict[str, float] = field(default_factory=dict[str, float])
    blocks: dict[int, float] = field(default_factory=dict[int, float])

    def plain(self) -> Json:
        """As JSON."""
        return asdict(self)


def reading(pid: int) -> Reading | None:
    """What a process takes now, None if it has ended."""
    with suppress(OSError, KeyError):
        folder = Path(f"/proc/{pid}")
        lines = (folder / "status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        descriptors = sum(1 for _ in (folder / "fd").iterdir())
        return Reading(int(status["VmRSS"].split()[0]), descriptors, int(status["Threads"]))
    return None


def processes(place: Place) -> dict[str, Reading]:
    """What each process of the servers takes now."""
    found: dict[str, Reading] = {}
    for one in place.servers:
        process = one.backend.process
        pids = {process.pid: "main", **dict.fromkeys(process.workers(), "worker")}
        for pid, role in pids.items():
            if (taken := reading(pid)) is not None:
                found[f"{one.which} {role} {pid}"] = taken
    return found


async def gauges(client: HttpClient, started: Started) -> dict[str, float]:
    """What the metrics of one server say now, of the few that are looked at; nothing if it is not there."""
    with suppress(aiohttp.ClientError, TimeoutError):
        async with asyncio.timeout(3):
            reply = await client.at(f"http://127.0.0.1:{started.metrics_port}").get("/metrics")
        found: dict[str, float] = defaultdict(float)
        for family in text_string_to_metric_families(reply.body.decode()):
            for sample in family.samples if family.name in {*IN_FLIGHT, TASKS, BLOCKS} else ():
                found[sample.name] += sample.value
        return found
    return {}


async def take_sample(place: Place, client: HttpClient, traffic: Traffic) -> Sample:
    """Look once."""
    sample = Sample(place.now, traffic.requests, processes(place))
    servers = [*place.servers]
    for one, told in zip(servers, await asyncio.gather(*(gauges(client, one) for one in servers)), strict=True):
        if BLOCKS in told:
            sample.blocks[one.which] = told.pop(BLOCKS)
        for name, value in told.items():
            sample.gauges[name] = sample.gauges.get(name, 0.0) + value
    return sample


async def until_quiet(place: Place, client: HttpClient, traffic: Traffic, *, within: float) -> Sample:
    """Return what is to be seen once nothing is in flight, or after so many seconds."""
    end = place.now + within
    while True:
        sample = await take_sample(place, client, traffic)
        if place.now > end or (sample.gauges and not any(sample.gauges.get(name, 1) for name in IN_FLIGHT)):
            return sample
        await asyncio.sleep(0.5)
