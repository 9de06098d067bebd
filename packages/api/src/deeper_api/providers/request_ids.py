"""The id of the request, for what outlives it."""

from litestar.types import Scope


def provide_request_id(scope: Scope) -> str:
    """Return the id that the response and the log line carry."""
    request_id: str = scope["state"]["request_id"]
    return request_id
