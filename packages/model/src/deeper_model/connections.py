"""HTTP to a model server over aiohttp. Nothing of aiohttp gets out of this module, its exceptions included."""

import asyncio
import io
import socket
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import partial
from urllib.parse import urlsplit

import aiohttp
from aiohttp import http_exceptions
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from deeper_core import (
    AnswerIncomplete,
    ModelProtocolBroken,
    ModelServerError,
    ModelServerTimedOut,
    ModelServerUnreachable,
)
from deeper_model.contexts import passed_on
from deeper_model.limits import WireLimits
from deeper_model.refusals import Refusal
from deeper_model.watches import SilenceWatch

# RuntimeError and ValueError are how aiohttp reports a closed session and an impossible header.
_FOREIGN = (aiohttp.ClientError, http_exceptions.HttpProcessingError, OSError, RuntimeError, ValueError)
_ERROR_BODY_BYTES = 65_536
_SMALL_BODY_BYTES = 65_536
_END_OF_HEAD = b"\r\n\r\n"


class _Link:
    """The socket of one exchange, known from the moment that it is connected."""

    def __init__(self) -> None:
        self.connected_at: float | None = None
        self.fault: BaseException | None = None
        self._aborted = False
        self._transport: asyncio.Transport | None = None
        self._protocol: ResponseHandler | None = None

    def attach(self, connection: Connection) -> None:
        """Note the socket of ``connection``."""
        self.connected_at = time.perf_counter()
        self._transport = connection.transport
        self._protocol = connection.protocol
        if self._aborted:
            self.abort()

    def abort(self) -> None:
        """Close the socket now, or as soon as there is one, without waiting for unsent bytes to be taken.

        The transport's class is not looked at: those of uvloop are of none of asyncio's.
        """
        self._aborted = True
        if self._transport is not None:
            self._transport.abort()

    def guard(self, content: aiohttp.StreamReader) -> None:
        """Wake the reader of ``content`` when the connection goes.

        aiohttp 3.14 does not, when it closes the connection itself because of a malformed chunk.
        """
        if self._protocol is None:
            return
        closed = self._protocol.closed
        if closed is None:
            self._wake(content)
        else:
            closed.add_done_callback(lambda future: (future.cancelled() or future.exception(), self._wake(content)))

    def _wake(self, content: aiohttp.StreamReader) -> None:
        if not content.is_eof() and content.exception() is None:
            fault = None if self._protocol is None else self._protocol.exception()
            self.fault = fault or aiohttp.ServerDisconnectedError()
            content.feed_eof()


_link: ContextVar[_Link] = ContextVar("deeper_model_link")


class _Protocol(ResponseHandler):
    """Has the head of a reply read before what came with it.

    aiohttp 3.14 loses both, and the text in it, if they come together and a malformed chunk follows.
    """

    def data_received(self, data: bytes) -> None:
        while self._payload is None and 0 <= (end := data.find(_END_OF_HEAD)) < len(data) - len(_END_OF_HEAD):
            end += len(_END_OF_HEAD)
            super().data_received(data[:end])
            data = data[end:]
        super().data_received(data)  # which may be nothing: so aiohttp goes on with what it has put off


# As socket.getaddrinfo gives them.
_AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


