"""Running the application behind granian, in one or more worker processes."""

import asyncio
import ctypes
import errno
import gc
import http.client
import logging
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import rich_click as click
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer, WorkerProcess
from litestar.types import ASGIApp

from deeper_api.app import create_app
from deeper_api.cli.crashes import Crashes
from deeper_api.config import AppConfig
from deeper_api.telemetry.logs import configure_logs
from deeper_api.telemetry.scrapes import LONGEST_FOLDER, ScrapeListener, scraping
from deeper_api.telemetry.services import create_telemetry
from deeper_api.telemetry.tallies import gauge
from deeper_api.web.exports import Export

_log = logging.getLogger("deeper.server")

# Connections, open streams among them, that one worker holds; more wait in the kernel's queue of the same length.
_CONNECTIONS = 4_096
_OPEN_FILES = 4 * _CONNECTIONS
# What a worker has open besides connections of clients, of model servers and of the database: about half of them when
# it starts, the others for Redis, traces, a burst of names to look up.
_OTHER_FILES = 64
_LEAST_CONNECTIONS = 8
# Larger header blocks get 431. The default would let a client send 400 KiB of them.
_HEADER_BYTES = 64 * 1024
# After the drain time a worker still has to write last frames and close its connections. What takes a moment takes
# long on a busy machine, and a worker that is killed ends no answer.
_SECONDS_AFTER_DRAIN = 15
_READY_POLL_SECONDS = 0.02
_END_POLL_SECONDS = 0.02
_M_ARENA_MAX = -8  # malloc.h
_ENDING = (signal.SIGINT, signal.SIGTERM)
_PORT = "Choose another port with --port or DEEPER_SERVER_PORT."
_HOST = "Name one that it has with --host or DEEPER_SERVER_HOST; 0.0.0.0 is all of them."
_METRICS_PORT = "Choose another port for metrics with DEEPER_METRICS_PORT, or 0 for none."
_METRICS_HOST = "Name one that it has for metrics with DEEPER_METRICS_HOST."
_FOLDER = "Name another one with TMPDIR, or set DEEPER_METRICS_PORT to 0 for no metrics."
# granian's own lines go where ours go, and are worth reading from a warning on.
_GRANIAN_LOGS = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": True}},
}


def run_server(config: AppConfig, on_ready: Callable[[], None], export: Export | None = None) -> None:
    """Serve until SIGTERM or SIGINT; ``on_ready`` is called, on another thread, at the first answer.

    The pages of ``export``, if there is one, are served beside the API.

    Raises:
        click.ClickException: the port is taken, or there is no such address.
        SystemExit: a worker could not be kept alive.
    """
    address = free_address(config.server.host, config.server.port)
    configure_logs(level=config.log.level, form=config.log.format, texts=config.profile == "dev")
    connections = _connections(_allow_open_files(), config.db.pool_size)
    with _scraping(config) as metrics:
        load = partial(load_app, config, connections, None if metrics is None else metrics.folder, export)
        _serve(config, address, connections, load, partial(_begin, config, metrics, on_ready))


def _serve(
    config: AppConfig, address: str, connections: int, load: Callable[[], ASGIApp], when_forked: Callable[[], None]
) -> None:
    server = _Server(
        "deeper_api",
        address=address,
        port=config.server.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        loop=Loops.uvloop,
        workers=config.server.workers,
        backlog=_CONNECTIONS,
        backpressure=connections,
        http1_settings=HTTP1Settings(max_buffer_size=_HEADER_BYTES),
        respawn_failed_workers=True,
        workers_kill_timeout=int(config.server.drain_seconds) + _SECONDS_AFTER_DRAIN,
        log_access=False,
        log_level=LogLevels.warning,
        log_dictconfig=_GRANIAN_LOGS,
    )
    server.crashes = Crashes()
    server.when_forked = when_forked
    server.serve(target_loader=load, wrap_loader=False)


def _begin(config: AppConfig, metrics: ScrapeListener | None, on_ready: Callable[[], None]) -> None:
    """Start what runs in threads beside the workers."""
    if metrics is not None:
        metrics.start()
    threading.Thread(target=_announce, args=(config, on_ready), daemon=True).start()


