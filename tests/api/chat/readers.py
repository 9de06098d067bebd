"""Readers of the two wire forms, as a client would write them, and frames to send."""

from dataclasses import dataclass, field
from datetime import UTC

import msgspec
from hypothesis import strategies as st

from deeper_api.chat.frames import Context, Done, Failed, Frame, Numbered, Piece, Start
from deeper_api.errors import ErrorBody
from deeper_core import (
    ErrorCode,
    ErrorDetail,
    FinishReason,
    FunctionCallDelta,
    GenerationId,
    MessageId,
    Timings,
    ToolCallDelta,
    Usage,
)

Received = tuple[int | None, str, Frame]

# Everything that UTF-8 can hold, with a liking for what ends lines and fields somewhere.
TEXT = st.text(
    st.characters(exclude_categories=("Cs",)) | st.sampled_from("\r\n\x00\x1b\x85\u2028\u2029:\ufeff 😀"), max_size=30
)

_CALLS = st.builds(
    ToolCallDelta,
    index=st.integers(0, 3),
    id=st.none() | TEXT,
    function=st.builds(FunctionCallDelta, name=st.none() | TEXT, arguments=TEXT),
)
PIECES = st.builds(Piece, content=TEXT, thinking=TEXT, tool_calls=st.lists(_CALLS, max_size=2).map(tuple))
STARTS = st.builds(
    Start,
    generation_id=st.uuids().map(GenerationId),
    model=TEXT,
    created_at=st.datetimes(timezones=st.just(UTC)),
)
_COUNTS = st.integers(0, 2**40)
_TIMES = st.none() | st.floats(0, 1e9)
LASTS = st.builds(
    Done,
    finish_reason=st.sampled_from(FinishReason),
    usage=st.builds(Usage, prompt_tokens=_COUNTS, completion_tokens=_COUNTS, estimated=st.booleans()),
    timings=st.builds(Timings, queue_ms=_TIMES, total_ms=_TIMES),
) | st.builds(
    Failed,
    error=st.builds(
        ErrorBody,
        code=st.sampled_from(ErrorCode),
        message=TEXT,
        request_id=st.none() | TEXT,
        retry_after=st.none() | st.integers(1, 86_400),
        details=st.lists(st.builds(ErrorDetail, message=TEXT, field=st.none() | TEXT), max_size=2).map(tuple),
    ),
)
_CONTEXTS = st.builds(Context, dropped=st.lists(st.uuids().map(MessageId), min_size=1, max_size=3).map(tuple))


def _number(start: Start, context: Context | None, pieces: list[tuple[int, Piece]], last: Done | Failed):
    numbered: list[Numbered] = [(0, start)]
    if context is not None:
        numbered.append((None, context))
    position = 0
    for size, piece in pieces:
        position += size
        numbered.append((position, piece))
    return [*numbered, (position + 1, last)]


STREAMS = st.builds(
    _number, STARTS, st.none() | _CONTEXTS, st.lists(st.tuples(st.integers(1, 2**40), PIECES), max_size=6), LASTS
)


@dataclass
class SseReader:
    """Reads server-sent events by the letter of the HTML standard, from bytes in any portions."""

    received: list[Received] = field(default_factory=list[Received])
    _buffer: bytes = b""
    _fields: dict[str, str] = field(default_factory=dict[str, str])

    def feed(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take(line.decode())

    def _take(self, line: str) -> None:
        assert "\r" not in line  # it would end the line
        if line.startswith(":"):
            return
        if line:
            name, _, value = line.partition(":")
            assert name not in self._fields  # no field is written twice
            self._fields[name] = value.removeprefix(" ")
            return
        if self._fields:
            assert set(self._fields) | {"id"} == {"id", "event", "data"}
            frame = msgspec.json.decode(self._fields["data"], type=Frame)
            number = int(self._fields["id"]) if "id" in self._fields else None
            self.received.append((number, self._fields["event"], frame))
            self._fields = {}


@dataclass
class NdjsonReader:
    """Reads an object from each line that is not blank."""

    received: list[Received] = field(default_factory=list[Received])
    _buffer: bytes = b""

    def feed(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in filter(None, lines):
            raw = msgspec.json.decode(line)
            self.received.append((raw.get("id"), raw["event"], msgspec.json.decode(line, type=Frame)))
