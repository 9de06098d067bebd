"""How callers prove who they are, as the OpenAPI document has it."""

from collections.abc import Mapping, Sequence
from typing import Final

from litestar.handlers import HTTPRouteHandler

from deeper_api.routes.auth import COOKIE
from deeper_api.routes.schemas import Json
from deeper_core import KeyScope

_TOKEN: Final = "accessToken"  # noqa: S105  - a name
_KEY: Final = "apiKey"
_COOKIE: Final = "refreshCookie"

SCHEMES: Final[Mapping[str, Json]] = {
    _TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token that signing in or a refresh gave; good for ten minutes.",
    },
    _KEY: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "dsk_…",
        "description": "An API key, in the place of an access token. Operations name the scope that it has to have.",
    },
    _COOKIE: {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The refresh token of a browser, which no script can read.",
    },
}
"""By name, what there is in the components of the document."""


def security_of(handler: HTTPRouteHandler, method: str) -> Sequence[Mapping[str, Sequence[str]]]:
    """Return what a request needs, as alternatives; none where anybody may ask."""
    wanted = handler.parsed_fn_signature.parameters.keys()
    if handler.operation_id == "refresh":
        return [{_COOKIE: []}, {}]  # the token may be in the body
    if "caller" in wanted:
        return [{_TOKEN: []}, {_KEY: [(KeyScope.READ if method == "GET" else KeyScope.CHAT).value]}]
    return [{_TOKEN: []}] if wanted & {"person", "admin"} else []
