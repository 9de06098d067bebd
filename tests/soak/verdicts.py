"""What must hold of what was refused, of the logs, and of what processes take."""

import json
import sys
from collections.abc import Iterable, Sequence
from itertools import combinations, groupby, pairwise
from pathlib import Path
from statistics import median

from tests.soak.balances import Balance, of
from tests.soak.faults import Fault
from tests.soak.places import POOL_SIZE, SERVERS, WORKERS, Place
from tests.soak.samples import IN_FLIGHT, TASKS, Sample
from tests.soak.traffic import LOST, Incident, Traffic

# What may come at any time, for clients ask too much and models fail.
_ALWAYS = {
    (409, "conflict"),
    (429, "rate_limited"),
    (429, "rate_limit_exceeded"),  # as OpenAI's door calls it
    *((502, f"model_{code}") for code in ("server_unreachable", "server_failed", "protocol_broken", "server_error")),
    (502, "answer_incomplete"),
    (504, "model_server_timed_out"),
}
# What may come of an export while the database is away: one that has begun breaks off, and nobody takes it for whole.
_BROKEN_OFF = ("database", "export", LOST)
# What comes of what goes wrong, by the first word of its name; of processes, on their own server only.
_WHILE = {
    "database": {(503, "database_unavailable")},
    "worker": {(LOST, ""), (503, "interrupted")},
    "server": {(LOST, ""), (503, "interrupted"), (503, "shutting_down")},
}
# Connections to Redis that a worker may keep more than before, for as many were needed at once.
_MORE_LINES = 4
# With those to PostgreSQL, which it may have one and all.
_MORE_DESCRIPTORS = POOL_SIZE + _MORE_LINES
# Threads are made as there is work for them, and stay: 4 more than there were after all kinds of it.
_MORE_THREADS = 4
# A connection to Redis has two: one reads, and one waits for that.
_MORE_TASKS = 2 * _MORE_LINES * SERVERS * WORKERS
# Of less than this nobody can tell what is growth and what are caches that fill.
_LEAST_SECONDS = 300.0
# A request that stays behind has dozens of objects: its scope, its headers, its task. What leaves fewer behind is lost
# here in what has yet to be collected; `tests/api/routes/test_leaks.py` finds it.
LEAST_LEAK = 10  # blocks of memory a request
# A main process sees no requests, but what its workers have counted of them.
_COUNTED = 256 / 1_024 / WORKERS  # KiB a request
# Of the longest answers a dozen at once, of 1.2 MB, each of which is there as text, as JSON and as a parameter of SQL.
_STEPS = 40 * 1_024  # KiB


def judge_requests(traffic: Traffic, faults: Sequence[Fault]) -> list[Balance]:
    """Hold what was refused and lost against what went wrong at the time."""
    undecided = [one for one in traffic.incidents if not _is_decided(one, faults)]
    return [
        of("responses with status 500", (_told(one) for one in traffic.incidents if one.status == 500)),
        of("connections lost with no process that ended", (_told(one) for one in undecided if one.status == LOST)),
        of("other refusals for no reason", (_told(one) for one in undecided if one.status not in {LOST, 500})),
        of("streams and replies that were not as promised", traffic.complaints),
    ]


def _is_decided(incident: Incident, faults: Sequence[Fault]) -> bool:
    found = incident.status, incident.code
    return found in _ALWAYS or any(
        (
            found in _WHILE.get(kind := fault.kind.split()[0], ())
            or (kind, incident.what, incident.status) == _BROKEN_OFF
        )
        and fault.which in {None, incident.which}
        and fault.covers(incident.began, incident.ended)
        for fault in faults
    )


def _told(one: Incident) -> str:
    return f"{one.began:.1f} to {one.ended:.1f} s, {one.what} at server {one.which}: {one.status} {one.code}"


def judge_logs(place: Place) -> list[Balance]:
    """Look for what the servers did not expect, and for how they ended."""
    exceptions: list[str] = []
    unreadable: list[str] = []
    for number, one in enumerate(place.started):
        for line in one.backend.process.output().split("\n")[:-1]:
            try:
                entry = json.loads(line)
            except ValueError:
                unreadable.append(f"run {number}: {line[:200]}")
                continue
            if "exception" in entry or entry["logger"] == "deeper.errors":
                exceptions.append(f"run {number}: {_without_places(line)[:2_000]}")
    return [of("exceptions in logs", exceptions), of("lines of logs that are no JSON", unreadable)]


