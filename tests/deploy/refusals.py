"""What every refusal of nginx has to be: in the API's words, and with its headers."""

from typing import Final

from deeper_api.middleware.edge import DEFAULT_HEADERS
from deeper_core import ErrorCode
from tests.fakes.exchanges import Reply

HEADERS: Final = {name.decode(): value.decode() for name, value in DEFAULT_HEADERS}


def assert_refusal(reply: Reply, status: int, code: ErrorCode, *, encrypted: bool = True) -> None:
    """Fail unless it is this refusal; one that was not ``encrypted`` tells nobody to encrypt."""
    assert reply.status == status, reply
    assert reply.header("content-type") == "application/json"
    error = reply.json()["error"]
    assert error.keys() == {"code", "message", "request_id"}
    assert error["code"] == code
    assert error["request_id"] == reply.header("x-request-id")
    # RFC 6797 section 7.2: nothing that came in the clear may say so.
    wanted = HEADERS if encrypted else HEADERS | {"strict-transport-security": None}
    assert {name: reply.header(name) for name in HEADERS} == wanted
