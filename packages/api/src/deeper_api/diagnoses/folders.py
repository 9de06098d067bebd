"""Looking at files on this machine: whether they are there for us, and for nobody else."""

import asyncio
import os
import stat
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from deeper_api.config.loading import FILE_NAME
from deeper_api.diagnoses.findings import Examination, Finding, ok, skipped, warning

_NAME: Final = "files"
_SECONDS: Final = 5.0
# What holds secrets: of `deeper dev`, and of a server's configuration.
_PRIVATE: Final = ("jwt-secret", "first-user.json")
_SETTINGS: Final = (".env", FILE_NAME)


def examinations_of_folders(data_dir: Path, working: Path) -> list[Examination]:
    """Return what to look at in the data folder of `deeper dev`, and in the folder where the configuration is."""
    return [Examination(name=_NAME, look=partial(_look, data_dir, working), seconds=_SECONDS)]


async def _look(data_dir: Path, working: Path) -> Sequence[Finding]:
    return await asyncio.to_thread(_look_at_files, data_dir, working)


def _look_at_files(data_dir: Path, working: Path) -> Sequence[Finding]:
    files = [data_dir / name for name in _PRIVATE] + [working / name for name in _SETTINGS]
    present = [file for file in files if file.exists()]
    found = list(_open_to_all(present))
    if data_dir.exists() and not os.access(data_dir, os.W_OK | os.X_OK):
        found.append(warning(_NAME, f"{data_dir} cannot be written to by this user", "Give it to who runs the server."))
    if found:
        return found
    if not present:
        return [skipped(_NAME, "no file with secrets is here")]
    return [ok(_NAME, "nobody else reads " + ", ".join(file.name for file in present))]


def _open_to_all(files: Sequence[Path]) -> Iterator[Finding]:
    for file in files:
        if file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
            yield warning(_NAME, f"others on this machine may read {file}, which may hold secrets", f"chmod 600 {file}")
