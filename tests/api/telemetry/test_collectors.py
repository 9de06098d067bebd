"""Workers that come, go, hang and die, and the sums of what they told."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deeper_api.telemetry.collectors import Collector
from deeper_api.telemetry.snapshots import Family, Sample, Snapshot, encode
from deeper_api.telemetry.workers import telling
from tests.api.telemetry.counting import counted, value

# A worker that has counted as much as argv[2] says, and lives until it is killed.
WORKER = """
import pathlib, sys, threading
from deeper_api.telemetry.workers import telling
from tests.api.telemetry.counting import counted
with telling(pathlib.Path(sys.argv[1]), lambda: counted(float(sys.argv[2]))):
    print("telling", flush=True)
    threading.Event().wait()
"""


def workers(snapshot: Snapshot) -> tuple[float | None, float | None]:
    """How many workers are up, and how many silent."""
    return value(snapshot, "deeper_workers", state="up"), value(snapshot, "deeper_workers", state="silent")


@pytest.fixture
def folder() -> Generator[Path]:
    """A folder whose name is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def worker(folder: Path, number: float) -> Generator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), str(number)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "telling\n"
        try:
            yield process
        finally:
            process.kill()


async def test_what_all_workers_counted_is_added_up(folder: Path):
    collector = Collector(folder)
    with telling(folder, lambda: counted(3)), telling(folder, lambda: counted(4)):
        snapshot = await collector.collect()
    assert value(snapshot, "asked_total") == 7
    assert value(snapshot, "open") == 7
    assert workers(snapshot) == (2, 0)


async def test_without_workers_there_is_still_what_runs(folder: Path):
    snapshot = await Collector(folder).collect()
    assert workers(snapshot) == (0, 0)
    assert {family.name for family in snapshot} == {"deeper_build_info", "deeper_start_time_seconds", "deeper_workers"}


async def test_of_a_worker_that_took_leave_the_counters_stay_and_the_gauges_go(folder: Path):
    collector = Collector(folder)
    with telling(folder, lambda: counted(1)):
        with telling(folder, lambda: counted(3)):
            await collector.collect()
        snapshot = await collector.collect()
        assert (value(snapshot, "asked_total"), value(snapshot, "open")) == (4, 1)
        assert workers(snapshot) == (1, 0)
    snapshot = await collector.collect()
    assert (value(snapshot, "asked_total"), value(snapshot, "open")) == (4, None)


async def test_no_counter_falls_when_a_worker_is_killed_and_replaced(folder: Path):
    collector = Collector(folder)
    with worker(folder, 5) as process:
        assert value(await collector.collect(), "asked_total") == 5
        process.kill()
        process.wait()
        snapshot = await collector.collect()
        assert (value(snapshot, "asked_total"), value(snapshot, "open")) == (5, None)
        assert workers(snapshot) == (0, 0)
        assert sorted(folder.iterdir()) == []  # noqa: ASYNC240  - a folder in memory
    with telling(folder, lambda: counted(2)):
        snapshot = await collector.collect()
        assert (value(snapshot, "asked_total"), value(snapshot, "open")) == (7, 2)


async def test_a_worker_that_is_frozen_delays_nobody_for_long_and_counts_with_what_it_told_last(folder: Path):
    collector = Collector(folder, answer_seconds=2)
    with worker(folder, 5) as frozen, telling(folder, lambda: counted(1)):
        assert value(await collector.collect(), "asked_total") == 6
        os.kill(frozen.pid, signal.SIGSTOP)
        began = time.monotonic()
        snapshot = await collector.collect()
        assert time.monotonic() - began < 10
        assert (value(snapshot, "asked_total"), value(snapshot, "open")) == (6, 1)
        assert workers(snapshot) == (1, 1)
        os.kill(frozen.pid, signal.SIGCONT)
        snapshot = await collector.collect()
        assert (value(snapshot, "asked_total"), value(snapshot, "open")) == (6, 6)


