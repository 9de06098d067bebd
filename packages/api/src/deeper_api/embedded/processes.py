"""Processes of the embedded server: whose they are, and how to find one again."""

import contextlib
import os
import pwd
import signal
import subprocess
from pathlib import Path
from typing import Final, TypedDict

from deeper_api.embedded.errors import EmbeddedPostgresFailed

# PostgreSQL refuses to run as root. The first of these accounts that exists runs a cluster that root makes.
_ACCOUNTS: Final = ("postgres", "pgserver", "nobody")


class Identity(TypedDict, total=False):
    """Arguments of subprocess.Popen that say whose process it is."""

    cwd: str
    env: dict[str, str]
    user: int
    group: int
    extra_groups: list[str | int]


def identity(account: pwd.struct_passwd | None) -> Identity:
    """Return arguments that run a program as ``account`` (None: as we are), in an environment that is not ours."""
    arguments: Identity = {"cwd": "/", "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}}
    if account is not None:
        arguments |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return arguments


def account_for(cluster: Path) -> pwd.struct_passwd | None:
    """Return the account that the server of this cluster must run as, or None where it can run as we do."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(OSError, KeyError):
        owner = pwd.getpwuid(cluster.stat().st_uid)
        if owner.pw_uid != 0:
            return owner
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresFailed(f"PostgreSQL does not run as root, and none of these users exists: {_ACCOUNTS}.")


def postmaster(cluster: Path) -> int | None:
    """Return the pid of the server that runs on ``cluster``, or None.

    The pid file alone proves nothing: after a crash it stays, and another process may have the number by now.
    """
    first = line(cluster / "postmaster.pid")
    if first.isdecimal() and f"/postgres -D {cluster} --" in _command_line(int(first)):
        return int(first)
    return None


def is_alive(pid: int) -> bool:
    """Tell whether there is such a process; one that nobody has taken note of (a zombie) counts as dead on Linux."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    state = line(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return state[:1] != ["Z"]


def tell(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, which may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def line(path: Path, number: int = 1) -> str:
    """Return a line of a small file, counted from 1, or nothing where there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[number - 1].strip() if len(lines) >= number else ""


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
