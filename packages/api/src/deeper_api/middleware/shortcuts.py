"""Ways through Litestar that are shorter than its own, where a request needs no more."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import cast

from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.response import Response
from litestar.routes import HTTPRoute
from litestar.serialization import default_serializer, encode_json
from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, Receive, Scope, Send

from deeper_api.middleware.bodies import AnyConnection

_Guard = Callable[[AnyConnection, BaseRouteHandler], Awaitable[None]]
_JSON = (b"content-type", b"application/json")


class Always(Provide):
    """A dependency that is always ``value``."""

    def __init__(self, value: object) -> None:
        super().__init__(lambda: value, sync_to_thread=False)
        self.value = value


class FromScope(Provide):
    """A dependency that ``read`` finds in the scope of a request."""

    def __init__(self, read: Callable[[Scope], object]) -> None:
        super().__init__(read, sync_to_thread=False)
        self.read = read


def shorten(app: Litestar) -> None:
    """Spare every request what costs as much as all else that an application of ours does with it.

    Litestar makes a copy of the handler for each guard, so that none can change it; ours do not. It begins a task for
    each parameter that a handler asks for by name, so that none waits for another; ours are always the same, or found
    out by a guard. And it puts together for each response what responses in general may need; most of ours are a value
    as JSON.
    """
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler, parameters in route.route_handler_map.values():
            dependencies = [dependency for batch in parameters.dependency_batches for dependency in batch]
            always = {each.key: each.provide.value for each in dependencies if isinstance(each.provide, Always)}
            known = {each.key: each.provide.read for each in dependencies if isinstance(each.provide, FromScope)}
            given = {*always, *known}
            parameters.dependency_batches = [{each} for each in dependencies if each.key not in given]
            if given:
                parameters.extractors.insert(0, partial(_give, always, known))  # pyright: ignore[reportUnknownMemberType]  - partly untyped there
            if hasattr(handler, "__dict__"):  # what answers OPTIONS is Litestar's own, and has no room for it
                guards = cast("list[_Guard]", handler.resolve_guards())  # pyright: ignore[reportUnknownMemberType]  - partly untyped there
                handler.authorize_connection = partial(_authorize, guards, handler)
                if _gives_a_value(handler):
                    handler.to_response = partial(_respond, handler.status_code)  # pyright: ignore[reportAttributeAccessIssue]  - it may be told less


async def _give(
    always: Mapping[str, object],
    known: Mapping[str, Callable[[Scope], object]],
    arguments: dict[str, object],
    connection: AnyConnection,
) -> None:
    arguments.update(always)
    for name, read in known.items():
        arguments[name] = read(connection.scope)


async def _authorize(guards: list[_Guard], handler: HTTPRouteHandler, connection: AnyConnection) -> None:
    for guard in guards:
        await guard(connection, handler)


def _gives_a_value(handler: HTTPRouteHandler) -> bool:
    returned = handler.parsed_fn_signature.return_type
    is_response = returned.is_subclass_of(Response) or returned.has_inner_subclass_of(Response)
    return not is_response and not returned.is_none_type


async def _respond(status: int, *, data: object, **_: object) -> ASGIApp:
    """Return what sends ``data`` as JSON."""
    body = encode_json(data, default_serializer)
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    start: HTTPResponseStartEvent = {"type": "http.response.start", "status": status, "headers": headers}
    rest: HTTPResponseBodyEvent = {"type": "http.response.body", "body": body, "more_body": False}

    async def send_both(_: Scope, __: Receive, send: Send) -> None:
        await send(start)
        await send(rest)

    return send_both