def _scraping(config: AppConfig) -> AbstractContextManager[ScrapeListener | None]:
    host, port = config.metrics.host, config.metrics.port
    if not port:
        return nullcontext()
    free_address(host, port, _METRICS_PORT, _METRICS_HOST)
    try:
        folder = tempfile.gettempdir()
    except OSError as error:
        raise click.ClickException(f"There is no folder for temporary files. {_FOLDER}") from error
    if len(os.fsencode(folder)) > LONGEST_FOLDER:
        raise click.ClickException(f"The name of the folder for temporary files is too long: {folder}. {_FOLDER}")
    return scraping(host, port)


class _Server(MPServer):
    """Calls ``when_forked`` once the workers are there, and ends when its terminal is closed, unless under ``nohup``.

    Its own hook comes before, which is too early to start a thread: a worker is a fork of this process, and a lock
    that another thread holds at that moment stays locked in it for ever.
    """

    when_forked: Callable[[], None]
    interrupt_children: list[int]
    wrks: list[WorkerProcess]
    workers_kill_timeout: int
    crashes: Crashes

    def startup(self, spawn_target: object, target_loader: object) -> None:
        # A signal has to wait until the workers are there to be told, and know what to do with it: see load_app.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        super().startup(spawn_target, target_loader)  # pyright: ignore[reportUnknownMemberType]  - untyped there
        if ignores_hangup:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        self.when_forked()

    def _respawn_workers(
        self, workers: list[int], spawn_target: object, target_loader: object, delay: float = 0
    ) -> None:
        """Start workers anew, unless they die again and again: granian sees that only of one that dies at once."""
        if self.crashes.are_too_many(workers, time.monotonic()):
            self.interrupt_children.extend(workers)
            self.interrupt_signal = True
            self.main_loop_interrupt.set()
            return
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # as at the start
        super()._respawn_workers(workers, spawn_target, target_loader, delay)  # pyright: ignore[reportUnknownMemberType]  - untyped there
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        if self.interrupt_signal:
            # granian looks for a signal first and forgets then that anything happened, so one in between was lost.
            self.main_loop_interrupt.set()

    def _stop_workers(self) -> None:
        """End the workers, by force those that do not end in time.

        granian waits for each of them in two threads, of which the one that is told second takes a worker that has just
        ended for one that hangs.
        """
        for worker in self.wrks:
            worker.terminate()
        deadline = time.monotonic() + self.workers_kill_timeout
        while (left := [worker for worker in self.wrks if worker.is_alive()]) and time.monotonic() < deadline:
            time.sleep(_END_POLL_SECONDS)
        for worker in left:
            _log.warning("a worker does not end and is killed", extra={"fields": {"worker": worker.idx + 1}})
            worker.kill()
        self.wrks.clear()

    def shutdown(self, exit_code: int = 0) -> None:
        """End; where workers could not be kept alive, say so, with an exit code that is not 0."""
        if self.interrupt_children:
            workers = sorted({worker + 1 for worker in self.interrupt_children})
            said = "workers die again and again, so the server ends; the lines before this one say why"
            _log.error(said, extra={"fields": {"workers": workers}})
        super().shutdown(exit_code)

    def signal_handler_interrupt(self, *_: object, **__: object) -> None:
        """End, once: a second signal may come in the middle of the first, and wait for ever for a lock of that one."""
        if not self.interrupt_signal:
            super().signal_handler_interrupt()  # pyright: ignore[reportUnknownMemberType]  - untyped there

    def signal_handler_reload(self, *_: object, **__: object) -> None:
        """End on SIGHUP: granian starts its workers anew, which would go on without a terminal to end them from."""
        self.signal_handler_interrupt()


