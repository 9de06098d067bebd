"""What the routes themselves do not tell: how each of them may fail, and which headers come and go with it."""

from collections.abc import Iterator, Mapping
from typing import Final

from litestar.handlers import HTTPRouteHandler

from deeper_api.errors import STATUS
from deeper_api.middleware.queries import is_strict
from deeper_api.openai.errors import openai_status, speaks_openai
from deeper_api.providers.limits import UNLIMITED
from deeper_api.routes.schemas import Json
from deeper_core import (
    BodyTooLarge,
    Conflict,
    DatabaseUnavailable,
    DeeperError,
    EmailTaken,
    Forbidden,
    InternalError,
    Interrupted,
    InvalidCredentials,
    InvalidRefreshToken,
    InvalidRequest,
    InvalidToken,
    ModelNotFound,
    ModelServerError,
    NotFound,
    Overloaded,
    RateLimited,
    RefreshTokenReused,
    ShuttingDown,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationFailed,
)

ErrorKind = type[DeeperError]

# In the template of a path: the id of something that there may not be.
_UUID: Final = ":uuid}"
_SIGNED_IN: Final = frozenset({"caller", "person", "admin"})


def _kinds(base: ErrorKind) -> tuple[ErrorKind, ...]:
    return base, *(below for each in base.__subclasses__() for below in _kinds(each))


_ASKING: Final = (ModelNotFound, Conflict, ShuttingDown, Interrupted, *_kinds(ModelServerError))
# By operation, besides what its parameters tell.
_ERRORS: Final[Mapping[str, tuple[ErrorKind, ...]]] = {
    "signUp": (Forbidden, EmailTaken),
    "login": (InvalidCredentials, Forbidden),
    "refresh": (InvalidRefreshToken, RefreshTokenReused, Forbidden),
    "getMe": (NotFound,),
    "changePassword": (NotFound,),
    "deleteMe": (NotFound, Conflict),
    "makeApiKey": (Unauthenticated, Conflict),
    "createUser": (EmailTaken,),
    "changeUser": (Conflict,),
    "deleteUser": (Conflict,),
    "listModels": _kinds(ModelServerError),
    "chat": (NotFound, *_ASKING),
    "createChatCompletion": _ASKING,
    "listOpenAIModels": _kinds(ModelServerError),
    "getOpenAIModel": (ModelNotFound, *_kinds(ModelServerError)),
    "createConversation": (Unauthenticated,),
    "importConversation": (Unauthenticated,),
}

_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A request that comes with the key of an earlier one is not asked again.",
    "schema": {"type": "string", "pattern": r"^[!-~]([ -~]{0,253}[!-~])?$"},
}
_PARAMETERS: Final[Mapping[str, tuple[Json, ...]]] = {
    "chat": (_KEY,),
    "createChatCompletion": (_KEY,),
    "followGeneration": (
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "Id of the last event that was received.",
            "schema": {"type": "string", "pattern": "^[0-9]{0,16}$"},
        },
    ),
}

# By name: what there is in the components of the document.
HEADERS: Final[Mapping[str, Json]] = {
    "X-Request-ID": {
        "description": "Names the request in the logs of the server: what the request said, or a new id.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:/+=-]{1,128}$"},
    },
    "RateLimit-Policy": {
        "description": 'The limits that apply: so many requests (`q`) in so many seconds (`w`), `"user";q=300;w=30`.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of them (`r`), and in how many seconds there is more (`t`), `"user";r=299;t=1`.',
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "After how many seconds asking again makes sense.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "How to sign in.",
        "required": True,
        "schema": {"type": "string", "enum": ["Bearer"]},
    },
    "Set-Cookie": {
        "description": "The refresh token for a browser; where a session ends, its removal.",
        "schema": {"type": "string"},
    },
    "Content-Disposition": {
        "description": "The name of the file: the title of the conversation.",
        "required": True,
        "schema": {"type": "string"},
    },
}
_SUCCESS_HEADERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("signUp", "login", "refresh", "changePassword", "logout", "deleteMe"), "Set-Cookie"),
    "exportConversation": "Content-Disposition",
}


def errors_of(handler: HTTPRouteHandler, *, method: str, path: str) -> Mapping[int, list[ErrorKind]]:
    """Return the errors with which the operation may end, by status in order."""
    status = openai_status if speaks_openai(path) else STATUS.__getitem__
    operation = handler.operation_id
    kinds = {*_generally(handler, method), *_ERRORS.get(str(operation), ())}
    if _UUID in path:
        kinds.add(NotFound)
    if is_strict(path):
        kinds.add(ValidationFailed)
    found: dict[int, list[ErrorKind]] = {}
    for kind in sorted(kinds, key=lambda each: (status(each.code), each.code)):
        found.setdefault(status(kind.code), []).append(kind)
    return found


def other_parameters(handler: HTTPRouteHandler) -> tuple[Json, ...]:
    """Return the parameters of the operation that are headers and cookies."""
    return _PARAMETERS.get(str(handler.operation_id), ())


def describe_response(handler: HTTPRouteHandler, status: int, words: str, content: Mapping[str, Json]) -> Json:
    """Return what the document says of a response: what it means, its headers, and what it holds by media type."""
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _headers(handler, status)}
    response: Json = {"description": words, "headers": headers}
    return response | ({"content": dict(content)} if content else {})


def _headers(handler: HTTPRouteHandler, status: int) -> Iterator[str]:
    """Yield the names of the `HEADERS` that a response may have."""
    yield "X-Request-ID"
    if handler.operation_id not in UNLIMITED:
        yield from ("RateLimit-Policy", "RateLimit")
    if status in {429, 503}:
        yield "Retry-After"
    if status == 401:
        yield "WWW-Authenticate"
    if status == handler.status_code and (name := _SUCCESS_HEADERS.get(str(handler.operation_id))):
        yield name


def _generally(handler: HTTPRouteHandler, method: str) -> Iterator[ErrorKind]:
    wanted = handler.parsed_fn_signature.parameters
    yield InternalError
    if handler.operation_id not in UNLIMITED:
        yield RateLimited
        yield DatabaseUnavailable
        yield Overloaded
    if _SIGNED_IN & wanted.keys():
        yield InvalidToken
        # What anybody may read who is signed in, any API key may read.
        if "caller" not in wanted or method != "GET":
            yield Forbidden
    if "data" in wanted:
        yield from (InvalidRequest, BodyTooLarge, UnsupportedMediaType, ValidationFailed)
