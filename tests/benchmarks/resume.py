"""How soon a stream goes on that was cut: on the server that runs it, on another one, and when it has ended meanwhile.

While others stream, a client comes back with ``Last-Event-ID`` on a new connection. Times are from opening that to the
first byte of the response, and to the first event. A client that has missed something gets it at once. One that has
missed nothing waits for the model, and on another server for the journal, which is written every 200 ms.
"""

import asyncio
import contextlib
import json
import random
import re
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence

import uvloop

from tests.benchmarks.load import read_request
from tests.benchmarks.results import Report, Table
from tests.benchmarks.servers import Server, database, product, sign_up, upstream

TARGET = 50.0  # milliseconds
_STREAMS = 50
_RESUMED = 5
_MISSED = 300  # positions, which is a second and a half: long written down
_MODEL = "d100000"  # as long as anybody waits
_ENDED_MODEL = "z2000"
_WARM_UP = 10
_ID = re.compile(rb'"id":\s*(\d+)')


class Stream:
    """A stream that is read as it comes, in a task of its own."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.generation_id = ""
        self.position = 0
        self.begun = asyncio.Event()

    async def follow(self) -> None:
        async for line in _lines(self._reader):
            found = _ID.search(line)
            self.position = int(found[1]) if found else self.position
            if not self.generation_id:
                self.generation_id = json.loads(line)["generation_id"]
            elif self.position > 2 * _MISSED:
                self.begun.set()


async def _lines(reader: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    """Yield the lines of JSON in a chunked response; what stands between them never begins like one."""
    while line := await reader.readline():
        if line.startswith(b"{"):
            yield line
        elif line == b"0\r\n":
            return


@contextlib.asynccontextmanager
async def _streaming(server: Server, count: int) -> AsyncGenerator[list[Stream]]:
    """Keep ``count`` streams open on ``server``; each has begun."""
    async with contextlib.AsyncExitStack() as stack:
        streams: list[Stream] = []
        tasks: list[asyncio.Task[None]] = []
        stack.callback(lambda: [task.cancel() for task in tasks])
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            stack.callback(writer.close)
            writer.write(server.chat(_MODEL))
            streams.append(Stream(reader))
            tasks.append(asyncio.create_task(streams[-1].follow()))
        async with asyncio.timeout(30):
            for stream in streams:
                await stream.begun.wait()
        yield streams


async def resume(server: Server, generation_id: str, after: int) -> tuple[float, float]:
    """Return the milliseconds until the first byte, and until the first event after ``after``."""
    path = f"/v1/generations/{generation_id}/events"
    sent = read_request(server.port, path, server.token, f"last-event-id: {after}")
    started = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(sent)
        async with asyncio.timeout(10):
            status = await reader.readline()
            first_byte = time.perf_counter()
            async for line in _lines(reader):
                found = _ID.search(line)
                if found and int(found[1]) > after:
                    return (first_byte - started) * 1_000, (time.perf_counter() - started) * 1_000
        raise RuntimeError(f"no event after {after} at {path}: {status!r}")
    finally:
        writer.close()


async def _ended(server: Server) -> str:
    """Have an answer made to its end; return its id."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(server.chat(_ENDED_MODEL))
    generation_id = ""
    async for line in _lines(reader):
        generation_id = generation_id or json.loads(line)["generation_id"]
    writer.close()
    return generation_id


async def _measure(own: Server, other: Server, count: int) -> dict[str, list[tuple[float, float]]]:
    chance = random.Random(3)
    times: dict[str, list[tuple[float, float]]] = defaultdict(list)
    ended = await _ended(own)
    async with _streaming(own, _STREAMS + _RESUMED) as streams:
        for turn in range(_WARM_UP + count):
            for name, server in (("the same", own), ("another", other)):
                stream = chance.choice(streams[:_RESUMED])
                missed = chance.randrange(0, stream.position - _MISSED)
                for case, generation_id, after in (
                    ("missed some", stream.generation_id, missed),
                    ("missed none", stream.generation_id, stream.position),
                    ("ended", ended, turn),
                ):
                    taken = await resume(server, generation_id, after)
                    if turn >= _WARM_UP:
                        times[f"{name}, {case}"].append(taken)
    return times


def measure_resume(rounds: int, report: Report) -> None:
    """Report how soon a stream goes on."""
    with (
        upstream() as model_server,
        database() as url,
        product(model_server, url) as own,
        product(model_server, url) as other,
    ):
        sign_up(own)
        other.token = own.token
        times = uvloop.run(_measure(own, other, rounds * 40))
    found: dict[str, list[float | None]] = {}
    slow: list[str] = []
    for name, taken in sorted(times.items()):
        byte, event = (_percentiles([each[column] for each in taken]) for column in (0, 1))
        found[name] = [*byte, *event]
        # Nothing can be sent before it is known here.
        if byte[1] >= TARGET or ("missed none" not in name and event[1] >= TARGET):
            slow.append(name)
    columns = [f"first {what} {quantile}, ms" for what in ("byte", "event") for quantile in ("p50", "p95")]
    about = (
        f"A stream that goes on after it was cut, by the server that runs it or another one, beside {_STREAMS} streams."
    )
    notes = [f"More than {TARGET:.0f} ms: {', '.join(slow)}."] if slow else []
    report.add(Table("resume", about, columns, found, notes))


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    return statistics.median(values), statistics.quantiles(values, n=20, method="inclusive")[-1]
