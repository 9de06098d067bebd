"""``GET /metrics`` for Prometheus, on a listener that is apart from the API's."""

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, Metric, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from deeper_api.telemetry.collectors import Collector
from deeper_api.telemetry.snapshots import Snapshot, metrics_in

_log = logging.getLogger("deeper.telemetry")

# What fits in front of the names of sockets: the whole may have 103 bytes on some systems.
LONGEST_FOLDER: Final = 55
_OPENMETRICS: Final = "application/openmetrics-text"
_OPENMETRICS_TYPE: Final = f"{_OPENMETRICS}; version=1.0.0; charset=utf-8"
_WAITING: Final = 16
# Between scrapes the workers are asked, too: what one counts after it was asked last is lost when it is killed.
_PAUSE_SECONDS: Final = 5.0
_END_SECONDS: Final = 1.0


class _Collected:
    """A snapshot in the place of a registry."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._metrics = metrics_in(snapshot)

    def collect(self) -> list[Metric]:
        return self._metrics


def expose(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """Return a body and its media type: OpenMetrics for those who accept it, Prometheus's own text for all others."""
    if _OPENMETRICS in accept:
        generate = cast("Callable[[_Collected], bytes]", openmetrics.generate_latest)  # which has no types
        return generate(_Collected(snapshot)), _OPENMETRICS_TYPE
    return generate_latest(_Collected(snapshot)), CONTENT_TYPE_PLAIN_0_0_4


def create_scrape_app(collect: Callable[[], Awaitable[Snapshot]]) -> web.Application:
    """Return the application that shows what ``collect`` returns."""

    async def answer(request: web.Request) -> web.Response:
        body, media_type = expose(await collect(), request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    app = web.Application()
    app.router.add_get("/metrics", answer)
    return app


class ScrapeListener:
    """Listens at an address, and answers once it is started, with what workers tell in ``folder``.

    It is made before the workers are forked, so that a port that is taken is known at once, and started afterwards: a
    lock that its thread held at that moment would stay locked in them.

    Raises:
        OSError: the port is taken, or there is no such address.
    """

    def __init__(self, host: str, port: int, folder: Path) -> None:
        self.folder = folder
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._socket = socket.create_server(address[:2], family=family, backlog=_WAITING)
        # A worker that is forked would hold the port as well, and for longer maybe than this process lives.
        os.register_at_fork(after_in_child=self._socket.close)
        self._collector = Collector(folder)
        self._over = asyncio.Event()
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread] | None = None

    def start(self) -> None:
        """Answer from now on, on a thread."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._run, args=(loop,), name="metrics", daemon=True)
        self._running = loop, thread
        thread.start()

    def close(self) -> None:
        """Answer nobody any more."""
        if self._running is not None:
            loop, thread = self._running
            with suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(self._over.set)
            thread.join(_END_SECONDS)
        self._socket.close()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self._serve())
        loop.close()

    async def _serve(self) -> None:
        runner = web.AppRunner(create_scrape_app(self._collector.collect), access_log=None, shutdown_timeout=0)
        await runner.setup()
        await web.SockSite(runner, self._socket).start()
        while not self._over.is_set():
            try:
                await self._collector.collect()
            except Exception:  # noqa: BLE001  - whatever it is, the next time may succeed
                _log.exception("cannot collect metrics")
            with suppress(TimeoutError):
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await self._over.wait()
        await runner.cleanup()


@contextmanager
def scraping(host: str, port: int) -> Generator[ScrapeListener]:
    """Listen for as long as the context lasts, over a folder that is nobody else's.

    Raises:
        OSError: the port is taken, or there is no such address.
    """
    with TemporaryDirectory(prefix="deeper-metrics-", ignore_cleanup_errors=True) as folder:
        listener = ScrapeListener(host, port, Path(folder))
        try:
            yield listener
        finally:
            listener.close()
