"""Frames as bytes: server-sent events, or a line of JSON each (NDJSON). Both carry the same objects.

In both, a frame's id is its place in the generation, counted from 0, so that a client can ask for what comes after it.
"""

from collections.abc import Callable, Sequence
from typing import get_args

import msgspec
from msgspec import Struct

from deeper_api.chat.frames import Frame

_encode = msgspec.json.Encoder().encode

# The tag of a frame is the name of its event.
_EVENTS: dict[type[Frame], bytes] = {kind: str(kind.__struct_config__.tag).encode() for kind in get_args(Frame)}


def encode_sse(first: int, frames: Sequence[Frame]) -> bytes:
    """Return ``frames``, the first of which has the id ``first``, as server-sent events."""
    return b"".join(
        [
            b"id: %d\nevent: %b\ndata: %b\n\n" % (first + i, _EVENTS[type(frame)], _encode(frame))
            for i, frame in enumerate(frames)
        ]
    )


def encode_ndjson(first: int, frames: Sequence[Frame]) -> bytes:
    """Return ``frames``, the first of which has the id ``first``, as lines of JSON."""
    return b"".join([b'{"id":%d,%b\n' % (first + i, _encode(frame)[1:]) for i, frame in enumerate(frames)])


class Wire(Struct, frozen=True, kw_only=True):
    """A form in which frames go out. ``heartbeat`` is what keeps proxies from closing a silent stream."""

    media_type: str
    encode: Callable[[int, Sequence[Frame]], bytes]
    heartbeat: bytes


# A comment, which every reader of server-sent events skips.
SSE = Wire(media_type="text/event-stream", encode=encode_sse, heartbeat=b": ping\n\n")
# JSON allows white space between texts, and readers skip empty lines.
NDJSON = Wire(media_type="application/x-ndjson", encode=encode_ndjson, heartbeat=b"\n")