def _without_places(line: str) -> str:
    """Return a line without the folders of this machine, which are of no interest elsewhere."""
    return line.replace(f"{Path.cwd()}/", "").replace(f"{sys.base_prefix}/", "")


def judge_rest(base: Sample, end: Sample, held: Sequence[str]) -> list[Balance]:
    """Hold what is left when nobody asks anything against what there was before anything went wrong."""
    return [
        Balance("keys of the line in Redis", len(held), 0, list(held)),
        *(Balance(name, end.gauges.get(name, float("nan"))) for name in IN_FLIGHT),
        *(
            Balance(f"{name} of a {role}", _most(end, role, name), _most(base, role, name) + more)
            for role in ("main", "worker")
            for name, more in (("descriptors", _MORE_DESCRIPTORS), ("threads", _MORE_THREADS))
        ),
        Balance("tasks of all workers", end.gauges.get(TASKS, float("nan")), base.gauges[TASKS] + _MORE_TASKS),
    ]


def _most(sample: Sample, role: str, quantity: str) -> int:
    """Return what that process takes which takes most."""
    return max(getattr(each, quantity) for name, each in sample.processes.items() if name.split()[1] == role)


def growths(samples: Sequence[Sample]) -> dict[str, list[float]]:
    """Return what each process that lived through all of these grew by from each minute to the next, in KiB.

    It is the least of each minute that is compared, for what is on its way comes and goes.
    """
    lasting = set[str].intersection(*(set(each.processes) for each in samples))
    minutes = [list(found) for _, found in groupby(samples, lambda each: int((each.at - samples[0].at) / 60))]
    least = {
        name: [min(each.processes[name].memory for each in found) for found in minutes] for name in sorted(lasting)
    }
    return {name: [after - before for before, after in pairwise(found)] for name, found in least.items()}


def slope(samples: Sequence[Sample]) -> float:
    """Return by how many blocks of memory the workers of server 1 grew a minute, by what they had at least in each.

    It is the median of the slopes between all pairs of minutes (Theil and Sen), which a few odd ones do not move; no
    number if nothing was told in two of them.
    """
    told = [(each.at, each.blocks[1]) for each in samples if 1 in each.blocks]
    minutes = groupby(told, lambda each: int((each[0] - samples[0].at) / 60))
    least = [(minute, min(blocks for _, blocks in found)) for minute, found in minutes]
    if len(least) < 2:
        return float("nan")
    return median((after - before) / (late - early) for (early, before), (late, after) in combinations(least, 2))


def judge_memory(samples: Sequence[Sample]) -> list[Balance]:
    """Hold what processes grew by against what requests that stay behind would take.

    Of workers that is told by the objects that there are: their memory grows by the most that was ever needed at once,
    for little of that is given back. So what is no object of Python's is found only where it is much: all steps
    together are bounded. The main process does next to nothing, and keeps only what its workers have counted.
    """
    if not samples or (seconds := samples[-1].at - samples[0].at) < _LEAST_SECONDS:
        return []
    each = (samples[-1].requests - samples[0].requests) / seconds * 60 / SERVERS
    found = growths(samples)
    return [
        Balance("main processes and workers of server 1 that did not live long enough", WORKERS + 1 - len(found)),
        Balance("growth of the workers of server 1, blocks of memory a minute", slope(samples), each * LEAST_LEAK),
        *(
            Balance(f"growth of {name}, KiB a minute", median(steps), each * _COUNTED)
            for name, steps in found.items()
            if name.split()[1] == "main"
        ),
        *(Balance(f"growth of {name} in all, KiB", sum(steps), _STEPS) for name, steps in found.items()),
    ]


def unexpected_ends(samples: Sequence[Sample], faults: Iterable[Fault]) -> Balance:
    """Look for processes that are gone although nothing ended them."""
    ending = [fault for fault in faults if fault.which is not None]
    found = (
        f"{before.at:.0f} to {after.at:.0f} s: {name}"
        for before, after in pairwise(samples)
        for name in before.processes.keys() - after.processes.keys()
        if not any(str(f.which) == name.split()[0] and f.covers(before.at, after.at) for f in ending)
    )
    return of("processes that ended by themselves", found)
