"""Errors in the shape that OpenAI's clients look at.

::

    {"error": {"message": "…", "type": "invalid_request_error", "param": "messages[0].role", "code": "…"}}

The words for types and codes are those of https://platform.openai.com/docs/guides/error-codes; where OpenAI has no code
for something, it is ours.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from deeper_api.errors import STATUS, ErrorBody, error_body
from deeper_core import ErrorCode, InvalidToken, ModelNotFound

# Where everything is that OpenAI's clients use.
DOOR: Final = "/openai"

_CODES: Mapping[ErrorCode, str] = MappingProxyType(
    {
        ErrorCode.UNAUTHENTICATED: "invalid_api_key",
        ErrorCode.INVALID_TOKEN: "invalid_api_key",
        ErrorCode.RATE_LIMITED: "rate_limit_exceeded",
        ErrorCode.CONTEXT_TOO_LONG: "context_length_exceeded",
    }
)
_TYPES: Mapping[int, str] = MappingProxyType(
    {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
)
_QUOTA = "insufficient_quota"
# What is said otherwise here: who comes by this door has a key, and need not know of access tokens.
_MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        InvalidToken.default_message: "The API key is missing or not a key of this server. "
        "Make one with POST /v1/api-keys; it begins with dsk_.",
        error_body(ModelNotFound(), None).message: "There is no such model. "
        "GET /openai/v1/models lists those that can be used.",
    }
)
# Longer than this nobody who asked wants to wait; those that do not believe such a time would ask again at once.
_LONGEST_WAIT: Final = 60


class OpenAIError(Struct, frozen=True, kw_only=True):
    """What is said of an error. ``param`` is the place in the body that is wrong, such as ``messages[0].role``."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIErrorEnvelope(Struct, frozen=True, kw_only=True):
    """The body of every response below /openai that is not a success."""

    error: OpenAIError


def speaks_openai(path: str) -> bool:
    """Tell whether errors at this path have OpenAI's shape."""
    return path == DOOR or path.startswith(f"{DOOR}/")


def openai_status(code: ErrorCode) -> int:
    """Return the status of an error: the usual one, but that OpenAI says 400 of a value that is not allowed."""
    status = STATUS[code]
    return 400 if status == 422 else status


def openai_headers(body: ErrorBody) -> dict[str, str]:
    """Return the header that keeps OpenAI's clients from asking again in vain, where they would.

    They ask again after any 409, and after a 429 or a 5xx once Retry-After is over, in JavaScript however long that is:
    with the tokens of the day spent, the program would stand still until tomorrow and not know why.
    """
    in_vain = openai_status(body.code) == 409 or (body.retry_after or 0) > _LONGEST_WAIT
    return {"x-should-retry": "false"} if in_vain else {}


def openai_code(code: ErrorCode) -> str:
    """Return what an error is called there."""
    return _CODES.get(code, code.value)


def openai_envelope(body: ErrorBody, *, quota_spent: bool = False) -> OpenAIErrorEnvelope:
    """Return ``body`` in OpenAI's shape. ``quota_spent`` says that what there is too much of are tokens."""
    status = openai_status(body.code)
    places = [detail.field.removeprefix("$").removeprefix(".") for detail in body.details if detail.field]
    words = "; ".join(f"{each.field}: {each.message}" if each.field else each.message for each in body.details)
    spent = quota_spent and body.code is ErrorCode.RATE_LIMITED
    return OpenAIErrorEnvelope(
        error=OpenAIError(
            message=f"{_MESSAGES.get(body.message, body.message)} {words.replace('$.', '')}".strip(),
            type=_QUOTA if spent else _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
            param=(places[0] or None) if places else None,
            code=_QUOTA if spent else openai_code(body.code),
        )
    )
