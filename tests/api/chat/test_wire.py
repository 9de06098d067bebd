"""Frames as bytes, and back."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.chat.frames import Numbered, Piece
from deeper_api.chat.wire import NDJSON, SSE, Wire, encode_ndjson, encode_sse
from deeper_model.sse import SseParser
from tests.api.chat.readers import STREAMS, TEXT, NdjsonReader, Received, SseReader

FORMS = pytest.mark.parametrize(("wire", "reader"), [(SSE, SseReader), (NDJSON, NdjsonReader)], ids=["sse", "ndjson"])
NAMES = {"Start": "start", "Context": "context", "Piece": "delta", "Done": "done", "Failed": "error"}

cuts = st.lists(st.integers(0, 10_000), max_size=20)


def split(data: bytes, places: list[int]) -> list[bytes]:
    """``data`` cut at ``places``, wherever they fall."""
    bounds = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(bounds)]


def expected(frames: list[Numbered]) -> list[Received]:
    return [(position, NAMES[type(frame).__name__], frame) for position, frame in frames]


@FORMS
@given(frames=STREAMS, places=cuts)
def test_frames_are_read_back_under_every_split(wire: Wire, reader, frames, places):
    client = reader()
    for portion in split(wire.encode(frames), places):
        client.feed(portion)
    assert client.received == expected(frames)


@pytest.mark.parametrize("wire", [SSE, NDJSON], ids=["sse", "ndjson"])
@given(frames=STREAMS, places=cuts)
def test_how_frames_are_batched_does_not_show(wire: Wire, frames, places):
    bounds = sorted({place % (len(frames) + 1) for place in places} | {0, len(frames)})
    batches = [wire.encode(frames[start:end]) for start, end in itertools.pairwise(bounds)]
    assert b"".join(batches) == wire.encode(frames)


@FORMS
@given(frames=STREAMS)
def test_heartbeats_between_frames_are_not_seen(wire: Wire, reader, frames):
    client = reader()
    for frame in frames:
        client.feed(wire.heartbeat + wire.encode([frame]) + wire.heartbeat)
    assert client.received == expected(frames)


@FORMS
@given(text=TEXT)
def test_a_text_comes_through_byte_for_byte(wire: Wire, reader, text: str):
    client = reader()
    client.feed(wire.encode([(len(text), Piece(content=text))]))
    assert client.received[0][2] == Piece(content=text)


@given(frames=STREAMS)
def test_no_text_adds_a_line_to_an_event(frames):
    data = encode_sse(frames)
    assert b"\r" not in data
    assert data.count(b"\n") == sum(3 if position is None else 4 for position, _ in frames)
    assert data.count(b"\n\n") == len(frames)


@given(frames=STREAMS)
def test_no_text_adds_a_line_to_ndjson(frames):
    data = encode_ndjson(frames)
    assert b"\r" not in data
    assert data.count(b"\n") == len(frames)


@given(frames=STREAMS, places=cuts)
def test_both_forms_carry_the_same_objects(frames, places):
    parser = SseParser(None)
    events = [json.loads(data) for part in split(encode_sse(frames), places) for data in parser.feed(part)]
    lines = [json.loads(line) for line in encode_ndjson(frames).split(b"\n") if line]
    ids = [{} if position is None else {"id": position} for position, _ in frames]
    assert lines == [number | event for number, event in zip(ids, events, strict=True)]


def test_a_frame_on_the_wire_says_nothing_that_is_not_so():
    assert encode_sse([(3, Piece(content="hi"))]) == b'id: 3\nevent: delta\ndata: {"event":"delta","content":"hi"}\n\n'
    assert encode_ndjson([(3, Piece(thinking="hm"))]) == b'{"id":3,"event":"delta","thinking":"hm"}\n'


def test_no_frames_are_no_bytes():
    assert encode_sse([]) == encode_ndjson([]) == b""
