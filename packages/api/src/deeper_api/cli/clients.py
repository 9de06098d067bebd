"""A client of a running server, as far as the command line needs one."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import aiohttp
import msgspec
from msgspec import Struct

from deeper_api.chat.frames import Done, Failed, Frame
from deeper_api.errors import ErrorEnvelope
from deeper_core import ChatMessage, Model

_T = TypeVar("_T")

_CONNECT_SECONDS = 5.0
# A frame is a line; a whole tool call may be one.
_LINE_BYTES = 16 * 1024 * 1024
_frames = msgspec.json.Decoder(Frame)


class ClientFault(Exception):
    """The server refused, or cannot be reached; the text is for the person at the terminal."""


class _Tokens(Struct, frozen=True):
    access_token: str
    expires_in: int
    refresh_token: str


class Client:
    """Talks to the server at ``url``; sign in first, and close at the end.

    Every method raises ClientFault for a refusal and for a server that does not answer.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._http: aiohttp.ClientSession | None = None
        self._headers: dict[str, str] = {}
        self._refresh_token = ""
        self._renew_at = 0.0

    async def sign_in(self, email: str, password: str) -> None:
        """Open a session."""
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_LINE_BYTES,
        )
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

    async def chat(self, model: str, messages: Sequence[ChatMessage]) -> AsyncGenerator[Frame, None]:
        """Yield the frames of an answer, the last one included; leaving early cancels it."""
        await self._renew()
        body = {"model": model, "messages": messages}
        async with self._request("POST", "/v1/chat", body) as response:
            last = None
            while line := await response.content.readline():
                if line.strip():
                    last = _frames.decode(line)
                    yield last
        if not isinstance(last, Done | Failed):
            raise ClientFault("The answer broke off before it was complete.")

    async def _renew(self) -> None:
        """Get another access token if the present one is half-way to its end: a conversation may outlast several."""
        if time.time() < self._renew_at:
            return
        self._take(await self._call("POST", "/v1/auth/refresh", _Tokens, {"refresh_token": self._refresh_token}))

    def _take(self, tokens: _Tokens) -> None:
        self._headers = {"authorization": f"Bearer {tokens.access_token}"}
        self._refresh_token = tokens.refresh_token
        self._renew_at = time.time() + tokens.expires_in / 2

    async def _call(self, method: str, path: str, kind: type[_T], body: object = None) -> _T:
        async with self._request(method, path, body) as response:
            content = await response.read()
            return msgspec.json.decode(content or b"null", type=kind)

    @asynccontextmanager
    async def _request(self, method: str, path: str, body: object) -> AsyncGenerator[aiohttp.ClientResponse]:
        if self._http is None:
            raise ClientFault("Sign in first.")
        headers = {**self._headers, "accept": "application/x-ndjson, application/json"}
        data = None
        if body is not None:
            headers["content-type"] = "application/json"
            data = msgspec.json.encode(body)
        try:
            async with self._http.request(
                method, self._url + path, data=data, headers=headers, allow_redirects=False
            ) as response:
                if not response.ok:
                    raise ClientFault(_refusal(response.status, await response.read()))
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClientFault(
                f"There is no answer from {self._url}. Is the server running? `deeper dev` starts one."
            ) from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ClientFault(f"What answers at {self._url} is no DeeperSensor server.") from error


def _refusal(status: int, content: bytes) -> str:
    try:
        error = msgspec.json.decode(content, type=ErrorEnvelope).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return f"The server answered with status {status}."
    return "\n".join([error.message, *(detail.message for detail in error.details)])
