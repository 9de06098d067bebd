"""The telemetry of one worker, put together."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from msgspec import Struct
from opentelemetry.metrics import Meter, NoOpMeterProvider

from deeper_api.config import AppConfig
from deeper_api.telemetry.loops import LoopLag
from deeper_api.telemetry.meters import Meters
from deeper_api.telemetry.processes import observe_process
from deeper_api.telemetry.traces import Tracing
from deeper_api.telemetry.workers import telling


class Telemetry(Struct, frozen=True, kw_only=True):
    """What is measured and traced. ``meters`` and ``tracing`` are None where nobody wants to know.

    ``folder`` is where the worker tells what it has counted.
    """

    meter: Meter
    meters: Meters | None
    folder: Path | None
    tracing: Tracing | None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Tell of it for as long as the context lasts; what was not sent by then is sent, for three seconds at most.

        Its threads begin here, in the worker, where no fork can leave them behind.

        Raises:
            OSError: there can be no socket in the folder.
        """
        async with AsyncExitStack() as stack:
            if self.meters is not None and self.folder is not None:
                observe_process(self.meter)
                stack.enter_context(telling(self.folder, self.meters.read))
                stack.enter_context(LoopLag(self.meter).watching())
            if self.tracing is not None:
                await stack.enter_async_context(self.tracing.running())
            yield


def create_telemetry(config: AppConfig, folder: Path | None = None) -> Telemetry:
    """Return telemetry as ``config`` wants it; without a ``folder`` there are no metrics."""
    meters = None if folder is None else Meters()
    return Telemetry(
        meter=NoOpMeterProvider().get_meter("deeper") if meters is None else meters.meter,
        meters=meters,
        folder=folder,
        tracing=Tracing(config.tracing, version("deeper-api")) if config.tracing.endpoint else None,
    )
