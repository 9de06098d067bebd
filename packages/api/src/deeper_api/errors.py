"""Errors on the wire: the status of each code, and the envelope in which errors leave.

::

    {"error": {"code": "not_found", "message": "…", "request_id": "…", "details": [{"message": "…", "field": "$.x"}]}}
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from deeper_core import DeeperError, ErrorCode, ErrorDetail, ModelNotFound

# Statuses are those of RFC 9110; 429 of RFC 6585. A model server's refusal is 422 and not 400: our request was well
# formed, what it asked for is not possible there.
STATUS: Mapping[ErrorCode, int] = MappingProxyType(
    {
        ErrorCode.INVALID_REQUEST: 400,
        ErrorCode.VALIDATION_FAILED: 422,
        ErrorCode.BODY_TOO_LARGE: 413,
        ErrorCode.UNSUPPORTED_MEDIA_TYPE: 415,
        ErrorCode.METHOD_NOT_ALLOWED: 405,
        ErrorCode.UNAUTHENTICATED: 401,
        ErrorCode.INVALID_CREDENTIALS: 401,
        ErrorCode.INVALID_TOKEN: 401,
        ErrorCode.INVALID_REFRESH_TOKEN: 401,
        ErrorCode.REFRESH_TOKEN_REUSED: 401,
        ErrorCode.FORBIDDEN: 403,
        ErrorCode.NOT_FOUND: 404,
        ErrorCode.MODEL_NOT_FOUND: 404,
        ErrorCode.CONFLICT: 409,
        ErrorCode.EMAIL_TAKEN: 409,
        ErrorCode.RATE_LIMITED: 429,
        ErrorCode.OVERLOADED: 503,
        ErrorCode.DATABASE_UNAVAILABLE: 503,
        ErrorCode.SHUTTING_DOWN: 503,
        ErrorCode.INTERRUPTED: 503,
        ErrorCode.INTERNAL_ERROR: 500,
        ErrorCode.MODEL_SERVER_ERROR: 502,
        ErrorCode.MODEL_SERVER_UNREACHABLE: 502,
        ErrorCode.MODEL_SERVER_TIMED_OUT: 504,
        ErrorCode.MODEL_SERVER_OVERLOADED: 503,
        ErrorCode.MODEL_SERVER_REJECTED: 422,
        ErrorCode.CONTEXT_TOO_LONG: 422,
        ErrorCode.MODEL_OUT_OF_MEMORY: 502,
        ErrorCode.MODEL_SERVER_FAILED: 502,
        ErrorCode.MODEL_PROTOCOL_BROKEN: 502,
        ErrorCode.ANSWER_INCOMPLETE: 502,
    }
)

# What is said otherwise here: the libraries know of no routes.
_MESSAGES: Mapping[str, str] = MappingProxyType(
    {ModelNotFound.default_message: "There is no such model. GET /v1/models lists those that can be used."}
)


class ErrorBody(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said of an error.

    ``request_id`` finds it in the logs. ``retry_after`` is the number of seconds after which asking again makes sense;
    a stream has no other place for it.
    """

    code: ErrorCode
    message: str
    request_id: str | None = None
    retry_after: int | None = None
    details: tuple[ErrorDetail, ...] = ()


class ErrorEnvelope(Struct, frozen=True, kw_only=True):
    """The body of every response that is not a success."""

    error: ErrorBody


def error_body(error: DeeperError, request_id: str | None) -> ErrorBody:
    """Return what a client is told of ``error``."""
    return ErrorBody(
        code=error.code,
        message=_MESSAGES.get(error.message, error.message),
        request_id=request_id,
        retry_after=None if error.retry_after is None else max(1, math.ceil(error.retry_after)),
        details=error.details,
    )


def error_headers(body: ErrorBody) -> dict[str, str]:
    """Return the headers that go with an error: ``Retry-After`` in whole seconds, ``WWW-Authenticate`` with a 401."""
    headers: dict[str, str] = {}
    if body.retry_after is not None:
        headers["retry-after"] = str(body.retry_after)
    if STATUS[body.code] == 401:
        headers["www-authenticate"] = "Bearer"  # RFC 9110 section 11.6.1: a 401 names a scheme
    return headers
