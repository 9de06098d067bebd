"""A generation as a streamed response."""

import asyncio
from collections.abc import Generator
from contextlib import aclosing, contextmanager

from litestar import Response
from litestar.response.streaming import ASGIStreamingResponse
from litestar.types import HTTPResponseBodyEvent, Receive, Scope, Send

from deeper_api.chat.generations import Generation
from deeper_api.chat.wire import Wire

_HEADERS = {
    "cache-control": "no-cache, no-store, no-transform",
    "x-accel-buffering": "no",  # nginx would collect the stream before it passes it on
}


class FrameStream(Response[None]):
    """Sends the frames of ``generation`` as they come, in the form ``wire``, until its end or the client's leaving.

    A comment or an empty line goes out when nothing has come for ``heartbeat`` seconds. Litestar's own `Stream` is not
    used because it cancels the body where it stands, which for a body that has not begun means that nothing of it runs.
    """

    def __init__(self, generation: Generation, wire: Wire, heartbeat: float) -> None:
        super().__init__(None, media_type=wire.media_type, headers=_HEADERS)
        self._parts = generation, wire, heartbeat

    def to_asgi_response(self, *_: object, **__: object) -> ASGIStreamingResponse:
        """Return the ASGI application that sends it."""
        return _FrameStream(*self._parts)


class _FrameStream(ASGIStreamingResponse):
    """As `FrameStream`."""

    def __init__(self, generation: Generation, wire: Wire, heartbeat: float) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]  - untyped there
            iterator=(), media_type=wire.media_type, headers=_HEADERS
        )
        self._generation, self._wire, self._heartbeat = generation, wire, heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._generation.viewer():
            await super().__call__(scope, receive, send)

    async def send_body(self, send: Send, receive: Receive) -> None:
        with departure(receive) as leaving:
            async with aclosing(self._generation.tail(self._heartbeat, leaving)) as tail:
                async for first, frames in tail:
                    await send(_body(self._wire.encode(first, frames) if frames else self._wire.heartbeat, more=True))
        await send(_body(b"", more=False))


@contextmanager
def departure(receive: Receive) -> Generator[asyncio.Future[None]]:
    """Yield a future that is done when the client has closed its connection. The body must have been read."""
    leaving = asyncio.ensure_future(_left(receive))
    try:
        yield leaving
    finally:
        leaving.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _body(content: bytes, *, more: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": content, "more_body": more}
