"""Requests that two servers might understand differently, and what a client finds that sends them.

Each holds another request, `HIDDEN`, in what is its body, and is followed by `LAST`. Whoever answers `HIDDEN` has taken
one request for two; behind a proxy that has not, the answer would be somebody else's.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HIDDEN: Final = b"GET /v1/me HTTP/1.1\r\nHost: a\r\nX-Request-ID: hidden\r\n\r\n"
LAST: Final = b"GET /health HTTP/1.1\r\nHost: a\r\nX-Request-ID: last\r\nConnection: close\r\n\r\n"
_SECONDS: Final = 20
_LENGTH: Final = b"Content-Length: %d" % len(HIDDEN)
_CHUNKED: Final = b"Transfer-Encoding: chunked"
_END: Final = b"0\r\n\r\n"

# The body is HIDDEN behind an empty chunk, its length is told, and one of these says that it is in chunks, or seems to.
_CODINGS: Final = (
    _CHUNKED,
    b"transfer-encoding: CHUNKED",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: , chunked",
    b"Transfer-Encoding: chunked,",
    b"Transfer-Encoding: chunked;q=1",
    b'Transfer-Encoding: "chunked"',
    b"Transfer-Encoding:\tchunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding: chunked\x0b",
    b"Transfer-Encoding: chunked\x00",
    b"Transfer-Encoding: \xffchunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding : chunked",
    b" Transfer-Encoding: chunked",
    b"Transfer-Encoding\x00: chunked",
    b"Transfer_Encoding: chunked",
    b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding: other\r\n" + _CHUNKED,
    _CHUNKED + b"\r\nTransfer-Encoding: other",
    b"X: y\r\n " + _CHUNKED,
    b"X: y\n" + _CHUNKED,
    b"X: y\r" + _CHUNKED,
    b"Connection: Transfer-Encoding\r\n" + _CHUNKED,
)
# The body is HIDDEN, and how long it is, is told by these.
_LENGTHS: Final = (
    b"Content-Length: 0\r\n" + _LENGTH,
    _LENGTH + b"\r\nContent-Length: 0",
    _LENGTH + b"\r\nContent-Length: +0",
    _LENGTH + b", 0",
    _LENGTH + b" 0",
    _LENGTH + b"\x0b",
    _LENGTH + b"\x00",
    _LENGTH + b"\r\n 0",
    _LENGTH + b"\nX: y",
    b"Content-Length: +%d" % len(HIDDEN),
    b"Content-Length: -0",
    b"Content-Length: 0x%x" % len(HIDDEN),
    b"Content-Length: 1e1",
    b"Content-Length: 18446744073709551616",
    b"Content-Length:",
    b"Content-Length : %d" % len(HIDDEN),
    b"Content-Length:\r\n %d" % len(HIDDEN),
    b"Content-Length: %d;" % len(HIDDEN),
    b"Connection: Content-Length\r\n" + _LENGTH,
    b"Expect: 100-continue\r\n" + _LENGTH,
    b"Expect: y 100-continue\r\n" + _LENGTH,
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n" + _LENGTH,
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\n" + _LENGTH,
    b"Host: b\r\n" + _LENGTH,
    b"X-HTTP-Method-Override: GET\r\n" + _LENGTH,
)
# HIDDEN is the content of a chunk, whose size is told like this.
_SIZES: Final = (
    b"%x" % len(HIDDEN),
    b"%x;a=b" % len(HIDDEN),
    b'%x;a="\n"' % len(HIDDEN),
    b"%x;\n0\r\n" % len(HIDDEN),
    b"%x " % len(HIDDEN),
    b" %x" % len(HIDDEN),
    b"+%x" % len(HIDDEN),
    b"-%x" % len(HIDDEN),
    b"0x%x" % len(HIDDEN),
    b"%x\r" % len(HIDDEN),
    b"%x\n" % len(HIDDEN),
    b"1%016x" % len(HIDDEN),
    b"%x\x00" % len(HIDDEN),
    b"",
)
# The first line of a request with a body that is HIDDEN.
_LINES: Final = (
    b"GET /v1/me HTTP/1.1",
    b"HEAD /health HTTP/1.1",
    b"OPTIONS /v1/me HTTP/1.1",
    b"TRACE /v1/me HTTP/1.1",
    b"GET http://b/v1/me HTTP/1.1",
    b"GET /v1/me HTTP/1.1 HTTP/1.1",
    b"GET  /v1/me HTTP/1.1",
    b"GET\t/v1/me\tHTTP/1.1",
    b"get /v1/me HTTP/1.1",
    b"GET /v1/me\x00 HTTP/1.1",
    b"GET /v1/me HTTP/1.2",
    b"GET /v1/me http/1.1",
    b"\r\n\r\nGET /v1/me HTTP/1.1",
)


def vectors() -> Iterator[bytes]:
    """Each of them: one request, to be followed by `LAST`."""
    for coding in _CODINGS:
        body = _END + HIDDEN
        yield _request(b"Content-Length: %d\r\n" % len(body) + coding, body)
        yield _request(coding + b"\r\nContent-Length: %d" % len(body), body)
    for length in _LENGTHS:
        yield _request(length, HIDDEN)
    for size in _SIZES:
        yield _request(_CHUNKED, size + b"\r\n" + HIDDEN + b"\r\n" + _END)
    yield _request(_CHUNKED, b"0\r\nContent-Length: 0\r\nX: y\r\n\r\n")
    yield _request(_CHUNKED, b"1\r\nab\r\n" + _END + HIDDEN)
    yield _request(_LENGTH, HIDDEN, b"POST /v1/chat HTTP/1.0")
    yield _request(_CHUNKED, _END + HIDDEN, b"POST /v1/chat HTTP/1.0")
    for line in _LINES:
        yield _request(_LENGTH, HIDDEN, line)


def _request(framing: bytes, body: bytes, line: bytes = b"POST /v1/chat HTTP/1.1") -> bytes:
    head = b"\r\nHost: a\r\nX-Request-ID: first\r\nContent-Type: application/json\r\n"
    return line + head + framing + b"\r\n\r\n" + body


async def answers(url: str, sent: bytes, certificate: Path | None = None) -> list[tuple[int, str]]:
    """Send these bytes at once, and return the statuses and ids of what comes until the other side closes.

    Raises:
        TimeoutError: it does not.
    """
    host, _, port = url.partition("://")[2].partition(":")
    trust = ssl.create_default_context(cafile=certificate) if certificate else None
    reader, writer = await asyncio.open_connection(host, int(port), ssl=trust)
    came = b""
    try:
        async with asyncio.timeout(_SECONDS):
            writer.write(sent)
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(65_536):
                    came += piece
    finally:
        writer.transport.abort()
    heads = re.findall(rb"HTTP/1\.[01] (\d{3})(.*?)\r\n\r\n", came, re.DOTALL)
    ids = [re.search(rb"(?im)^x-request-id: (\S+)", head) for _, head in heads]
    found = [(int(status), each[1].decode() if each else "") for (status, _), each in zip(heads, ids, strict=True)]
    return [answer for answer in found if answer[0] != 100]
