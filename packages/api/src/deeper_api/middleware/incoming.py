"""What a client still sends of a request that is answered already.

Whoever closes a connection with bytes on it that nobody has read resets it, and the client may lose the answer by that:
it never learns that it was refused, and a proxy says in its place that this server is broken.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import cast

from litestar.types import HTTPReceiveMessage, Receive

# As much as any route takes; and a proxy sends even that within a moment.
_BYTES = 8 * 1024 * 1024
_SECONDS = 5.0


class Incoming:
    """The messages of ``receive``, and what is left of them."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._ended = False

    async def __call__(self) -> HTTPReceiveMessage:
        """Return the next message."""
        message = await self._receive()
        self._ended = message["type"] != "http.request" or not message.get("more_body")
        return cast("HTTPReceiveMessage", message)  # no websocket comes this far

    async def discard(self) -> None:
        """Take the rest of the body, unless it is too much or too slow, and forget it."""
        left = _BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                while not self._ended and left > 0:
                    message = await self()
                    left -= len(message["body"]) if message["type"] == "http.request" else 0


def sends_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a client sends a body with these headers, and sends it unasked.

    RFC 9112 section 6.3, and RFC 9110 section 10.1.1: who expects to be asked for it keeps it when refused.
    """
    given = dict(headers)
    return b"expect" not in given and (b"transfer-encoding" in given or given.get(b"content-length", b"0") != b"0")