def load_app(config: AppConfig, connections: int, metrics_folder: Path | None, export: Export | None = None) -> ASGIApp:
    """Return the application, in a worker process that takes so many connections of clients.

    It tells its metrics in the folder, if there is one.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        # What the main process does on a signal is inherited and does nothing here, so that a signal during the start
        # would be lost and the worker be waited for in vain. There is nothing to tidy up yet.
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        _share_one_heap()
    configure_logs(level=config.log.level, form=config.log.format, texts=config.profile == "dev")
    try:
        telemetry = create_telemetry(config, metrics_folder)
        gauge(
            telemetry.meter,
            "deeper.connections.max",
            lambda: connections,
            unit="{connection}",
            description="Connections of clients that the workers take, at most.",
        )
        app = create_app(config, telemetry=telemetry, export=export)
    except Exception:  # noqa: BLE001  - whatever it is, it is said once, and in a line like others
        _log.exception("a worker cannot start")
        raise SystemExit(1) from None
    # What is there now stays: the garbage collector need not look through it again and again.
    gc.freeze()
    if parent is not None:
        # granian's handlers are the loop's, which hear nothing before it runs. No other thread may take a signal.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        asyncio.get_event_loop().call_soon(signal.pthread_sigmask, signal.SIG_UNBLOCK, _ENDING)
        threading.Thread(target=_end_after, args=(parent, metrics_folder), daemon=True).start()
    return app


def _share_one_heap() -> None:
    """Have all threads of this process take memory from one heap, so that what one gives back is there for all.

    glibc has one for each thread that asks at the same time as another, and each keeps for good the 19 MiB that a
    password takes: https://man7.org/linux/man-pages/man3/mallopt.3.html.
    """
    with suppress(AttributeError):  # elsewhere
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _end_after(parent: BaseProcess, metrics_folder: Path | None) -> None:
    """End this worker once ``parent`` is gone: without it nobody else would, and it holds the port and the database.

    Nor would anybody else remove the folder.
    """
    parent.join()
    if metrics_folder is not None:
        shutil.rmtree(metrics_folder, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)


def reachable_address(config: AppConfig) -> str:
    """Return the address at which a browser on this machine reaches the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.server.host, config.server.host)  # noqa: S104  - compared
    return f"http://[{host}]:{config.server.port}" if ":" in host else f"http://{host}:{config.server.port}"


def free_address(host: str, port: int, about_port: str = _PORT, about_host: str = _HOST) -> str:
    """Return the IP address of ``host``, by which granian wants to know it, if nobody listens there.

    That is found out now, because the workers share the port with whoever else of this user shares it.

    Raises:
        click.ClickException: somebody does, or there is no such address.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise click.ClickException(f"Cannot listen on {host}: there is no such address. {about_host}") from error
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                said = f"Cannot listen on {host}: this machine has no such address. {about_host}"
                raise click.ClickException(said) from error
            raise click.ClickException(
                f"Cannot listen on {host}:{port}: {error.strerror}. Is another server running there? {about_port}"
            ) from error
    return str(address[0])


def _allow_open_files() -> int:
    """Raise the limit of open files to what this process may have, and return it: each stream takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return _OPEN_FILES if soft == resource.RLIM_INFINITY else soft


def _connections(open_files: int, pool_size: int) -> int:
    """Return how many connections of clients a worker takes, so that what they ask for can be opened, too.

    A worker that took them all would find no descriptor for the model server, and try in vain, without a pause, to
    take the next one.
    """
    room = (open_files - _OTHER_FILES - pool_size) // 2
    if room >= _CONNECTIONS:
        return _CONNECTIONS
    connections = max(_LEAST_CONNECTIONS, room)
    said = "few files may be open (ulimit -n), so that few connections are taken; the others wait"
    _log.warning(said, extra={"fields": {"open_files": open_files, "connections": connections}})
    return connections


def _announce(config: AppConfig, on_ready: Callable[[], None]) -> None:
    host = reachable_address(config).removeprefix("http://").rpartition(":")[0].strip("[]")
    while True:
        connection = http.client.HTTPConnection(host, config.server.port, timeout=1)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            connection.request("GET", "/health")
            if connection.getresponse().status == http.client.OK:
                on_ready()
                return
        time.sleep(_READY_POLL_SECONDS)
