"""How operations may fail, as the OpenAPI document has it: each status with its codes, and an example of each."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from litestar.handlers import HTTPRouteHandler

from deeper_api.errors import ErrorEnvelope, error_body
from deeper_api.openai.errors import OpenAIErrorEnvelope, openai_envelope, speaks_openai
from deeper_api.providers.limits import UNLIMITED, WITH_TOKENS
from deeper_api.routes.descriptions import ErrorKind, describe_response, errors_of
from deeper_api.routes.example_answers import REQUEST_ID
from deeper_api.routes.schemas import Json
from deeper_core import (
    DatabaseUnavailable,
    DeeperError,
    ErrorDetail,
    ModelServerOverloaded,
    Overloaded,
    RateLimited,
    ShuttingDown,
    ValidationFailed,
)

Envelope = ErrorEnvelope | OpenAIErrorEnvelope

# After so many seconds it makes sense to ask again, after those that say so.
_WAIT: Final = 2
_PASSING: Final = frozenset({RateLimited, Overloaded, DatabaseUnavailable, ShuttingDown, ModelServerOverloaded})


class Failures:
    """The failures of operations.

    ``responses`` and ``examples`` are what was referred to, by the names of the components: many operations fail alike.
    """

    def __init__(self) -> None:
        self.responses: dict[str, Json] = {}
        self.examples: dict[str, Json] = {}

    def of(self, handler: HTTPRouteHandler, *, method: str, path: str) -> Json:
        """Return the failures of an operation by their status."""
        found: Json = {}
        for status, kinds in errors_of(handler, method=method, path=path).items():
            envelopes = _openai(kinds, handler) if speaks_openai(path) else _native(kinds)
            door = "openai." if speaks_openai(path) else ""
            name = ".".join(
                (f"{door}{status}", *envelopes, *(["unlimited"] if handler.operation_id in UNLIMITED else []))
            )
            self.examples |= {f"{door}{code}": {"value": _as_json(each)} for code, each in envelopes.items()}
            self.responses[name] = _response(handler, status, envelopes, door)
            found[str(status)] = {"$ref": f"#/components/responses/{name}"}
        return found


def _native(kinds: Sequence[ErrorKind]) -> dict[str, Envelope]:
    return {kind.code.value: ErrorEnvelope(error=error_body(_example(kind), REQUEST_ID)) for kind in kinds}


def _openai(kinds: Sequence[ErrorKind], handler: HTTPRouteHandler) -> dict[str, Envelope]:
    bodies = [error_body(_example(kind), REQUEST_ID) for kind in kinds]
    envelopes = [openai_envelope(body) for body in bodies]
    if handler.operation_id in WITH_TOKENS:
        envelopes += [openai_envelope(body, quota_spent=True) for body in bodies if body.code is RateLimited.code]
    return {envelope.error.code: envelope for envelope in envelopes}


def _response(handler: HTTPRouteHandler, status: int, envelopes: Mapping[str, Envelope], door: str) -> Json:
    words = "\n".join(f"- `{code}`: {envelope.error.message}" for code, envelope in envelopes.items())
    envelope = OpenAIErrorEnvelope if door else ErrorEnvelope
    code: Json = {"type": "object", "properties": {"code": {"type": "string", "enum": sorted(envelopes)}}}
    only: Json = {"type": "object", "properties": {"error": code}}
    content: Json = {
        "schema": {"allOf": [{"$ref": f"#/components/schemas/{envelope.__name__}"}, only]},
        "examples": {code: {"$ref": f"#/components/examples/{door}{code}"} for code in envelopes},
    }
    return describe_response(handler, status, words, {"application/json": content})


def _as_json(value: Envelope) -> object:
    return msgspec.json.decode(msgspec.json.encode(value))


def _example(kind: ErrorKind) -> DeeperError:
    if kind is ValidationFailed:
        return kind(details=(ErrorDetail(message="Expected `str`, got `int`", field="$.model"),))
    return kind(retry_after=_WAIT) if kind in _PASSING else kind()
