"""A model server that costs next to nothing: Ollama's protocol, with answers made in advance.

Run as a program it prints its port and serves until it is killed. The model's name says how it answers: ``z200`` sends
200 tokens at once, ``d200`` one every 20 ms.
"""

import asyncio
import contextlib
import re
import sys

import uvloop

TOKEN = "tok "
_PACE = 0.02
_MODEL = re.compile(rb'"model":\s*"([zd])(\d+)"')
_LINE = (
    b'{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"tok "},"done":false}\n'
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


_TOKEN_CHUNK = _chunk(_LINE)
_END = _chunk(_LAST) + b"0\r\n\r\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # RuntimeError is what uvloop says of a connection that was closed in the meantime.
    with contextlib.suppress(ConnectionError, RuntimeError, asyncio.IncompleteReadError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            if b"/api/chat" not in head:
                answer = _VERSION if b"/api/version" in head else _MODELS
                writer.write(_JSON % (len(answer), answer))
                continue
            model = _MODEL.search(body)
            kind, count = (model[1], int(model[2])) if model else (b"z", 200)
            if kind == b"z":
                writer.write(_HEAD + _TOKEN_CHUNK * count + _END)
            else:
                writer.write(_HEAD)
                for _ in range(count):
                    writer.write(_TOKEN_CHUNK)
                    await asyncio.sleep(_PACE)
                writer.write(_END)
            await writer.drain()
    writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main())
