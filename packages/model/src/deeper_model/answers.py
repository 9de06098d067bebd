"""Streaming one answer, whatever dialect the model server speaks."""

import time
from collections.abc import AsyncGenerator
from typing import Protocol, TypeVar

from msgspec.structs import replace

from deeper_core import (
    AnswerIncomplete,
    ChatEvent,
    DeeperError,
    Delta,
    Finish,
    ModelProtocolBroken,
    ModelServerError,
)
from deeper_model.connections import Connections, Reply
from deeper_model.refusals import classify
from deeper_model.wire import WireDecoder, encode

T = TypeVar("T")


class AnswerDecoder(Protocol):
    """Turns the bytes of one streamed answer into deltas; pure, and new for each answer.

    ``events`` counts the messages understood so far. ``error`` is set when the stream said that it failed, or became
    unintelligible; what came before is still handed on. ``ended`` means that the answer is whole, ``complete`` that
    nothing more is to come after it either.
    """

    events: int
    error: DeeperError | None
    ended: bool

    @property
    def complete(self) -> bool:
        """Nothing more is to come."""
        ...

    def feed(self, data: bytes) -> Delta | None:
        """Return what the answer grew by with ``data``."""
        ...

    def close(self) -> Delta | None:
        """Return what is left at the end of the stream."""
        ...

    def finish(self) -> Finish:
        """Return the end of an answer that ``ended``, with the timings that the model server told."""
        ...


async def stream_answer(
    connections: Connections, path: str, body: object, decoder: AnswerDecoder
) -> AsyncGenerator[ChatEvent, None]:
    """Post ``body`` as JSON and yield the answer's deltas and its Finish.

    Raises:
        ModelNotFound: the model server does not have the model.
        ModelServerError: all else, see `ModelProvider`.
    """
    started = time.perf_counter()
    first_token_ms: float | None = None
    async with connections.exchange("POST", path, encode(body)) as reply:
        await _check(reply)
        connect_ms = reply.connect_ms
        open_ended = True
        while open_ended and not decoder.complete:
            data = await _read(reply, decoder)
            events, ended = decoder.events, decoder.ended
            delta = decoder.feed(data) if data else decoder.close()
            open_ended = bool(data) and decoder.error is None
            if decoder.events > events and not ended:
                reply.progress()
            if delta is not None:
                if first_token_ms is None:
                    first_token_ms = (time.perf_counter() - started) * 1_000
                reply.pause()
                yield delta
                reply.resume()
            if decoder.ended and not ended:
                reply.expect_end()
        if decoder.error is not None:
            raise decoder.error
        if not decoder.ended:  # pragma: no branch  - Python 3.11 traces no step out of `async with`
            raise AnswerIncomplete
    finish = decoder.finish()
    total_ms = (time.perf_counter() - started) * 1_000
    timings = replace(finish.timings, connect_ms=connect_ms, first_token_ms=first_token_ms, total_ms=total_ms)
    yield replace(finish, timings=timings)


async def fetch(connections: Connections, path: str, decoder: WireDecoder[T]) -> T:
    """Return what GET ``path`` replies.

    Raises:
        ModelServerError: see `ModelProvider`.
    """
    async with connections.exchange("GET", path) as reply:
        if reply.status != 200:
            raise classify(await reply.read_refusal())
        return decoder.decode(await reply.read_all())


async def probe(connections: Connections, path: str) -> None:
    """Return when GET ``path`` says that all is well; the body does not matter.

    Raises:
        ModelServerError: it says something else, see `ModelProvider`.
    """
    async with connections.exchange("GET", path) as reply:
        if reply.status != 200:  # pragma: no branch  - as above
            raise classify(await reply.read_refusal())


async def _check(reply: Reply) -> None:
    """Raise the error that the reply is instead of an answer, as far as its head tells."""
    if reply.status != 200:
        raise classify(await reply.read_refusal())
    if reply.media_type == "text/html":
        raise ModelProtocolBroken


async def _read(reply: Reply, decoder: AnswerDecoder) -> bytes:
    """Return the next bytes. Once the answer is whole, a connection that breaks or hangs is only its end."""
    try:
        return await reply.read()
    except ModelServerError:
        if not decoder.ended:
            raise
        return b""
