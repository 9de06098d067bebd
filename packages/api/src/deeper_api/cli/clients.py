"""A client of a running server, as far as the command line needs one."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from typing import Final, TypeVar
from uuid import uuid4

import aiohttp
import msgspec
from msgspec import UNSET, Struct, UnsetType

from deeper_api.chat.frames import Context, Done, Failed, Frame, Queued, Start
from deeper_api.errors import ErrorEnvelope
from deeper_core import ChatMessage, ConversationId, GenerationId, MessageId, Model

_T = TypeVar("_T")

_CONNECT_SECONDS: Final = 5.0
# For a whole reply. An answer of a model lasts as long as it lasts.
_REPLY_SECONDS: Final = 30.0
# A stream says something every 15 seconds, or as often as its operator set. To come back too early loses nothing.
_SILENCE_SECONDS: Final = 60.0
# Who stops an answer does not wait for long.
_CANCEL_SECONDS: Final = 5.0
# Before each further attempt; a quarter of a minute in all, in which a server has started again.
_PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
# A frame is a line; a whole tool call may be one.
_LINE_BYTES: Final = 16 * 1024 * 1024
# What a server says that cannot take a request now, and a proxy whose server is away.
_PASSING: Final = frozenset({502, 503, 504})
_frames = msgspec.json.Decoder(Frame)


class ClientFault(Exception):
    """The server refused, or cannot be reached; the text is for the person at the terminal."""


class _PassingFault(ClientFault):
    """One that may be over in a moment."""


class Question(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What POST /v1/chat is asked; see `deeper_api.routes.chat.ChatBody`."""

    model: str
    messages: Sequence[ChatMessage]
    store: bool = False
    conversation_id: ConversationId | None = None
    parent_id: MessageId | UnsetType | None = UNSET


class Conversation(Struct, frozen=True):
    """A conversation that is kept on the server."""

    id: ConversationId
    title: str


class Message(Struct, frozen=True):
    """A message that is kept on the server; ``model`` said it, if any did."""

    id: MessageId
    model: str | None = None


class _Conversations(Struct, frozen=True):
    items: tuple[Conversation, ...]


class _Messages(Struct, frozen=True):
    items: tuple[Message, ...]


class _Tokens(Struct, frozen=True):
    access_token: str
    expires_in: int
    refresh_token: str


class _Place(Struct, frozen=True):
    id: int | None = None


class _Heard:
    """What has come of one answer, over however many connections."""

    def __init__(self) -> None:
        self.key = str(uuid4())
        self.generation_id: GenerationId | None = None
        self.position = -1
        self.over = False
        self._context = False

    def take(self, line: bytes) -> Frame | None:
        """Return the frame of a line, unless it has come before."""
        frame = _frames.decode(line)
        if isinstance(frame, Queued):
            return frame
        if isinstance(frame, Context):  # it has no position
            known, self._context = self._context, True
            return None if known else frame
        if isinstance(frame, Done | Failed):
            # Its position may be behind ours: what a server said in its last moment before a crash is lost.
            self.over = True
            return frame
        position = msgspec.json.decode(line, type=_Place).id
        if position is None or position <= self.position:
            return None
        self.position = position
        if isinstance(frame, Start):
            self.generation_id = frame.generation_id
        return frame


