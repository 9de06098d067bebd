"""Frames as bytes: server-sent events, or a line of JSON each (NDJSON). Both carry the same objects.

In both, a frame's id is its position, so that a client can ask for what comes after it.
"""

from collections.abc import Callable, Sequence
from typing import get_args

import msgspec
from msgspec import Struct

from deeper_api.chat.frames import Frame, Numbered

_encode = msgspec.json.Encoder().encode

# The tag of a frame is the name of its event.
_EVENTS: dict[type[Frame], bytes] = {kind: str(kind.__struct_config__.tag).encode() for kind in get_args(Frame)}


def encode_sse(frames: Sequence[Numbered]) -> bytes:
    """Return ``frames`` as server-sent events."""
    return b"".join(
        [
            b"event: %b\ndata: %b\n\n" % (_EVENTS[type(frame)], _encode(frame))
            if position is None
            else b"id: %d\nevent: %b\ndata: %b\n\n" % (position, _EVENTS[type(frame)], _encode(frame))
            for position, frame in frames
        ]
    )


def encode_ndjson(frames: Sequence[Numbered]) -> bytes:
    """Return ``frames`` as lines of JSON."""
    return b"".join(
        [
            b"%b\n" % _encode(frame) if position is None else b'{"id":%d,%b\n' % (position, _encode(frame)[1:])
            for position, frame in frames
        ]
    )


class Wire(Struct, frozen=True, kw_only=True):
    """A form in which frames go out. ``heartbeat`` is what keeps proxies from closing a silent stream."""

    media_type: str
    encode: Callable[[Sequence[Numbered]], bytes]
    heartbeat: bytes


# A comment, which every reader of server-sent events skips.
SSE = Wire(media_type="text/event-stream", encode=encode_sse, heartbeat=b": ping\n\n")
# JSON allows white space between texts, and readers skip empty lines.
NDJSON = Wire(media_type="application/x-ndjson", encode=encode_ndjson, heartbeat=b"\n")
