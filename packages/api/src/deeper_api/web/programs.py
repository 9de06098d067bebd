"""Programs that end, with all that they have started, when we do; POSIX only."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

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
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: IO[bytes] | None = None
) -> Generator["subprocess.Popen[bytes]"]:
    """Run a command in ``folder`` and yield its process, which is gone with all of its own at the end.

    Both of its outputs go to ``output``, or where ours go.
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
        if guard.stdin is not None:
            guard.stdin.close()
        guard.wait()
