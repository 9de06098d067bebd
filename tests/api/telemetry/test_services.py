"""Telemetry of one process that nobody wants, and that somebody wants."""

import asyncio
import tempfile
import threading
from pathlib import Path

import pytest

from deeper_api.config import AppConfig
from deeper_api.telemetry.loops import LoopLag
from deeper_api.telemetry.meters import Meters
from deeper_api.telemetry.services import create_telemetry
from tests.api.telemetry.counting import value


async def test_what_nobody_wants_costs_no_thread():
    telemetry = create_telemetry(AppConfig())
    before = threading.enumerate()
    async with telemetry.running():
        assert threading.enumerate() == before
    assert (telemetry.meters, telemetry.tracing) == (None, None)


async def test_a_process_tells_what_it_takes_of_its_machine():
    with tempfile.TemporaryDirectory(prefix="metrics-") as folder:
        telemetry = create_telemetry(AppConfig(), Path(folder))
        assert telemetry.meters is not None
        async with telemetry.running():
            snapshot = telemetry.meters.read()
    assert 0 < (value(snapshot, "process_cpu_time_seconds_total") or 0) < 100_000
    assert 100_000 < (value(snapshot, "deeper_python_blocks") or 0) < 100_000_000
    assert 10_000_000 < (value(snapshot, "process_memory_usage_bytes") or 0) < 10**11


async def test_an_event_loop_that_is_held_up_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deeper_api.telemetry.loops._SECONDS", 0.01)
    meters = Meters()
    loop = asyncio.get_running_loop()
    with LoopLag(meters.meter).watching():
        until = loop.time() + 0.2
        while loop.time() < until:
            pass  # and nothing else has a turn
        while not (told := value(meters.read(), "deeper_event_loop_lag_seconds_sum")):  # noqa: ASYNC110  - no event
            await asyncio.sleep(0)
    assert told > 0.15
    assert told < 60


async def test_the_tasks_of_an_event_loop_are_counted_while_it_is_watched():
    meters, gate = Meters(), asyncio.Event()
    with LoopLag(meters.meter).watching():
        before = value(meters.read(), "deeper_event_loop_tasks") or 0
        waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
        told = await asyncio.to_thread(meters.read)  # as those who are asked for metrics read them
        assert value(told, "deeper_event_loop_tasks") == before + 3
        gate.set()
        await asyncio.gather(*waiting)
        assert value(meters.read(), "deeper_event_loop_tasks") == before
    assert value(meters.read(), "deeper_event_loop_tasks") == 0
