"""Packages of npm, run by the Node of a wheel.

They are installed once, as a lock file says, into the user's folder for caches.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

BIN = Path(sys.executable).parent
_FILES = ("package.json", "package-lock.json")
_INSTALL_SECONDS = 100


def installed(source: Path, name: str) -> Path:
    """A folder in which Node finds the packages that the lock file in ``source`` names; ``name`` is for people."""
    digest = hashlib.sha256(b"".join((source / file).read_bytes() for file in _FILES)).hexdigest()[:16]
    cache = Path(platformdirs.user_cache_dir("deepersensor-tests"))
    folder = cache / f"{name}-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the processes of the tests come at the same time
        if not (folder / "installed").exists():
            _install(source, folder)
    return folder


def _install(source: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in _FILES:
        shutil.copy(source / name, folder)
    done = subprocess.run(
        [BIN / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"{source} cannot be installed from npm: {done.stderr[-300:]}")
    (folder / "installed").touch()
