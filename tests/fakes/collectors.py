"""A collector of traces that speaks OTLP over HTTP, as protobuf: it keeps what it is sent, or fails as it is told.

It decodes with the messages of https://github.com/open-telemetry/opentelemetry-proto, as every collector does.
"""

import gzip
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

_KINDS = {1: "internal", 2: "server", 3: "client"}


@dataclass(frozen=True)
class Span:
    """A span as it came; ids in hexadecimal, ``parent`` empty for a root."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    links: list[str]
    attributes: dict[str, object]
    failed: bool
    message: str
    events: list[tuple[str, dict[str, object]]]
    began: int
    ended: int
    service: str


class Collector:
    """Listens on a port of its own. ``status`` is what it answers with; while ``hangs`` is set it does not answer."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[dict[str, str]] = []
        self.raw = b""
        self._spans: list[Span] = []
        self._answering = threading.Event()
        self._answering.set()
        self._arrived = threading.Condition()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(collector.take(self.path, dict(self.headers.items()), body))
                self.send_header("content-type", "application/x-protobuf")
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  - the name is http.server's
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Keep what came, unless it is to be refused; return the status of the answer."""
        with self._arrived:
            self.requests.append({"path": path, **{name.lower(): value for name, value in headers.items()}})
            if self.status == 200 and self._answering.is_set():
                data = gzip.decompress(body) if self.requests[-1].get("content-encoding") == "gzip" else body
                self.raw += data
                self._spans += _spans(ExportTraceServiceRequest.FromString(data))
            status = self.status
            self._arrived.notify_all()
        self._answering.wait()
        return status

    def hang(self) -> None:
        """Answer nobody from now on."""
        self._answering.clear()

    def answer(self) -> None:
        """Answer again, also those who wait."""
        self._answering.set()

    def wait_for(self, *names: str, seconds: float = 20) -> list[Span]:
        """Return all spans once there is one of each of these names."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: {span.name for span in self._spans} >= set(names), seconds)
            assert came, f"only {sorted({span.name for span in self._spans})} came"
            return list(self._spans)

    def wait_until_asked(self, times: int = 1, *, seconds: float = 20) -> None:
        """Return once it was asked so often, whatever it answered."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= times, seconds)


def sending() -> set[threading.Thread]:
    """The threads of this process that send spans; those of earlier tests may wait for their collector yet."""
    return {thread for thread in threading.enumerate() if thread.name == "OtelBatchSpanRecordProcessor"}


@contextmanager
def running_collector() -> Generator[Collector]:
    """Run a collector for as long as the context lasts, and then wait for those who began to send to it.

    Else they would say in the log of a later test that nobody takes their spans.
    """
    before, collector = sending(), Collector()
    thread = threading.Thread(target=collector.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        collector.answer()
        collector.server.shutdown()
        collector.server.server_close()
        thread.join()
        for sender in sending() - before:
            sender.join(20)


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [
        Span(
            name=span.name,
            kind=_KINDS[span.kind],
            trace=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            links=[link.trace_id.hex() for link in span.links],
            attributes=_attributes(span.attributes),
            failed=span.status.code == 2,
            message=span.status.message,
            events=[(event.name, _attributes(event.attributes)) for event in span.events],
            began=span.start_time_unix_nano,
            ended=span.end_time_unix_nano,
            service=str(_attributes(part.resource.attributes)["service.name"]),
        )
        for part in request.resource_spans
        for scope in part.scope_spans
        for span in scope.spans
    ]


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, object]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    return None if kind is None else getattr(value, kind)
