"""Sending spans to a collector.

To import what this needs takes a tenth of a second, so that only a server that traces imports this module.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

_log = logging.getLogger("deeper.telemetry")

# A collector that does not answer costs what is in the queue, and no more: about 2 KiB for each span.
_QUEUE: Final = 4_096
_BATCH: Final = 512
_PAUSE_MS: Final = 2_000
_ATTEMPT_SECONDS: Final = 5.0


def create_processor(endpoint: str, headers: Mapping[str, str]) -> SpanProcessor:
    """Return what sends spans that have ended to ``endpoint``, from a thread of its own."""
    exporter = OTLPSpanExporter(
        _with_path(endpoint), headers=dict(headers), timeout=_ATTEMPT_SECONDS, compression=Compression.Gzip
    )
    return BatchSpanProcessor(
        _Reporting(exporter), max_queue_size=_QUEUE, max_export_batch_size=_BATCH, schedule_delay_millis=_PAUSE_MS
    )


def shut_down(processor: SpanProcessor, seconds: float) -> None:
    """Send what is left, and wait for that as long as ``seconds``. The processor itself may wait for half a minute."""
    thread = threading.Thread(target=processor.shutdown, name="last spans", daemon=True)
    thread.start()
    thread.join(seconds)


class _Reporting(SpanExporter):
    """Says once that spans cannot be sent, and once that they can again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._fails = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        fails = result is not SpanExportResult.SUCCESS
        if fails and not self._fails:
            _log.warning("traces cannot be sent; they are dropped until the collector takes them")
        if self._fails and not fails:
            _log.info("traces are sent again")
        self._fails = fails
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _with_path(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return endpoint if parts.path.strip("/") else parts._replace(path="/v1/traces").geturl()
