"""HTTP/2 by hand, for headers that no client would send: one request, and the status of its answer."""

import asyncio
import contextlib
import ssl
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_SECONDS: Final = 20
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS = 1, 4
# RFC 7541 appendix A: where the most frequent statuses are in the table that everybody has.
_STATUSES: Final = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}

Headers = Sequence[tuple[bytes, bytes]]


async def ask(url: str, certificate: Path, headers: Headers, body: bytes = b"", trailers: Headers = ()) -> int | None:
    """Send one request; return the status of the answer, or None if the stream or the connection is ended instead.

    Raises:
        TimeoutError: neither comes.
    """
    _, _, port = url.rpartition(":")
    trust = ssl.create_default_context(cafile=certificate)
    trust.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection("localhost", int(port), ssl=trust)
    try:
        async with asyncio.timeout(_SECONDS):
            writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
            writer.write(_frame(_HEADERS, _END_HEADERS, 1, _block(headers)))
            writer.write(_frame(_DATA, 0 if trailers else _END_STREAM, 1, body))
            if trailers:
                writer.write(_frame(_HEADERS, _END_HEADERS | _END_STREAM, 1, _block(trailers)))
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                return await _status(reader)
    finally:
        writer.transport.abort()
    return None


async def _status(reader: asyncio.StreamReader) -> int | None:
    while True:
        length, kind, _, stream = struct.unpack(">3sBBL", await reader.readexactly(9))
        payload = await reader.readexactly(int.from_bytes(length, "big"))
        if kind == _HEADERS and stream == 1:
            return _STATUSES.get(payload[0]) or int(payload[2:5])
        if kind == _GOAWAY or (kind == _RESET and stream == 1):
            return None


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">3sBBL", len(payload).to_bytes(3, "big"), kind, flags, stream) + payload


def _block(headers: Headers) -> bytes:
    """Each as it is, without a table (RFC 7541 section 6.2.2)."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers)


def _text(text: bytes) -> bytes:
    """A length in a prefix of seven bits (RFC 7541 section 5.1), and the bytes."""
    if len(text) < 127:
        return bytes([len(text)]) + text
    left, coded = len(text) - 127, bytearray([127])
    while left >= 128:
        coded.append(left % 128 + 128)
        left //= 128
    return bytes([*coded, left]) + text
