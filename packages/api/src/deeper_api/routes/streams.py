"""A feed as a streamed response."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from typing import Self

from litestar import Response
from litestar.datastructures.headers import Accept
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import HTTPResponseBodyEvent, Receive, Scope, Send

from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Context, Failed, Start
from deeper_api.chat.wire import NDJSON, SSE, Wire
from deeper_api.errors import ErrorBody, error_body
from deeper_api.middleware.bodies import JsonRequest
from deeper_api.middleware.refusals import refusal_of
from deeper_api.providers.callers import StillStands
from deeper_core import DatabaseUnavailable, InvalidToken

# A client may read slowly, but has to read: one that is gone without a word, or means harm, would keep its answer in
# memory, and the model server at work on it.
STALL_SECONDS = 15.0
# How often it is looked whether the caller may still be here. What is found may be five seconds old, so that nobody
# stays for more than 15.
LOOK_SECONDS = 10.0

# Programs say the same each time. To understand it costs more than to send a frame.
_REMEMBERED = 64

_HEADERS = {
    "cache-control": "no-cache, no-store, no-transform",
    "x-accel-buffering": "no",  # nginx would collect the stream before it passes it on
}


class FrameStream(Response[None]):
    """Sends the frames of ``feed`` as they come, in the form ``wire``, until its end or the client's leaving.

    A comment or an empty line goes out when nothing has come for ``heartbeat`` seconds. A client that takes nothing for
    `STALL_SECONDS` has left, too. One who no longer stands is sent an error, and then has left.

    Litestar's own `Stream` is not used because it cancels the body where it stands, which for a body that has not begun
    means that nothing of it runs.
    """

    # Whether the status waits for the answer to begin, to be that of an error if it fails before that.
    patient = False

    def __init__(self, feed: Feed, wire: Wire, heartbeat: float, still_stands: StillStands) -> None:
        super().__init__(None, media_type=wire.media_type, headers=_HEADERS)
        self._parts = feed, wire, heartbeat, still_stands

    def to_asgi_response(self, *_: object, **__: object) -> ASGIStreamingResponse:
        """Return the ASGI application that sends it."""
        return _FrameStream(*self._parts, patient=self.patient)


class PatientStream(FrameStream):
    """As `FrameStream`, but sends nothing before the answer begins or has to wait, ``heartbeat`` seconds at most.

    What fails before that has the status and the envelope of its error.
    """

    patient = True


class _FrameStream(ASGIStreamingResponse):
    """As `FrameStream`."""

    def __init__(self, feed: Feed, wire: Wire, heartbeat: float, still_stands: StillStands, *, patient: bool) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  - untyped there
            iterator=(), media_type=wire.media_type, headers=_HEADERS
        )
        self._feed, self._wire, self._heartbeat = feed, wire, heartbeat
        self._still_stands = still_stands
        self._patient = patient
        self._request_id: str | None = None
        self._leaving: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._request_id = scope["state"].get("request_id")
        with self._feed.viewer(), departure(receive) as self._leaving:
            error = await self._early_error() if self._patient else None
            if error is None:
                await super().__call__(scope, receive, send)
            else:
                await refusal_of(error, scope).send(send)

    async def _early_error(self) -> ErrorBody | None:
        """Return why there will be no answer, if that is known before there is anything of it."""
        async with aclosing(self._feed.tail(self._heartbeat, self._leaving)) as tail:
            async for frames in tail:
                told = next((frame for _, frame in frames if not isinstance(frame, Start | Context)), None)
                if told is not None or not frames:
                    return told.error if isinstance(told, Failed) else None
        return None

    async def send_body(self, send: Send, receive: Receive) -> None:  # noqa: ARG002  - it is read in __call__ already
        leaving = self._leaving
        with suppress(TimeoutError):
            async with (
                _stalling(STALL_SECONDS) as watch,
                Supervision(leaving, self._still_stands) as supervision,
                aclosing(self._feed.tail(self._heartbeat, leaving)) as tail,
            ):
                async for frames in tail:
                    body = self._wire.encode(frames) if frames else self._wire.heartbeat
                    with watch:
                        await send(_body(body, more=True))
                if supervision.expelled:
                    with watch:
                        await send(_body(self._wire.encode([(None, self._expulsion())]), more=True))
                with watch:
                    await send(_body(b"", more=False))

    def _expulsion(self) -> Failed:
        return Failed(error=error_body(InvalidToken("This session has ended. Sign in again."), self._request_id))


def wire_for(request: JsonRequest) -> Wire:
    """Return the form that the client prefers."""
    return _preferred(request.headers.get("accept", "*/*"))


@lru_cache(_REMEMBERED)
def _preferred(accept: str) -> Wire:
    try:
        media_type = Accept(accept).best_match([SSE.media_type, NDJSON.media_type], default=SSE.media_type)
    except (ValueError, OverflowError):  # Litestar takes any float for a quality, and no integer is infinite
        return SSE
    return NDJSON if media_type == NDJSON.media_type else SSE


class _StallWatch:
    """Looks whether a write, which is what happens in its context, has lasted for ``seconds``, and then ends ``limit``.

    One timer serves all the writes of a stream.
    """

    def __init__(self, seconds: float, limit: asyncio.Timeout) -> None:
        self._seconds = seconds
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        self._timer = self._loop.call_later(seconds, self._look)

    def __enter__(self) -> None:
        self._since = self._loop.time()

    def __exit__(self, *_: object) -> None:
        self._since = None

    def close(self) -> None:
        """Forget the timer."""
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        left = self._seconds if self._since is None else self._since + self._seconds - now
        if left <= 0:
            self._limit.reschedule(now)
        else:
            self._timer = self._loop.call_later(left, self._look)


@asynccontextmanager
async def _stalling(seconds: float) -> AsyncGenerator[_StallWatch]:
    """Yield a watch over writes; the context ends with TimeoutError when one of them lasts for ``seconds``."""
    async with asyncio.timeout(None) as limit:
        watch = _StallWatch(seconds, limit)
        try:
            yield watch
        finally:
            watch.close()


@contextmanager
def departure(receive: Receive) -> Generator[asyncio.Future[None]]:
    """Yield a future that is done when the client has closed its connection. The body must have been read."""
    leaving = asyncio.ensure_future(_left(receive))
    try:
        yield leaving
    finally:
        leaving.cancel()


class Supervision:
    """Looks every `LOOK_SECONDS` whether the caller still stands; if not, sets ``expelled`` and cancels ``leaving``.

    That is done for as long as the context lasts. While the database does not answer, everybody may stay.
    """

    def __init__(self, leaving: asyncio.Future[None], still_stands: StillStands) -> None:
        self.expelled = False
        self._leaving = leaving
        self._still_stands = still_stands
        self._loop = asyncio.get_running_loop()
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._looking is not None:
            await asyncio.wait({self._looking})  # a short statement, which is not broken off
            self._timer.cancel()

    def _wait(self) -> None:
        # No task that sleeps: there is one of these for each stream, and most streams end before it looks.
        self._timer = self._loop.call_later(LOOK_SECONDS, self._begin_to_look)

    def _begin_to_look(self) -> None:
        self._looking = self._loop.create_task(self._look(), name="look whether a caller still stands")

    async def _look(self) -> None:
        with suppress(DatabaseUnavailable):
            if not await self._still_stands():
                self.expelled = True
                self._leaving.cancel()
                return
        if not self._leaving.done():
            self._wait()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _body(content: bytes, *, more: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": content, "more_body": more}
