"""The outermost layer: a request id, the client's address, one log line, and headers on every response."""

import logging
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from litestar.enums import HttpMethod
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from deeper_api.errors import error_body
from deeper_api.middleware.addresses import Network, client_address
from deeper_api.middleware.hosts import names_its_host, refuse_host
from deeper_api.middleware.incoming import Incoming, sends_body
from deeper_api.middleware.methods import OPTIONS, methods_of
from deeper_api.middleware.origins import Origins
from deeper_api.middleware.refusals import refusal_of
from deeper_api.telemetry.contexts import in_request
from deeper_api.telemetry.requests import FILE, NO_ROUTE, Requests, Served
from deeper_core import DeeperError, InternalError, new_id

_log = logging.getLogger("deeper.requests")
_error_log = logging.getLogger("deeper.errors")

# An id that a caller may choose: long enough for every tracing system, and nothing that could forge a log line.
_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}\Z")

# For an API whose responses are no pages: https://owasp.org/www-project-secure-headers. What says otherwise of itself
# keeps that.
DEFAULT_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
    (b"permissions-policy", b"interest-cohort=()"),
)
# Clients may make methods up; those that exist are shorter.
_METHOD_CHARACTERS = 16
# Probes come every few seconds, files many at a time; they say nothing unless they fail.
_QUIET = frozenset({"/health", "/health/ready", FILE})


class Edge:
    """Wraps the application. Sets ``request_id`` and ``client_address`` in the scope's state, for handlers and logs.

    ``trusted_proxies`` are the networks whose word on a client's address is taken; pages of ``allowed_origins`` may
    read responses.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        requests: Requests,
        trusted_proxies: Sequence[Network] = (),
        allowed_origins: Sequence[str] = (),
    ) -> None:
        self._app = app
        self._requests = requests
        self._trusted_proxies = trusted_proxies
        self._origins = Origins(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        http = cast("HTTPScope", scope)
        address = client_address(http, self._trusted_proxies)
        known = {"client_address": address}
        incoming = Incoming(receive) if sends_body(http["headers"]) else None
        app = self._app
        if not names_its_host(http):
            app = refuse_host
        exchange = _Exchange(app, http, incoming or receive, send, origins=self._origins, known=known)
        self._requests.begin()
        try:
            with in_request(exchange.request_id), self._requests.traced(http["headers"], exchange.served):
                await exchange.serve()
        finally:
            self._requests.end(exchange.served())
        if incoming:
            await incoming.discard()


class _Exchange:
    """One request and its response."""

    def __init__(
        self,
        app: ASGIApp,
        scope: HTTPScope,
        receive: Receive,
        send: Send,
        *,
        origins: Origins,
        known: Mapping[str, object],
    ) -> None:
        self._app, self._scope, self._receive, self._send = app, scope, receive, send
        self._origins = origins
        self._started = time.perf_counter()
        self._status = 0
        self.request_id = request_id(scope["headers"])
        self._method = scope["method"][:_METHOD_CHARACTERS]
        self._without_body = scope["method"] == "HEAD"
        if self._without_body:  # RFC 9110 section 9.3.2: as GET, but for the content
            scope["method"] = HttpMethod.GET
        # The scope's state is shared by all requests of a worker until it is replaced.
        self._state: dict[str, object] = {**scope["state"], **known, "request_id": self.request_id}
        scope["state"] = self._state

    async def serve(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._wrap)
        except Exception as error:
            # Litestar wraps what was raised after a response began.
            known = error.__cause__ if self._status else None
            if isinstance(known, DeeperError):
                _log.warning("response broken off", extra={"fields": {"code": known.code.value}})
            else:
                _error_log.exception("unhandled exception")
            if self._status:
                raise  # too late for a response: the connection has to break, so that the client notices
            await self._fail()
        finally:
            self._report()

    async def _wrap(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = list(message.get("headers", ()))
            if self._scope["method"] == OPTIONS and (methods := methods_of(self._scope)):
                headers = [(name, value) for name, value in headers if name.lower() != b"allow"]
                headers.append((b"allow", ", ".join(methods).encode("ascii")))
            given = {name.lower() for name, _ in headers}
            headers += [header for header in DEFAULT_HEADERS if header[0] not in given]
            headers += self._origins.headers(self._scope)
            headers.append((b"x-request-id", self.request_id.encode("ascii")))
            message["headers"] = headers
        elif self._without_body and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    async def _fail(self) -> None:
        await refusal_of(error_body(InternalError(), self.request_id), self._scope).send(self._wrap)

    def served(self) -> Served:
        """Return what came of it, as of now."""
        return Served(
            method=self._method,
            # The template, never the path: a path may hold what does not belong in a log.
            route=cast("dict[str, str]", self._scope).get("path_template", NO_ROUTE),
            status=self._status,
            seconds=time.perf_counter() - self._started,
            request_id=self.request_id,
        )

    def _report(self) -> None:
        served = self.served()
        fields: dict[str, object] = {
            "method": served.method,
            "route": served.route,
            "status": served.status,
            "latency_ms": round(served.seconds * 1_000, 2),
            "user_id": self._state.get("user_id"),
        }
        level = logging.DEBUG if served.route in _QUIET and served.status < 400 else logging.INFO
        _log.log(level, "request", extra={"fields": fields})


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the caller's ``X-Request-ID`` if it is sane, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and _SANE_ID.match(value):
            return value.decode("ascii")
    return str(new_id())
