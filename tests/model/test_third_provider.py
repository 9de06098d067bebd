"""The seam holds for a protocol that nobody here has thought of: a server that is made up, and a provider for it.

It is written with the package's public names only, from what its README says.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from msgspec import to_builtins

from deeper_core import (
    AnswerIncomplete,
    ChatEvent,
    ChatRequest,
    ContextTooLong,
    DeeperError,
    Delta,
    Finish,
    FinishReason,
    FunctionCallDelta,
    Model,
    ModelNotFound,
    ModelOutOfMemory,
    ModelProtocolBroken,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerRejected,
    ModelServerTimedOut,
    ModelServerUnreachable,
    ToolCallDelta,
    Usage,
)
from deeper_model import WireLimits
from deeper_model.conformance import Ability, HttpReply, Need, ProviderConformance, Request, WireHarness

ERRORS: dict[str, type[DeeperError]] = {
    "unknown": ModelNotFound,
    "refused": ModelServerRejected,
    "long": ContextTooLong,
    "memory": ModelOutOfMemory,
    "busy": ModelServerOverloaded,
    "broken": ModelServerFailed,
}


class ParrotProvider:
    """For parrot servers, which answer ``POST /parrot`` with a line of JSON for each word."""

    name = "parrot"

    def __init__(self, base_url: str, limits: WireLimits) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname, parts.port
        self._limits = limits
        self._open: set[asyncio.StreamWriter] = set()
        self._closed = False

    async def list_models(self) -> Sequence[Model]:
        try:
            async with asyncio.timeout(self._limits.reply), self._request("GET", "/parrots") as reply:
                parts = [part async for part in reply.parts(None)]
                return [Model(name=name) for name in json.loads(b"".join(parts))]
        except TimeoutError as error:
            raise ModelServerTimedOut from error
        except ValueError as error:
            raise ModelProtocolBroken from error

    async def check_health(self) -> None:
        await self.list_models()

    async def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        question = {
            "parrot": request.model,
            "words": [message.content for message in request.messages],
            "tricks": to_builtins(request.tools),
            "manners": to_builtins(request.options),
        }
        async with self._request("POST", "/parrot", json.dumps(question).encode()) as reply:
            held = b""
            async for part in reply.parts(self._limits.idle):
                *lines, held = (held + part).split(b"\n")
                for line in lines:
                    event = _read(line)
                    yield event
                    if isinstance(event, Finish):
                        return
            raise AnswerIncomplete

    async def close(self) -> None:
        self._closed = True
        for writer in self._open:
            writer.transport.abort()

    @asynccontextmanager
    async def _request(self, method: str, path: str, body: bytes = b"") -> AsyncGenerator["Reply"]:
        if self._closed:
            raise ModelServerUnreachable
        try:
            async with asyncio.timeout(self._limits.connect):
                reader, writer = await asyncio.open_connection(self._host, self._port)
        except OSError as error:  # and with it TimeoutError
            raise ModelServerUnreachable from error
        self._open.add(writer)
        try:
            writer.write(f"{method} {path} HTTP/1.1\r\nHost: parrot\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            writer.write(body)
            reply = Reply(reader)
            await reply.begin(self._limits.first_byte)
            yield reply
        finally:
            self._open.discard(writer)
            writer.transport.abort()


class Reply:
    """As much of HTTP as parrot servers speak. Any part may be a piece of a line, or many lines."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._headers: dict[str, str] = {}

    async def begin(self, patience: float | None) -> None:
        try:
            head = await _wait(self._reader.readuntil(b"\r\n\r\n"), patience)
        except (OSError, asyncio.IncompleteReadError) as error:
            partial = getattr(error, "partial", b"")
            raise (ModelProtocolBroken if partial else ModelServerUnreachable) from error
        status, *lines = head.decode("latin-1").split("\r\n")
        self._headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if not status.startswith("HTTP/1.1 "):
            raise ModelProtocolBroken
        if status.split()[1] != "200":
            raise await self._refusal(patience)

    async def parts(self, patience: float | None) -> AsyncGenerator[bytes]:
        try:
            if "content-length" in self._headers:
                yield await _wait(self._reader.readexactly(int(self._headers["content-length"])), patience)
            elif "transfer-encoding" in self._headers:
                while size := int(await _wait(self._reader.readuntil(b"\r\n"), patience), 16):
                    yield (await _wait(self._reader.readexactly(size + 2), patience))[:-2]
            else:
                while part := await _wait(self._reader.read(65_536), patience):
                    yield part
        except ValueError as error:  # no size of a chunk
            raise ModelProtocolBroken from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise AnswerIncomplete from error

    async def _refusal(self, patience: float | None) -> DeeperError:
        body = b"".join([part async for part in self.parts(patience)])
        try:
            kind = ERRORS[json.loads(body)["squawk"]]
        except (ValueError, KeyError, TypeError):
            return ModelProtocolBroken()
        wait = self._headers.get("retry-after")
        return kind(retry_after=None if wait is None else float(wait))


async def _wait(read: Coroutine[object, object, bytes], patience: float | None) -> bytes:
    try:
        async with asyncio.timeout(patience):
            return await read
    except TimeoutError as error:
        raise ModelServerTimedOut from error


def _read(line: bytes) -> Delta | Finish:
    try:
        said: dict[str, Any] = json.loads(line)
        if "squawk" in said:
            raise ERRORS[said["squawk"]]
        if "over" in said:
            counted = said.get("counted")
            usage = counted and Usage(prompt_tokens=counted[0], completion_tokens=counted[1])
            return Finish(reason=FinishReason(said["over"]), usage=usage)
        calls = tuple(
            ToolCallDelta(index=index, id=call_id, function=FunctionCallDelta(name=name, arguments=arguments))
            for index, call_id, name, arguments in said.get("tricks", ())
        )
        return Delta(content=said["word"], thinking=said.get("thought", ""), tool_calls=calls)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelProtocolBroken from error


class Parrotish:
    """How parrot servers write."""

    media_type = "application/x-parrot"

    def delta(self, delta: Delta) -> bytes:
        tricks = [[call.index, call.id, call.function.name, call.function.arguments] for call in delta.tool_calls]
        return _line({"word": delta.content, "thought": delta.thinking, "tricks": tricks})

    def finish(self, finish: Finish) -> bytes:
        usage = finish.usage
        return _line({"over": finish.reason, "counted": usage and [usage.prompt_tokens, usage.completion_tokens]})

    def failure(self, error: DeeperError, words: str) -> bytes:
        return _line({"squawk": _squawk(error), "detail": words})

    def refusal(self, error: DeeperError, words: str) -> HttpReply:
        return HttpReply(status=418, body=_line({"squawk": _squawk(error), "detail": words}))

    def nonsense(self) -> bytes:
        return b"Polly wants a cracker\n"

    def blank(self) -> bytes:
        raise NotImplementedError

    def reply(self, request: Request, models: Sequence[str]) -> HttpReply | None:
        return HttpReply(body=json.dumps(models).encode()) if request.path == "/parrots" else None


def _line(said: object) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def _squawk(error: DeeperError) -> str:
    return next(word for word, kind in ERRORS.items() if kind is type(error))


WITHOUT: dict[Need, str] = {
    Ability.BLANKS: "a parrot that says nothing says nothing",
    Ability.TIMINGS: "nobody times a parrot",
    Ability.PAIRS: "the text of parrots is UTF-8 and not escaped",
    Ability.SIZE_LIMITS: "no parrot talks for ever",
}


class TestParrot(ProviderConformance):
    harness = WireHarness(ParrotProvider, Parrotish(), WITHOUT, 10.0)