@pytest.mark.parametrize("said", [b"", b"\x91", b"nonsense", b"\x93\x01\x02\x03"])
async def test_a_worker_that_talks_nonsense_or_breaks_off_is_silent(folder: Path, said: bytes):
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    async with await asyncio.start_unix_server(talk, folder / "1-0.sock"):
        assert workers(await Collector(folder).collect()) == (0, 1)


async def test_a_worker_whose_numbers_cannot_be_read_is_silent_and_may_do_better_the_next_time(folder: Path):
    fails = True

    def read() -> Snapshot:
        if fails:
            raise ValueError
        return counted(1)

    collector = Collector(folder)
    with telling(folder, read):
        assert workers(await collector.collect()) == (0, 1)
        fails = False
        assert workers(await collector.collect()) == (1, 0)


async def test_who_asks_at_the_same_time_gets_the_same_answer(folder: Path):
    asked = 0

    def read() -> Snapshot:
        nonlocal asked
        asked += 1
        return counted(asked)

    collector = Collector(folder)
    with telling(folder, read):
        first, second = await asyncio.gather(collector.collect(), collector.collect())
    assert first == second
    assert asked == 1


async def test_who_stops_to_wait_spoils_it_for_nobody(folder: Path):
    collector = Collector(folder)
    with telling(folder, lambda: counted(1)):
        impatient = asyncio.create_task(collector.collect())
        patient = asyncio.create_task(collector.collect())
        await asyncio.sleep(0)
        impatient.cancel()
        assert value(await patient, "asked_total") == 1


async def test_somebody_who_connects_and_does_not_read_keeps_nobody_from_reading(folder: Path):
    large = (Family("big", "counter", "", "x" * 4_000_000, (Sample("asked_total", (), 1.0),)),)
    collector = Collector(folder, answer_seconds=20)
    with telling(folder, lambda: large):
        [path] = folder.iterdir()  # noqa: ASYNC240  - likewise
        with socket.socket(socket.AF_UNIX) as idle:
            idle.connect(str(path))
            assert value(await collector.collect(), "asked_total") == 1


def test_the_thread_of_a_worker_ends_with_it(folder: Path):
    before = set(threading.enumerate())
    with telling(folder, tuple):
        assert [thread.name for thread in set(threading.enumerate()) - before] == ["metrics"]
    assert set(threading.enumerate()) <= before


STEPS = st.lists(
    st.tuples(st.sampled_from(["count", "come", "go", "hang", "wake"]), st.integers(0, 3)), min_size=1, max_size=25
)


class Crowd:
    """Workers in this process that do as they are told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.total = 0
        self._numbers: list[int] = []
        self._servers: list[asyncio.Server | None] = []
        self._hung: set[int] = set()

    async def do(self, step: str, which: int) -> None:
        if step == "come" and len(self._servers) < 8:
            await self._come()
        elif which < len(self._servers) and self._servers[which] is not None:
            if step == "count" and which not in self._hung:
                self._numbers[which] += 1
                self.total += 1
            elif step == "hang":
                self._hung.add(which)
            elif step == "wake":
                self._hung.discard(which)
            elif step == "go":
                server, self._servers[which] = self._servers[which], None
                assert server is not None
                server.close()  # its socket stays in the folder, as that of a worker that was killed

    async def _come(self) -> None:
        number = len(self._servers)
        self._numbers.append(0)

        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if number not in self._hung:
                writer.write(encode(counted(self._numbers[number])))
            writer.close()

        self._servers.append(await asyncio.start_unix_server(talk, self.folder / f"{number}-0.sock"))

    async def close(self) -> None:
        for server in filter(None, self._servers):
            server.close()


@contextlib.asynccontextmanager
async def crowd() -> AsyncGenerator[Crowd]:
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        crowd = Crowd(Path(folder))
        yield crowd
        await crowd.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(STEPS)
async def test_whatever_workers_do_no_counter_ever_falls_and_nothing_is_counted_twice(steps: list[tuple[str, int]]):
    async with crowd() as workers_:
        collector = Collector(workers_.folder)
        before = 0.0
        for step, which in steps:
            await workers_.do(step, which)
            now = value(await collector.collect(), "asked_total") or 0.0
            assert before <= now <= workers_.total
            before = now
