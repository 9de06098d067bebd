"""Looking at an answer on its way: whether its pieces arrive one by one, or are held back until its end."""

import time
from collections.abc import Sequence
from typing import Final

import aiohttp
import msgspec
from msgspec import Struct

from deeper_api.chat.frames import Done, Failed, Frame, Piece
from deeper_api.diagnoses.findings import Finding, failed, ok, skipped
from deeper_core import Model

_NAME: Final = "streaming"
_QUESTION: Final = "Count from one to thirty, in words."
_TOKENS: Final = 60
_CONNECT_SECONDS: Final = 5.0
# An answer that was written faster tells nothing about how it travels.
_LEAST_SECONDS: Final = 0.25
# Of the time in which it was written, the part in which it has to arrive, at least.
_SPREAD: Final = 0.5
_LINE_BYTES: Final = 1024 * 1024


class _Seen(Struct):
    """When pieces came, in seconds, and the last frame."""

    pieces: list[float]
    last: Done | Failed | None = None


async def look_at_stream(url: str, key: str, model: str | None) -> Sequence[Finding]:
    """Ask a model by the server at ``url``, and see when its pieces come."""
    headers = {"Authorization": f"Bearer {key}"}
    timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS)
    async with aiohttp.ClientSession(url, headers=headers, timeout=timeout, read_bufsize=_LINE_BYTES) as session:
        try:
            async with session.get("/v1/models") as response:
                if response.status != 200:
                    said = f"the API key is not taken ({response.status})"
                    return [failed(_NAME, said, "Make one with the scopes chat and read: POST /v1/api-keys.")]
                models = msgspec.json.decode(await response.read(), type=list[Model])
            if model is None and not models:
                return [skipped(_NAME, "there is no model to ask")]
            return [_judge(await _follow(session, model or models[0].name))]
        except (aiohttp.ClientError, msgspec.DecodeError, OSError) as error:
            advice = "See whether the proxy cuts long answers off, and what it logs."
            return [failed(_NAME, f"the answer broke off ({type(error).__name__})", advice)]


async def _follow(session: aiohttp.ClientSession, model: str) -> _Seen:
    asked = {
        "model": model,
        "messages": [{"role": "user", "content": _QUESTION}],
        "options": {"max_tokens": _TOKENS},
    }
    seen = _Seen(pieces=[])
    accept = {"Accept": "application/x-ndjson"}
    async with session.post("/v1/chat", json=asked, headers=accept) as response:
        response.raise_for_status()
        async for line in response.content:
            if line.strip():
                _note(seen, msgspec.json.decode(line, type=Frame))
    return seen


def _note(seen: _Seen, frame: Frame) -> None:
    if isinstance(frame, Piece):
        seen.pieces.append(time.perf_counter())
    elif isinstance(frame, Done | Failed):
        seen.last = frame


def _judge(seen: _Seen) -> Finding:
    if not isinstance(seen.last, Done):
        said = "the answer ended with an error" if seen.last else "the answer has no end"
        return failed(_NAME, said, "Look at the model server, and at what the server logs.")
    timings = seen.last.timings
    written = ((timings.total_ms or 0.0) - (timings.first_token_ms or 0.0)) / 1_000
    if not seen.pieces or written < _LEAST_SECONDS:
        return skipped(_NAME, "the answer was too short to tell; name another model with --model")
    arrived = seen.pieces[-1] - seen.pieces[0]
    said = f"an answer that was written in {written:.1f} s arrived within {arrived:.1f} s, in {len(seen.pieces)} pieces"
    if arrived < written * _SPREAD:
        advice = (
            "Something holds answers back: turn buffering and compression of them off (nginx: proxy_buffering off)."
        )
        return failed(_NAME, said, advice)
    return ok(_NAME, said)