class _Connector(aiohttp.TCPConnector):
    """Tells each exchange which socket it got: aiohttp hides it until the headers have come."""

    def __init__(self) -> None:
        super().__init__(limit=0, force_close=True)  # pyright: ignore[reportUnknownMemberType]  - one of its parameters
        self._factory = partial(_Protocol, loop=self._loop)

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  - the signature is aiohttp's
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        _link.get().attach(connection)
        return connection

    async def _wrap_create_connection(
        self,
        *args: object,
        addr_infos: list[_AddressInfo],
        req: ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  - as above
        client_error: type[Exception] = aiohttp.ClientConnectorError,
        **kwargs: object,
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        """Connect to the one address that there is, without what it takes to choose among several: a quarter of all."""
        if len(addr_infos) != 1:
            return await super()._wrap_create_connection(  # pyright: ignore[reportUnknownMemberType]  - a tuple of anything there
                *args, addr_infos=addr_infos, req=req, timeout=timeout, client_error=client_error, **kwargs
            )
        host, port = addr_infos[0][4][:2]
        return await self._wrap_existing_connection(
            *args, host=host, port=port, req=req, timeout=timeout, client_error=client_error, **kwargs
        )


class Reply:
    """The answer to one request, its headers read and its body not yet."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        link: _Link,
        watch: SilenceWatch,
        limits: WireLimits,
        connect_ms: float | None,
    ) -> None:
        self.status = response.status
        self.media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        self.retry_after = response.headers.get("Retry-After")
        self.connect_ms = connect_ms
        self._content = response.content
        self._link = link
        self._watch = watch
        self._limits = limits
        self._began = False
        self._failure: ModelServerError | None = None
        self._size = 0

    def progress(self) -> None:
        """Note that the body said something: from now on, the limit between events holds."""
        self._began = True
        self._watch.allow(self._limits.idle)

    def pause(self) -> None:
        """Do not count the time until `resume`: it is the consumer's."""
        self._watch.pause()

    def resume(self) -> None:
        """Count silence again, from now."""
        self._watch.allow(self._limits.idle)

    def expect_end(self) -> None:
        """Note that all that matters was said: what is left may take only as long as an ending may."""
        self._watch.allow(self._limits.ending)

    async def read(self) -> bytes:
        """Return what has come since, after waiting for something; nothing at the end of the body.

        Raises:
            ModelServerTimedOut: silence for longer than allowed.
            ModelServerUnreachable: the connection broke before the body said anything.
            AnswerIncomplete: it broke later.
            ModelProtocolBroken: what came is not HTTP, or more than the limit ``answer_bytes``.
        """
        data = await self._read()
        self._size += len(data)
        if self._limits.answer_bytes is not None and self._size > self._limits.answer_bytes:
            raise ModelProtocolBroken
        return data

    async def _read(self) -> bytes:
        if self._failure is None:
            try:
                data = await self._content.readany()
            except _FOREIGN as error:
                self._failure = _translate(error, expired=self._watch.expired, began=self._began)
                self._failure.__cause__ = _cause(error)
                data = self._salvage()
            if data:
                return data
            fault = self._link.fault
            if self._failure is None and (self._watch.expired or fault is not None):
                self._failure = _translate(fault, expired=self._watch.expired, began=self._began)
                self._failure.__cause__ = fault
        if self._failure is not None:
            raise self._failure
        return b""

    def _salvage(self) -> bytes:
        """Return what had come before the connection broke and was not read yet: aiohttp would forget it."""
        self._content._exception = None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  - there is no other way
        return self._content.read_nowait()

    async def read_all(self) -> bytes:
        """Return the whole body of a reply to GET; the limit ``reply`` has run since the request began.

        Raises:
            ModelProtocolBroken: it is longer than allowed.
            ModelServerError: as for `read`.
        """
        limit = self._limits.reply_bytes
        body = bytearray()
        while data := await self._read():
            body += data
            if limit is not None and len(body) > limit:
                raise ModelProtocolBroken
        return bytes(body)

    async def read_refusal(self) -> Refusal:
        """Return status and what can be had of the body: an error is an error even when its text breaks off."""
        self._watch.allow(self._limits.reply)
        body = bytearray()
        try:
            while len(body) < _ERROR_BODY_BYTES and (data := await self.read()):
                body += data
        except ModelServerError:
            pass
        return Refusal(status=self.status, body=bytes(body[:_ERROR_BODY_BYTES]), retry_after=self.retry_after)


class Connections:
    """Exchanges with the model server at ``base_url``, each over a connection of its own.

    Connections are not reused: llama.cpp announces keep-alive and then closes, which fails every second of two requests
    in quick succession, and POST cannot be repeated safely. Redirects are not followed, the environment's proxies not
    used, cookies not kept, and compression neither asked for nor accepted.

    Raises:
        ValueError: ``base_url`` is not an http or https URL.
    """

    def __init__(self, base_url: str, *, headers: Mapping[str, str], limits: WireLimits) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the address of a model server is an http or https URL")
        _ = parts.port  # raises ValueError for what is no port
        self._base_url = base_url.rstrip("/")
        self._headers = {**headers, "Accept-Encoding": "identity"}
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    @asynccontextmanager
    async def exchange(self, method: str, path: str, body: bytes | None = None) -> AsyncGenerator[Reply, None]:
        """Send a request and give its `Reply`; leaving the context frees the socket at once, in whatever state.

        Raises:
            ModelServerUnreachable: no connection, or one that broke before the headers.
            ModelServerTimedOut: no headers for longer than ``first_byte`` (for GET, than ``reply``).
            ModelProtocolBroken: what came is not HTTP, or is a redirect, or is compressed.
        """
        session = self._open()
        link = _Link()
        token = _link.set(link)
        started = time.perf_counter()
        watch = SilenceWatch(link.abort)
        watch.allow(self._limits.reply if body is None else self._limits.first_byte)
        response: aiohttp.ClientResponse | None = None
        try:
            try:
                response = await session.request(
                    method,
                    self._base_url + path,
                    data=_payload(body),
                    allow_redirects=False,
                    headers=self._headers_of(body),
                )
            except _FOREIGN as error:
                raise _translate(error, expired=watch.expired, began=False) from _cause(error)
            finally:
                _link.reset(token)
            if 300 <= response.status < 400 or response.headers.get("Content-Encoding", "identity") != "identity":
                raise ModelProtocolBroken
            link.guard(response.content)
            connect_ms = None if link.connected_at is None else (link.connected_at - started) * 1_000
            yield Reply(response, link, watch, self._limits, connect_ms)
        finally:
            watch.stop()
            link.abort()
            if response is not None:
                response.close()

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _headers_of(self, body: bytes | None) -> Mapping[str, str]:
        headers = {**passed_on(), **self._headers}
        return headers if body is None else {**headers, "Content-Type": "application/json"}

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ModelServerUnreachable
        if self._session is None:
            limits = self._limits
            connect = limits.connect if limits.connect is not None else limits.first_byte
            self._session = aiohttp.ClientSession(
                connector=_Connector(),
                timeout=aiohttp.ClientTimeout(total=None, connect=connect, sock_connect=connect, sock_read=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
            # Else aiohttp asks again by itself, for GET: a server that hung would be waited for without any limit.
            self._session._retry_connection = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  - there is no other way
        return self._session


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return ``body`` in the form in which aiohttp does not hold the event loop up with it; it warns of the other."""
    return body if body is None or len(body) <= _SMALL_BODY_BYTES else io.BytesIO(body)


def _translate(error: BaseException | None, *, expired: bool, began: bool) -> ModelServerError:
    """Return our error for an exception of aiohttp's."""
    if expired:
        return ModelServerTimedOut()
    causes = (error, None if error is None else error.__cause__)
    if isinstance(error, aiohttp.ClientResponseError) or any(
        isinstance(cause, http_exceptions.HttpProcessingError) and not _is_cut(cause) for cause in causes
    ):
        return ModelProtocolBroken()
    return AnswerIncomplete() if began else ModelServerUnreachable()


def _cause(error: Exception) -> BaseException | None:
    """Return what to name as the cause: not the exceptions that carry the request's headers, and so the API key."""
    return error.__cause__ if isinstance(error, aiohttp.ClientResponseError) else error


def _is_cut(error: http_exceptions.HttpProcessingError) -> bool:
    """Tell a body that ended too early from one that is malformed; aiohttp has classes for both."""
    return isinstance(error, http_exceptions.ContentLengthError) or (
        isinstance(error, http_exceptions.TransferEncodingError) and "Not enough data" in str(error.message)
    )
