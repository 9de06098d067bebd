"""Errors of any origin as responses: ours, Litestar's, and those that nobody expected."""

import logging
from collections.abc import Mapping
from typing import cast

from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import (
    ClientException,
    InternalServerException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from deeper_api.errors import error_body
from deeper_api.middleware.methods import operations_below
from deeper_api.middleware.refusals import Envelope, refusal_of
from deeper_api.openai.errors import DOOR, speaks_openai
from deeper_core import (
    BodyTooLarge,
    DeeperError,
    ErrorDetail,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    ValidationFailed,
)

_log = logging.getLogger("deeper.errors")

AnyRequest = Request[object, object, State]
# Litestar's errors and ours; the first that fits counts, so that the general ones come last.
_TRANSLATIONS: Mapping[type[Exception], type[DeeperError]] = {
    NotFoundException: NotFound,
    MethodNotAllowedException: MethodNotAllowed,
    RequestEntityTooLarge: BodyTooLarge,
    ClientException: InvalidRequest,
}
# What Litestar's InternalServerException says when the body ends early or its chunks are malformed.
_BROKEN_OFF = "client disconnected prematurely"
# What a client wrote may come back to it in a message, but not without end.
_MESSAGE_CHARACTERS = 300
# Where OpenAI's clients ask first, if their address lacks the path to their door.
_MEANT_FOR_OPENAI = frozenset({"/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/completions"})


def respond_to_error(request: AnyRequest, error: Exception) -> Response[Envelope]:
    """Return the response for whatever was raised before a response began; logs what is a fault of ours, once."""
    request_id = request.scope["state"].get("request_id")
    ours = _without_path(request) if isinstance(error, NotFoundException) else translate(error)
    if isinstance(error, RequestEntityTooLarge):
        limit = request.route_handler.resolve_request_max_body_size()
        ours = BodyTooLarge(f"The request body is too large: at most {limit:,} bytes are accepted here.")
    if isinstance(ours, InternalError):
        _log.error("unhandled exception", exc_info=error)
    return refusal_of(error_body(ours, request_id), request.scope).response(_allow(error))


def translate(error: Exception) -> DeeperError:
    """Return ``error`` as one of our tree; InternalError for what is not known."""
    if isinstance(error, DeeperError):
        return error
    if isinstance(error, ValidationException):
        return ValidationFailed(details=_details(error.extra))
    if isinstance(error, InternalServerException) and error.detail == _BROKEN_OFF:
        return InvalidRequest("The request body broke off.")
    return next((ours() for theirs, ours in _TRANSLATIONS.items() if isinstance(error, theirs)), InternalError())


def _without_path(request: AnyRequest) -> NotFound:
    """Return what is said of a path that does not exist.

    OpenAI's clients know of more than there is here, and may have been given an address without the path to their door.
    """
    path = request.scope["path"]
    if speaks_openai(path):
        return NotFound(f"{NotFound.default_message} What there is: {', '.join(operations_below(request.app, DOOR))}.")
    if path in _MEANT_FOR_OPENAI:
        return NotFound(f"{NotFound.default_message} OpenAI's clients find what they need below {DOOR}/v1.")
    return NotFound()


def _allow(error: Exception) -> dict[str, str]:
    """Return the ``Allow`` header, which RFC 9110 section 15.5.6 wants with a 405."""
    if isinstance(error, MethodNotAllowedException) and error.headers:
        return dict(error.headers)
    return {}


def _details(extra: object) -> tuple[ErrorDetail, ...]:
    """Return what Litestar found wrong with path, query and headers."""
    if not isinstance(extra, list):
        return ()
    faults = [cast("Mapping[str, object]", fault) for fault in cast("list[object]", extra) if isinstance(fault, dict)]
    return tuple(
        ErrorDetail(message=str(fault.get("message", ""))[:_MESSAGE_CHARACTERS], field=str(fault.get("key")) or None)
        for fault in faults
    )
