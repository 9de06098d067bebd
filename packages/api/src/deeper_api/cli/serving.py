"""Running the application behind granian, in one or more worker processes."""

import asyncio
import gc
import http.client
import multiprocessing
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from multiprocessing.process import BaseProcess

import rich_click as click
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer
from litestar.types import ASGIApp

from deeper_api.app import create_app
from deeper_api.config import AppConfig
from deeper_api.telemetry.logs import configure_logs

# Connections, open streams among them, that one worker holds; more wait in the kernel's queue of the same length.
_CONNECTIONS = 4_096
_OPEN_FILES = 4 * _CONNECTIONS
# Larger header blocks get 431. The default would let a client send 400 KiB of them.
_HEADER_BYTES = 64 * 1024
# After the drain time a worker still has to write last frames and close its connections.
_SECONDS_AFTER_DRAIN = 5
_READY_POLL_SECONDS = 0.02
_ENDING = (signal.SIGINT, signal.SIGTERM)
# granian's own lines go where ours go, and are worth reading from a warning on.
_GRANIAN_LOGS = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": True}},
}


def run_server(config: AppConfig, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``on_ready`` is called, on another thread, at the first answer.

    Raises:
        click.ClickException: the port is taken, or there is no such address.
        SystemExit: a worker could not be kept alive.
    """
    address = _free_address(config.server.host, config.server.port)
    _allow_open_files()
    configure_logs(level=config.log.level, form=config.log.format, texts=config.profile == "dev")
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
        backpressure=_CONNECTIONS,
        http1_settings=HTTP1Settings(max_buffer_size=_HEADER_BYTES),
        respawn_failed_workers=True,
        workers_kill_timeout=int(config.server.drain_seconds) + _SECONDS_AFTER_DRAIN,
        log_access=False,
        log_level=LogLevels.warning,
        log_dictconfig=_GRANIAN_LOGS,
    )
    server.when_forked = threading.Thread(target=_announce, args=(config, on_ready), daemon=True).start
    server.serve(target_loader=partial(load_app, config), wrap_loader=False)


class _Server(MPServer):
    """Calls ``when_forked`` once the workers are there, and ends when its terminal is closed, unless under ``nohup``.

    Its own hook comes before, which is too early to start a thread: a worker is a fork of this process, and a lock
    that another thread holds at that moment stays locked in it for ever.
    """

    when_forked: Callable[[], None]

    def startup(self, spawn_target: object, target_loader: object) -> None:
        # A signal has to wait until the workers are there to be told, and know what to do with it: see load_app.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        super().startup(spawn_target, target_loader)  # pyright: ignore[reportUnknownMemberType]  - untyped there
        if ignores_hangup:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        self.when_forked()

    def signal_handler_interrupt(self, *_: object, **__: object) -> None:
        """End, once: a second signal may come in the middle of the first, and wait for ever for a lock of that one."""
        if not self.interrupt_signal:
            super().signal_handler_interrupt()  # pyright: ignore[reportUnknownMemberType]  - untyped there

    def signal_handler_reload(self, *_: object, **__: object) -> None:
        """End on SIGHUP: granian starts its workers anew, which would go on without a terminal to end them from."""
        self.signal_handler_interrupt()


def load_app(config: AppConfig) -> ASGIApp:
    """Return the application, in a worker process."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        # What the main process does on a signal is inherited and does nothing here, so that a signal during the start
        # would be lost and the worker be waited for in vain. There is nothing to tidy up yet.
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    configure_logs(level=config.log.level, form=config.log.format, texts=config.profile == "dev")
    app = create_app(config)
    # What is there now stays: the garbage collector need not look through it again and again.
    gc.freeze()
    if parent is not None:
        # granian's handlers are the loop's, which hear nothing before it runs. No other thread may take a signal.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        asyncio.get_event_loop().call_soon(signal.pthread_sigmask, signal.SIG_UNBLOCK, _ENDING)
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    return app


def _end_after(parent: BaseProcess) -> None:
    """End this worker once ``parent`` is gone: without it nobody else would, and it holds the port and the database."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def reachable_address(config: AppConfig) -> str:
    """Return the address at which a browser on this machine reaches the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.server.host, config.server.host)  # noqa: S104  - compared
    return f"http://[{host}]:{config.server.port}" if ":" in host else f"http://{host}:{config.server.port}"


def _free_address(host: str, port: int) -> str:
    """Return the IP address of ``host``, by which granian wants to know it, if nobody listens there.

    That is found out now, because the workers share the port with whoever else of this user shares it.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise click.ClickException(f"Cannot listen on {host}: there is no such address.") from error
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise click.ClickException(
                f"Cannot listen on {host}:{port}: {error.strerror}. Is another server running there? "
                "Choose another port with --port or DEEPER_SERVER_PORT."
            ) from error
    return str(address[0])


def _allow_open_files() -> None:
    """Raise the limit of open files to what this process may have: each stream takes two."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
