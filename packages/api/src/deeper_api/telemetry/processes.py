"""What this process takes of its machine."""

import resource
import sys
import time
from pathlib import Path
from typing import Final

from opentelemetry.metrics import Meter

from deeper_api.telemetry.tallies import gauge, total

_STATM: Final = Path("/proc/self/statm")


def observe_process(meter: Meter) -> None:
    """Tell the memory and the time of this process, by the names of https://opentelemetry.io/docs/specs/semconv/system."""
    total(meter, "process.cpu.time", time.process_time, unit="s", description="CPU time of the workers.")
    # What is not given back to the machine is not in it: a leak of objects shows here, however memory is cut to pieces.
    gauge(
        meter,
        "deeper.python.blocks",
        sys.getallocatedblocks,
        unit="{block}",
        description="Pieces of memory that Python's objects take in the workers.",
    )
    if _STATM.exists():  # only Linux has it
        gauge(meter, "process.memory.usage", _resident, unit="By", description="Memory of the workers.")


def _resident() -> int:
    """Return the bytes of memory that are this process's now."""
    return int(_STATM.read_text("ascii").split()[1]) * resource.getpagesize()
