"""A model server that costs next to nothing: Ollama's protocol, with answers made in advance.

Run as a program it prints its port and serves until it is killed. The model's name says how it answers: ``z200`` sends
200 tokens at once; ``d200`` one every 20 ms, each with the microsecond at which it was written; ``i20`` one, and the
rest after 20 seconds.
"""

import asyncio
import re
import sys
import time
from collections import deque
from functools import cache
from itertools import cycle, islice
from typing import Final, cast

import uvloop

TOKEN = "tok"
"""What every token begins with; the microsecond follows, if any, and a space."""

_PACE: Final = 0.02
_SLOTS: Final = 10  # streams begin at any time, and so do not all write at once
_MODEL = re.compile(rb'"model":\s*"([zdi])(\d+)"')
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_LINE = (
    b'{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"%b"},"done":false}\n'
)
_LAST = (
    b'{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,'
    b'"done_reason":"stop","prompt_eval_count":10,"eval_count":200}\n'
)
# What an Ollama with these models in its memory tells: how much they take of a conversation.
_MODELS = b'{"models":[%b]}' % b",".join(
    b'{"name":"%b","model":"%b","context_length":8192}' % (name, name) for name in (b"z1", b"z8", b"z200")
)
_VERSION = b'{"version":"0.33.0"}'
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
_JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


# Different ones: LiteLLM gives up on a model that repeats itself.
_TOKEN_CHUNKS = [_chunk(_LINE % (b"tok%d " % number)) for number in range(8)]
_DATED_LENGTH = b"%x" % len(_LINE % (b"tok%016d " % 0))
_END = _chunk(_LAST) + b"0\r\n\r\n"


@cache
def _at_once(count: int) -> bytes:
    """So many tokens."""
    return b"".join(islice(cycle(_TOKEN_CHUNKS), count))


def _dated() -> bytes:
    """A token that tells when it was written, by the clock of the whole machine."""
    line = _LINE % (b"tok%016d " % (time.monotonic_ns() // 1_000))
    return b"%b\r\n%b\r\n" % (_DATED_LENGTH, line)


class _Paced:
    """An answer that comes token by token."""

    def __init__(self, transport: asyncio.Transport, left: int) -> None:
        self.transport = transport
        self.left = left


class _Pacer:
    """Writes the tokens of all paced answers, a slot of them every two milliseconds."""

    def __init__(self) -> None:
        self._slots: list[deque[_Paced]] = [deque() for _ in range(_SLOTS)]
        self._turn = 0

    def add(self, paced: _Paced) -> None:
        self._slots[self._turn].append(paced)

    async def run(self) -> None:
        due = time.monotonic()
        while True:
            due += _PACE / _SLOTS
            await asyncio.sleep(max(due - time.monotonic(), 0))
            self._turn = (self._turn + 1) % _SLOTS
            slot = self._slots[self._turn]
            for _ in range(len(slot)):
                paced = slot.popleft()
                if paced.transport.is_closing():
                    continue
                paced.left -= 1
                if paced.left:
                    paced.transport.write(_dated())
                    slot.append(paced)
                else:
                    paced.transport.write(_dated() + _END)


class _Connection(asyncio.Protocol):
    def __init__(self, pacer: _Pacer) -> None:
        self._pacer = pacer
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an instance of it where the loop is of another make.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head, found, rest = self._received.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            size = int(length[1]) if length else 0
            if not found or len(rest) < size:
                return
            self._received = rest[size:]
            self._answer(head, rest[:size])

    def _answer(self, head: bytes, body: bytes) -> None:
        if b"/api/chat" not in head:
            answer = _VERSION if b"/api/version" in head else _MODELS
            self._transport.write(_JSON % (len(answer), answer))
            return
        model = _MODEL.search(body)
        kind, count = (model[1], int(model[2])) if model else (b"z", 200)
        if kind == b"z":
            self._transport.write(_HEAD + _at_once(count) + _END)
        elif kind == b"d":
            self._transport.write(_HEAD + _dated())
            self._pacer.add(_Paced(self._transport, count - 1))
        else:
            self._transport.write(_HEAD + _at_once(1))
            asyncio.get_running_loop().call_later(count, self._end)

    def _end(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_END)


async def _main() -> None:
    pacer = _Pacer()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(pacer), "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await pacer.run()


if __name__ == "__main__":
    uvloop.run(_main())
