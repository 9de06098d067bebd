"""Splitting a stream of bytes into lines."""

from deeper_core import ModelProtocolBroken


class LineSplitter:
    r"""Collects bytes and hands on whole lines.

    Lines end with ``\n``. Only new bytes are searched, so a long line costs no more than its length. ``max_bytes``
    bounds one line; None removes the bound. aiohttp's own line reader is no help: it gives up at twice its buffer.
    """

    def __init__(self, max_bytes: int | None) -> None:
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> bytes:
        """Return the whole lines that ``data`` completes, as one block that ends with a line feed, or nothing.

        Raises:
            ModelProtocolBroken: a line is longer than allowed.
        """
        end = data.rfind(b"\n") + 1
        if not end:
            self._keep(data)
            return b""
        if self._max_bytes is not None and self._size + data.find(b"\n") > self._max_bytes:
            raise ModelProtocolBroken
        block = b"".join((*self._parts, data[:end])) if self._parts else data[:end]
        self._parts.clear()
        self._size = 0
        self._keep(data[end:])
        return block

    def take_tail(self) -> bytes:
        """Return the last line, which no line feed ended; empty when there is none."""
        tail = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return tail

    def _keep(self, data: bytes) -> None:
        if data:
            self._parts.append(data)
            self._size += len(data)
        if self._max_bytes is not None and self._size > self._max_bytes:
            raise ModelProtocolBroken
