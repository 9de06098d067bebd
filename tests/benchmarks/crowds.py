"""What many at once cost: open streams in memory, people who read, and people who sign in while others read answers."""

import asyncio
import json
import statistics
import time
from collections import Counter, defaultdict
from typing import Final

import uvloop

from tests.benchmarks.load import Load, read_request, reads, request, streams
from tests.benchmarks.processes import cpu_seconds, memory_kib
from tests.benchmarks.results import Report, Table, median_rows
from tests.benchmarks.servers import PASSWORD, Server, bare, database, product, sign_up, upstream

_OPEN: Final = (500, 2_000)
_HELD: Final = "i15"  # streams that are open for so many seconds
_READS: Final = (32, 200)  # connections, and requests on each
_STREAMS: Final = 50
_PACED: Final = "d150"
_SIGNING_IN: Final = 8


def measure_crowds(rounds: int, report: Report) -> None:
    """Report the memory of open streams, and what reading and signing in cost."""
    with upstream() as model_server, database() as url:
        with product(model_server, url) as deeper, bare(model_server) as floor:
            sign_up(deeper)
            _report_reads(floor, deeper, rounds, report)
            _report_logins(deeper, rounds, report)
        _report_memory(model_server, url, report)
        _report_starts(model_server, url, rounds, report)


def _report_reads(floor: Server, server: Server, rounds: int, report: Report) -> None:
    columns = ["requests/s", "requests/CPU s"]
    asked = {
        "bare ASGI": (floor, "/"),
        "GET /health": (server, "/health"),
        "GET /v1/models, from memory": (server, "/v1/models"),
        "GET /v1/me, from the database": (server, "/v1/me"),
    }
    measured: dict[str, list[dict[str, float]]] = defaultdict(list)
    for turn in range(rounds + 1):
        for label, (asks, path) in asked.items():
            sent = read_request(asks.port, path, asks.token)
            cpu, wall = cpu_seconds(asks.pid), time.perf_counter()
            load = uvloop.run(reads(asks.port, sent, at_once=_READS[0], rounds=_READS[1]))
            assert load.failures == 0
            count = _READS[0] * _READS[1]
            found = {"requests/s": count / (time.perf_counter() - wall)}
            found["requests/CPU s"] = count / (cpu_seconds(asks.pid) - cpu)
            if turn:
                measured[label].append(found)
    about = f"{_READS[0]} connections that stay open, one request after the other on each."
    report.add(Table("reads", about, columns, median_rows(measured, columns)))


def _report_logins(server: Server, rounds: int, report: Report) -> None:
    columns = ["logins/s", "token's age p50, ms", "token's age p95, ms", "token's age p99, ms"]
    measured: dict[str, list[dict[str, float]]] = defaultdict(list)
    for turn in range(rounds + 1):
        for label, at_once in {"nobody signs in": 0, f"{_SIGNING_IN} sign in at once": _SIGNING_IN}.items():
            load, logins, seconds = uvloop.run(_streams_and_logins(server, at_once))
            assert load.failures == 0
            ages = statistics.quantiles(load.relay_ms, n=100)
            if turn:
                measured[label].append(
                    dict(zip(columns, (logins / seconds, ages[49], ages[94], ages[98]), strict=True))
                )
    about = f"What {_STREAMS} streams at 50 tokens a second notice of passwords being checked."
    report.add(Table("logins", about, columns, median_rows(measured, columns)))


async def _streams_and_logins(server: Server, at_once: int) -> tuple[Load, int, float]:
    """Return what the streams saw, how many signed in meanwhile, and in how many seconds."""
    body = json.dumps({"email": server.email, "password": PASSWORD}).encode()
    login = request(server.port, "/v1/auth/login", body)
    begun, count = time.perf_counter(), 0
    following = asyncio.create_task(streams(server.port, server.chat(_PACED), at_once=_STREAMS, rounds=1))

    async def sign_in() -> None:
        nonlocal count
        while not following.done():
            assert (await reads(server.port, login, at_once=1, rounds=1)).failures == 0
            count += 1

    await asyncio.gather(following, *(sign_in() for _ in range(at_once)))
    return following.result(), count, time.perf_counter() - begun


def _report_memory(model_server: str, url: str, report: Report) -> None:
    columns = ["worker, MiB", "KiB/stream"]
    rows: dict[str, list[float | None]] = {}
    broken = Counter[str]()
    for count in _OPEN:
        with product(model_server, url) as server:
            begun = memory_kib(server.pid)
            sign_up(server)
            uvloop.run(streams(server.port, server.chat("z8"), at_once=50, rounds=2))
            rest = memory_kib(server.pid)
            held, load = uvloop.run(_memory_of_streams(server, count))
        broken += load.broken
        rows.setdefault("just started", [begun / 1024, None])
        rows.setdefault("after a password and 100 answers", [rest / 1024, None])
        rows[f"{count:,} open streams"] = [held / 1024, (held - rest) / count]
    notes = [f"{count} times {line}." for line, count in broken.items()]
    report.add(
        Table("memory", "Of the worker, while streams are open that wait for their model.", columns, rows, notes)
    )


async def _memory_of_streams(server: Server, count: int) -> tuple[int, Load]:
    """Return the most that the worker has while so many streams are open, and what they saw."""
    following = asyncio.create_task(streams(server.port, server.chat(_HELD), at_once=count, rounds=1))
    most = 0
    while not following.done():
        most = max(most, memory_kib(server.pid))
        await asyncio.sleep(0.5)
    return most, following.result()


def _report_starts(model_server: str, url: str, rounds: int, report: Report) -> None:
    starts: list[float] = []
    for _ in range(rounds):
        with product(model_server, url) as deeper:
            starts.append(deeper.started)
    about = "From `deeper serve` to its first answer."
    report.add(Table("start", about, ["seconds"], {"deeper": [statistics.median(starts)]}))
