"""An example of everything that goes over the wire, as JSON, by its type."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from deeper_api.chat.frames import Frame
from deeper_api.chat.wire import NDJSON, SSE
from deeper_api.errors import error_body
from deeper_api.openai.completions import Chunk
from deeper_api.openai.errors import openai_envelope
from deeper_api.routes.example_administration import ADMINISTRATION
from deeper_api.routes.example_answers import ANSWERS, CHUNK, FRAMES, REQUEST_ID
from deeper_api.routes.example_requests import REQUESTS
from deeper_api.routes.schemas import Json
from deeper_core import ModelServerTimedOut

_EXAMPLES: Final = {**REQUESTS, **ANSWERS, **ADMINISTRATION}


def examples_of(kind: object, media_type: str) -> Mapping[str, object]:
    """Return examples of what has this type there: of a stream, one of each of its parts."""
    if kind == Frame:
        return dict(_lines() if media_type == NDJSON.media_type else _events())
    if kind is Chunk:
        parts = {"chunk": CHUNK, "error": openai_envelope(error_body(ModelServerTimedOut(), REQUEST_ID))}
        events = {name: {"data": msgspec.json.encode(part).decode()} for name, part in parts.items()}
        return {**events, "end": {"data": "[DONE]"}}
    return {name: msgspec.json.decode(msgspec.json.encode(value)) for name, value in _EXAMPLES[kind].items()}


def _events() -> Iterator[tuple[str, Json]]:
    """Yield each event as a reader of server-sent events has it, by its name."""
    for numbered in FRAMES:
        fields = (line.partition(": ") for line in SSE.encode([numbered]).decode().splitlines() if line)
        event: Json = {name: value for name, _, value in fields}
        yield str(event["event"]), event


def _lines() -> Iterator[tuple[str, Json]]:
    for numbered in FRAMES:
        line = msgspec.json.decode(NDJSON.encode([numbered]), type=dict[str, object])
        yield str(line["event"]), line
