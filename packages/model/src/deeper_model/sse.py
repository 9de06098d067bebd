"""Server-sent events, as far as model servers use them: the data of each event.

Source: the section on parsing an event stream of the HTML standard. Event names, ids and retry times are passed over.
"""

from deeper_core import ModelProtocolBroken
from deeper_model.lines import LineSplitter

_BOM = b"\xef\xbb\xbf"


class SseParser:
    r"""Turns bytes, however they are split, into the data of whole events.

    Lines may end with ``\n``, ``\r\n`` or ``\r``. ``max_bytes`` bounds one line and the data of one event.
    """

    def __init__(self, max_bytes: int | None) -> None:
        self._max_bytes = max_bytes
        self._lines = LineSplitter(max_bytes)
        self._data: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, data: bytes) -> list[bytes]:
        """Return the data of each event that ``data`` completes; events without data do not count.

        Raises:
            ModelProtocolBroken: a line or an event is longer than allowed.
        """
        return self._parse(self._lines.feed(self._unify(data)))

    def close(self) -> list[bytes]:
        """Return the data of an event that the end of the stream cut short, which a lenient reader still looks at."""
        tail = self._lines.take_tail()
        return self._parse(tail + b"\n\n")

    def _unify(self, data: bytes) -> bytes:
        r"""Return ``data`` with every line end written as ``\n``, also one that was split between two reads."""
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _parse(self, block: bytes) -> list[bytes]:
        if not block:
            return []
        if self._at_start:
            self._at_start = False
            block = block.removeprefix(_BOM)
        events: list[bytes] = []
        for line in block.split(b"\n")[:-1]:
            if not line:
                if self._data:
                    events.append(b"\n".join(self._data))
                    self._data.clear()
                    self._size = 0
            elif line.startswith(b"data:"):
                self._add(line[5:].removeprefix(b" "))
            elif line == b"data":
                self._add(b"")
        return events

    def _add(self, data: bytes) -> None:
        self._data.append(data)
        self._size += len(data) + 1
        if self._max_bytes is not None and self._size > self._max_bytes:
            raise ModelProtocolBroken
