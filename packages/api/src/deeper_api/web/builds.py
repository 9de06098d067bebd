"""Building the web client, once for each state of its sources, in a folder of the user's cache.

That folder holds::

    <digest>/      an export: the pages of these sources
    building-*/    where one is being built
    build.lock     locked by the process that builds
    build.log      what the last build said that failed
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from subprocess import PIPE
from typing import Final

from msgspec import Struct

from deeper_api.web.errors import WebUnavailable
from deeper_api.web.exports import HEADERS_FILE
from deeper_api.web.nodes import Node
from deeper_api.web.programs import heard, running
from deeper_api.web.reasons import reason_of
from deeper_api.web.sources import Sources

BUILD_SECONDS: Final = 900.0
_POLL: Final = 0.1  # seconds
_SAID_BYTES: Final = 256 * 1024
# Exports of other branches and clones, the newest of which are kept: one is 1.5 MB.
_KEPT: Final = 8
# A registry that cannot be reached is given up after seconds; npm's own patience is more than a minute.
INSTALL: Final = (
    "ci",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=4000",
)
# What a shell has set for other builds means nothing here.
_ENVIRONMENT: Final = {"NODE_ENV": "production", "NEXT_PUBLIC_API_BASE": ""}


class Builder(Struct, frozen=True, kw_only=True):
    """How pages are built: below ``cache``, with what ``find_node`` returns, each step within ``limit`` seconds.

    ``waiting`` is told again and again which step is being waited for, and for how many seconds it has been.
    """

    cache: Path
    find_node: Callable[[], Node]
    waiting: Callable[[str, float], None]
    limit: float = BUILD_SECONDS

    def build(self, sources: Sources) -> Path:
        """Return the folder with the export of these sources, built now unless it is there.

        Raises:
            WebUnavailable: it cannot be built.
        """
        place = self.cache / sources.digest
        try:
            if not place.is_dir():
                node = self.find_node()
                with self.alone():
                    # Whoever was waited for may have built it.
                    if not place.is_dir():
                        self._build(sources, node, place)
        except OSError as error:
            raise _cannot_keep(self.cache, error) from error
        # The newest are those that were used last. Where nothing can be written, none will be removed either.
        with contextlib.suppress(OSError):
            os.utime(place)
        return place

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Keep other processes from building here meanwhile.

        Raises:
            WebUnavailable: another one has been building for too long.
        """
        self.cache.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with (self.cache / "build.lock").open("ab") as lock:
            while not _locked(lock.fileno()):
                waited = time.monotonic() - began
                if waited > self.limit:
                    raise WebUnavailable(f"Another process has been building it for {waited / 60:.0f} minutes.")
                self.waiting("Another process is building it", waited)
                time.sleep(_POLL)
            yield

    @contextlib.contextmanager
    def noting(self) -> Generator[bytearray]:
        """Yield what programs add to that they say; where they fail it is kept, and the error says where."""
        said = bytearray()
        try:
            yield said
        except WebUnavailable as error:
            log = self.cache / "build.log"
            try:
                log.write_bytes(said)
            except OSError:  # a full disk, most likely
                raise error from None
            raise WebUnavailable(f"{error}\nThe log: {log}") from error

    def run(self, node: Node, step: str, command: Sequence[str], folder: Path, said: bytearray) -> None:
        """Run a command to its end, and add what it says to ``said``.

        Raises:
            WebUnavailable: it failed, or took too long.
        """
        self.waiting(step, 0)
        began = time.monotonic()
        with running(command, folder=folder, environment=node.environment(_ENVIRONMENT), output=PIPE) as process:
            for part in heard(process, _POLL):
                said += part
                del said[:-_SAID_BYTES]
                waited = time.monotonic() - began
                if waited > self.limit:
                    raise WebUnavailable(f"{step} was not done after {waited / 60:.0f} minutes.")
                self.waiting(step, waited)
        if process.returncode:
            # All of it, for npm takes a full disk lightly, and it is the next program that fails.
            raise WebUnavailable(reason_of(said.decode("utf-8", "replace")))

    def _build(self, sources: Sources, node: Node, place: Path) -> None:
        self._tidy_up()
        with self.noting() as said:
            folder = Path(tempfile.mkdtemp(prefix="building-", dir=self.cache))
            try:
                sources.write_to(folder)
                self.run(
                    node, "Installing what it is built with", node.npm_command(*INSTALL, "--omit=dev"), folder, said
                )
                self.run(node, "Building its pages", node.npm_command("run", "build:export"), folder, said)
                if not (folder / "out" / HEADERS_FILE).is_file():
                    raise WebUnavailable("There are no pages after the build.")
                (folder / "out").rename(place)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _tidy_up(self) -> None:
        """Remove what builds that were killed have left behind, and the exports that nobody has used for longest."""
        for leftover in self.cache.glob("building-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        exports = [file.parent for file in self.cache.glob(f"*/{HEADERS_FILE}")]
        for old in sorted(exports, key=lambda path: path.stat().st_mtime, reverse=True)[_KEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)


def _locked(descriptor: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _cannot_keep(cache: Path, error: OSError) -> WebUnavailable:
    return WebUnavailable(
        f"It is kept in {cache}, and that cannot be: {error.strerror or error}. XDG_CACHE_HOME names another folder."
    )
