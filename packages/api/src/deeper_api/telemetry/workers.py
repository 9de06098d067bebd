"""What a worker has counted, told to whoever connects to a socket of its own in a private folder.

A thread answers, so that the numbers of a worker whose event loop hangs can still be had.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from deeper_api.telemetry.snapshots import Snapshot, encode

_log = logging.getLogger("deeper.telemetry")

SUFFIX: Final = ".sock"
# Whoever connects reads at once, or is gone.
_SEND_SECONDS: Final = 2.0
_WAITING: Final = 16


@contextmanager
def telling(folder: Path, read: Callable[[], Snapshot]) -> Generator[None]:
    """Tell what ``read`` returns to each who connects, for as long as the context lasts.

    Raises:
        OSError: there can be no socket in ``folder``.
    """
    path = folder / f"{os.getpid()}-{os.urandom(4).hex()}{SUFFIX}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(_WAITING)
        thread = threading.Thread(target=_tell_for_ever, args=(listener, read), name="metrics", daemon=True)
        thread.start()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread
            thread.join(_SEND_SECONDS)


def _tell_for_ever(listener: socket.socket, read: Callable[[], Snapshot]) -> None:
    while True:
        try:
            line, _ = listener.accept()
        except OSError:  # it was shut down
            return
        with line, suppress(OSError):
            line.settimeout(_SEND_SECONDS)
            try:
                line.sendall(encode(read()))
            except OSError:
                raise
            except Exception:  # noqa: BLE001  - whatever it is, the next time may succeed
                _log.exception("metrics cannot be read")
