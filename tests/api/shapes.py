"""What the bodies of the API look like, for comparing whole bodies in which a few values cannot be foreseen."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from deeper_api.openai.errors import openai_code, openai_status
from deeper_core import ErrorCode
from tests.fakes.exchanges import Json, Reply

# Every response has these, whatever its status; see the OWASP Secure Headers project.
HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "interest-cohort=()",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class AnyId:
    """Equal to every UUIDv7 in its usual spelling."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and _UUID.fullmatch(other) is not None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<any id>"


class AnyTime:
    """Equal to every RFC 3339 time in UTC."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.endswith("Z") and datetime.fromisoformat(other).tzinfo is not None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<any time>"


class Matching:
    """Equal to every text that matches a pattern as a whole."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self._pattern.fullmatch(other) is not None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self._pattern.pattern}>"


class AnyMilliseconds:
    """Equal to every number that a span of time can be."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and other >= 0

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<any milliseconds>"


ANY_ID, ANY_TIME, ANY_MS = AnyId(), AnyTime(), AnyMilliseconds()
ACCESS_TOKEN = Matching(r"[\w-]+\.[\w-]+\.[\w-]{43}")
REFRESH_TOKEN = Matching(r"dsr1_[\w-]{64}")


def user(email: str) -> Json:
    """The body that describes an ordinary account."""
    return {"id": ANY_ID, "email": email, "role": "user", "created_at": ANY_TIME, "disabled_at": None}


def tokens(*, in_body: bool = True) -> Json:
    """The body that carries tokens."""
    given: Json = {"access_token": ACCESS_TOKEN, "expires_in": 600, "token_type": "Bearer"}
    return given | {"refresh_token": REFRESH_TOKEN} if in_body else given


def require_headers(reply: Reply) -> None:
    """Fail unless the reply has every header that all replies have, once."""
    assert {name: reply.all(name) for name in HEADERS} == {name: [value] for name, value in HEADERS.items()}
    assert len(reply.all("x-request-id")) == 1
    cached = reply.header("cache-control")
    assert cached is not None
    assert "no-store" in cached


def require_error(
    reply: Reply, status: int, code: str, message: str | None = None, details: Sequence[Mapping[str, str]] | None = None
) -> None:
    """Fail unless ``reply`` is the envelope of that error, with all headers and nothing besides.

    In OpenAI's shape, an error has another code and status and no details.
    """
    body = reply.json()
    if "type" in body["error"]:
        assert body["error"].keys() == {"message", "type", "param", "code"}
        ours = ErrorCode(code)
        assert (reply.status, body["error"]["code"]) == (openai_status(ours), openai_code(ours))
        require_headers(reply)
        return
    expected: Json = {"code": code, "message": message or body["error"]["message"]}
    expected["request_id"] = reply.header("x-request-id")
    if (after := reply.header("retry-after")) is not None:
        expected["retry_after"] = int(after)
    if details is not None:
        expected["details"] = details
    assert (reply.status, body) == (status, {"error": expected})
    assert reply.header("content-type") == "application/json"
    assert reply.header("www-authenticate") == ("Bearer" if status == 401 else None)
    require_headers(reply)