class Client:
    """Talks to the server at ``url``; sign in first, and close at the end.

    Every method raises ClientFault for a refusal and for a server that does not answer. ``notice`` hears when an answer
    is interrupted; ``pauses`` are the seconds before each further attempt to get the rest of it.
    """

    def __init__(
        self, url: str, *, notice: Callable[[str], None] = lambda _: None, pauses: Sequence[float] = _PAUSES
    ) -> None:
        self._url = url.rstrip("/")
        self._notice = notice
        self._pauses = pauses
        self._http: aiohttp.ClientSession | None = None
        self._headers: dict[str, str] = {}
        self._refresh_token = ""
        self._renew_at = 0.0

    async def sign_in(self, email: str, password: str) -> None:
        """Open a session."""
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=_LINE_BYTES)
        self._take(await self._call("POST", "/v1/auth/login", _Tokens, {"email": email, "password": password}))

    async def close(self) -> None:
        """End the session, if there is one. Never raises."""
        if self._http is None:
            return
        with suppress(ClientFault):  # then the session ends by itself
            if self._headers:
                await self._renew()
                await self._call("POST", "/v1/auth/logout", object)
        await self._http.close()

    async def models(self) -> list[Model]:
        """Return the models that the server offers."""
        return await self._call("GET", "/v1/models", list[Model])

    async def newest_conversation(self) -> Conversation | None:
        """Return the conversation in which something was asked last."""
        found = await self._call("GET", "/v1/conversations?limit=1", _Conversations)
        return next(iter(found.items), None)

    async def conversation(self, conversation_id: ConversationId) -> Conversation:
        """Return a conversation."""
        return await self._call("GET", f"/v1/conversations/{conversation_id}", Conversation)

    async def newest_message(self, conversation_id: ConversationId) -> Message | None:
        """Return the message that came last in a conversation."""
        path = f"/v1/conversations/{conversation_id}/messages?limit=1"
        return next(iter((await self._call("GET", path, _Messages)).items), None)

    async def chat(self, question: Question) -> AsyncGenerator[Frame, None]:
        """Yield the frames of an answer, the last one included; leaving early cancels it.

        An answer that is interrupted is followed from where it was: nothing is missing and nothing comes twice. A
        question that could not be sent is sent again, under the same idempotency key, which is answered once only.
        """
        heard = _Heard()
        pauses = iter(self._pauses)
        told = False
        try:
            while not heard.over:
                try:
                    async with aclosing(self._follow(question, heard)) as frames:
                        async for frame in frames:
                            pauses, told = iter(self._pauses), False
                            yield frame
                except _PassingFault as fault:
                    pause = next(pauses, None)
                    if pause is None and heard.generation_id is None:
                        raise
                    if pause is None:
                        raise ClientFault(f"The answer broke off before it was complete. {fault}") from fault
                    if not told:
                        self._notice(_interruption(fault, heard))
                    told = True
                    await asyncio.sleep(pause)
        except (GeneratorExit, asyncio.CancelledError):
            if heard.generation_id is not None and not heard.over:
                await self._cancel(heard.generation_id)
            raise

    async def _follow(self, question: Question, heard: _Heard) -> AsyncGenerator[Frame, None]:
        """Yield what is new of an answer, over one connection.

        Raises:
            _PassingFault: the connection ends before the answer does.
        """
        await self._renew()
        async with self._open(question, heard) as response:
            # What is left without an end, where a connection was cut, is no line.
            while (line := await response.content.readline()).endswith(b"\n"):
                if line.strip() and (frame := heard.take(line)) is not None:
                    yield frame
                if heard.over:
                    return
        raise _PassingFault("The connection ended.")

    def _open(self, question: Question, heard: _Heard) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        limits = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
        if heard.generation_id is None:
            return self._request("POST", "/v1/chat", question, {"idempotency-key": heard.key}, limits)
        path = f"/v1/generations/{heard.generation_id}/events"
        return self._request("GET", path, None, {"last-event-id": str(heard.position)}, limits)

    async def _cancel(self, generation_id: GenerationId) -> None:
        """Stop an answer on the server. Without anybody who follows it, it stops by itself after a while."""
        with suppress(ClientFault):
            await self._renew()
            path = f"/v1/generations/{generation_id}/cancel"
            await self._call("POST", path, object, seconds=_CANCEL_SECONDS)

    async def _renew(self) -> None:
        """Get another access token if the present one is half-way to its end: a conversation may outlast several."""
        if time.time() < self._renew_at:
            return
        self._take(await self._call("POST", "/v1/auth/refresh", _Tokens, {"refresh_token": self._refresh_token}))

    def _take(self, tokens: _Tokens) -> None:
        self._headers = {"authorization": f"Bearer {tokens.access_token}"}
        self._refresh_token = tokens.refresh_token
        self._renew_at = time.time() + tokens.expires_in / 2

    async def _call(
        self, method: str, path: str, kind: type[_T], body: object = None, *, seconds: float = _REPLY_SECONDS
    ) -> _T:
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS)
        async with self._request(method, path, body, {}, limits) as response:
            content = await response.read()
            return msgspec.json.decode(content or b"null", type=kind)

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, body: object, headers: Mapping[str, str], limits: aiohttp.ClientTimeout
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        if self._http is None:
            raise ClientFault("Sign in first.")
        sent = {**self._headers, "accept": "application/x-ndjson, application/json", **headers}
        data = None
        if body is not None:
            sent["content-type"] = "application/json"
            data = msgspec.json.encode(body)
        try:
            async with self._http.request(
                method, self._url + path, data=data, headers=sent, allow_redirects=False, timeout=limits
            ) as response:
                if not response.ok:
                    kind = _PassingFault if response.status in _PASSING else ClientFault
                    raise kind(_refusal(response.status, await response.read()))
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _PassingFault(
                f"There is no answer from {self._url}. Is the server running? `deeper dev` starts one."
            ) from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ClientFault(f"What answers at {self._url} is no DeeperSensor server.") from error


def _interruption(fault: _PassingFault, heard: _Heard) -> str:
    if heard.generation_id is None:
        return f"{fault} Asking again …"
    return "The connection was lost. Coming back to the answer …"


def _refusal(status: int, content: bytes) -> str:
    try:
        error = msgspec.json.decode(content, type=ErrorEnvelope).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return f"The server answered with status {status}."
    return "\n".join([error.message, *(detail.message for detail in error.details)])
