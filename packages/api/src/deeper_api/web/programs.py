"""Programs that end, with all that they have started, when we do; POSIX only."""

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Final

# Runs "$@" until it ends. When nobody holds the other end of standard input any more, however they died, it kills the
# group: npm starts shells, which start Node.js, which starts workers, and not all of them hand on a signal.
_GUARD: Final = """
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{ read -r _ <&3; kill -KILL 0; } &
wait "$program"
status=$?
kill -KILL $! 2>/dev/null
exit "$status"
"""


@contextlib.contextmanager
def running(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: int | None = None
) -> Generator["subprocess.Popen[bytes]"]:
    """Run a command in ``folder`` and yield its process, which is gone with all of its own at the end.

    Both of its outputs go to ``output``, as ``subprocess`` takes it, or where ours go.
    """
    guard = subprocess.Popen(  # noqa: S603  - commands of ours, as arguments
        ["/bin/sh", "-c", _GUARD, "deeper-web", *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        start_new_session=True,  # a group of its own; and Ctrl-C is for us
    )
    try:
        yield guard
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(guard.pid, signal.SIGKILL)
        for pipe in (guard.stdin, guard.stdout):
            if pipe is not None:
                pipe.close()
        guard.wait()


def heard(process: "subprocess.Popen[bytes]", seconds: float) -> Generator[bytes]:
    """Yield what a process says until it has ended, and nothing (``b""``) after each so many seconds of silence."""
    if process.stdout is None:
        raise ValueError("its output does not come here")
    descriptor = process.stdout.fileno()
    while True:
        part = b""
        if select.select([descriptor], [], [], seconds)[0] and not (part := os.read(descriptor, 65_536)):
            break
        yield part
    while process.poll() is None:
        yield b""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
