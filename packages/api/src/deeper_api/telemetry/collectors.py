"""The metrics of all workers as one, kept by the process that started them."""

import asyncio
import time
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Final, Literal

import msgspec

from deeper_api.telemetry.snapshots import Family, Sample, Snapshot, decode, lasting, merge, never_less
from deeper_api.telemetry.workers import SUFFIX

# All workers are asked at once, so that this is how long a scrape takes at most, whatever hangs.
_ANSWER_SECONDS: Final = 1.0


class Collector:
    """Asks the workers whose sockets are in ``folder``.

    A worker that does not answer counts with what it said last, without its gauges; one that is gone does so for ever.
    """

    def __init__(self, folder: Path, *, answer_seconds: float = _ANSWER_SECONDS) -> None:
        self._folder = folder
        self._seconds = answer_seconds
        self._last: dict[str, Snapshot] = {}
        self._gone: Snapshot = ()
        self._told: Snapshot = ()
        self._asking: asyncio.Task[Snapshot] | None = None
        self._started = time.time()

    async def collect(self) -> Snapshot:
        """Return the sums of now; whoever asks in the meantime gets the same."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._collect(), name="collect metrics")
        return await asyncio.shield(self._asking)

    async def _collect(self) -> Snapshot:
        paths = list(self._folder.glob(f"*{SUFFIX}"))
        answers = dict(zip(paths, await asyncio.gather(*map(self._ask, paths)), strict=True))
        up = {path.name: answer for path, answer in answers.items() if isinstance(answer, tuple)}
        silent = {path.name for path, answer in answers.items() if answer == "silent"}
        for path in [path for path, answer in answers.items() if answer == "gone"]:
            path.unlink(missing_ok=True)
        for name in self._last.keys() - up.keys() - silent:
            self._gone = merge([self._gone, lasting(self._last.pop(name))])
        self._last |= up
        remembered = [lasting(self._last[name]) for name in sorted(silent & self._last.keys())]
        parts = [self._own(len(up), len(silent)), self._gone, *remembered, *up.values()]
        self._told = never_less(merge(parts), self._told)
        return self._told

    async def _ask(self, path: Path) -> Snapshot | Literal["silent", "gone"]:
        try:
            async with asyncio.timeout(self._seconds):
                reader, writer = await asyncio.open_unix_connection(path)
                try:
                    return decode(await reader.read())
                finally:
                    writer.close()
        except (ConnectionRefusedError, FileNotFoundError):
            return "gone"
        except (OSError, TimeoutError, msgspec.DecodeError):
            return "silent"

    def _own(self, up: int, silent: int) -> Snapshot:
        """Return what no worker knows: what runs, since when, and how many of them answer."""
        build = (("python_version", python_version()), ("version", version("deeper-api")))
        states = (("silent", silent), ("up", up))
        return (
            _gauge("deeper_build_info", "What runs.", Sample("deeper_build_info", build, 1.0)),
            _gauge(
                "deeper_start_time_seconds",
                "When the server was started, in seconds since 1970.",
                Sample("deeper_start_time_seconds", (), self._started),
            ),
            _gauge(
                "deeper_workers",
                "Worker processes, by whether they told their metrics.",
                *(Sample("deeper_workers", (("state", state),), float(count)) for state, count in states),
            ),
        )


def _gauge(name: str, description: str, *samples: Sample) -> Family:
    return Family(name, "gauge", "", description, samples)
