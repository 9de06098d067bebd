"""What the API says of itself: its OpenAPI document, made of its routes and of the types of their bodies."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from inspect import getdoc
from typing import Final, cast, get_args
from uuid import UUID

import msgspec
from litestar import Response, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import Empty
from litestar.typing import FieldDefinition

from deeper_api.chat.frames import Frame
from deeper_api.chat.wire import NDJSON, SSE
from deeper_api.conversations.documents import Document
from deeper_api.errors import ErrorEnvelope
from deeper_api.middleware.queries import query_parameters
from deeper_api.middleware.refusals import Envelope
from deeper_api.openai.completions import Chunk
from deeper_api.openai.errors import OpenAIErrorEnvelope
from deeper_api.routes import ROUTES
from deeper_api.routes.credentials import SCHEMES, security_of
from deeper_api.routes.descriptions import HEADERS, describe_response, other_parameters
from deeper_api.routes.examples import examples_of
from deeper_api.routes.failures import Failures
from deeper_api.routes.schemas import Json, Schemas
from deeper_api.routes.streams import FrameStream, PatientStream
from deeper_api.routes.transfers import Download

_JSON: Final = "application/json"
_ABOUT: Final = """\
Chats with language models for many users, over accounts, conversations and streams that outlast their connections.

Bodies are JSON in UTF-8, ids UUIDv7, times RFC 3339 in UTC. Lists come in pages, newest first: the `cursor` of one
leads to the next. Whatever is not a success is `{"error": {"code": …, "message": …}}`, with a code of a closed list;
below `/openai` it has OpenAI's shape. What is of somebody else does not exist (404)."""
_TAGS: Final[Mapping[str, str]] = {
    "auth": "Signing up, in and out; the sessions of a user.",
    "me": "The account of whoever asks.",
    "api-keys": "Keys for programs.",
    "models": "What can be asked.",
    "chat": "Asking a model.",
    "generations": "Answers while they are written, and for a day after.",
    "conversations": "What was said, kept.",
    "usage": "Tokens and requests.",
    "openai": "The same for OpenAI's clients.",
    "admin": "For administrators.",
    "health": "For whoever looks after the server.",
}

# The kinds of response whose content their types do not tell, and what they send, by media type.
_CONTENTS: Final[Mapping[type[Response[None]], Mapping[str, object]]] = {
    FrameStream: {SSE.media_type: Frame, NDJSON.media_type: Frame},
    PatientStream: {SSE.media_type: Chunk},
    Download: {_JSON: Document, "text/markdown": str},
}


def _itself(schema: Json) -> Json:
    return schema


def _event(frame: Json) -> Json:
    names = [str(kind.__struct_config__.tag) for kind in get_args(Frame)]
    fields: Json = {
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "event": {"type": "string", "enum": names},
        "data": _in_text(frame),
    }
    return {"description": "Each event.", "type": "object", "required": ["event", "data"], "properties": fields}


def _chunk(chunk: Json) -> Json:
    error: Json = {"$ref": f"#/components/schemas/{OpenAIErrorEnvelope.__name__}"}
    data: Json = {"anyOf": [{"const": "[DONE]"}, _in_text({"anyOf": [chunk, error]})]}
    return {
        "description": "Each event. The last one is `[DONE]`, or an error.",
        "type": "object",
        "required": ["data"],
        "properties": {"data": data},
    }


def _in_text(schema: Json) -> Json:
    return {"type": "string", "contentMediaType": _JSON, "contentSchema": schema}


def _line(frame: Json) -> Json:
    position: Json = {"type": "object", "properties": {"id": {"type": "integer"}}}
    return {"description": "Each line.", "allOf": [frame, position]}


# Of a body that is a sequence, OpenAPI 3.1 has no way to describe the whole: what is described is one of its parts.
_SEQUENCES: Final[Mapping[str, Callable[[Json], Json]]] = {SSE.media_type: _event, NDJSON.media_type: _line}


def openapi_document() -> Json:
    """Return the OpenAPI document of those of the routes that are to be in it."""
    operations = list(_operations(Router(path="/", route_handlers=ROUTES).routes))
    schemas = Schemas(
        read=[kind for _, _, handler in operations for kind in _read(handler)],
        written=[
            ErrorEnvelope,
            OpenAIErrorEnvelope,
            *(kind for _, _, handler in operations for kind in _written(handler)),
        ],
        named={Frame: "Frame"},
    )
    failures = Failures()
    paths: dict[str, Json] = {}
    for route, method, handler in operations:
        operation = _operation(route, method, handler, schemas)
        responses = cast("Json", operation["responses"])
        responses.update(failures.of(handler, method=method, path=route.path))
        paths.setdefault(route.path_format, {})[method.lower()] = operation
    document: Json = {
        "openapi": "3.1.0",
        "info": {"title": "DeeperSensor", "version": version("deeper-api"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": words} for name, words in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "headers": dict(HEADERS),
            "responses": failures.responses,
            "examples": failures.examples,
            "securitySchemes": dict(SCHEMES),
        },
    }
    return msgspec.json.decode(msgspec.json.encode(document), type=Json)  # with arrays for tuples, as JSON has them


def _operations(routes: Sequence[BaseRoute]) -> Iterator[tuple[HTTPRoute, str, HTTPRouteHandler]]:
    for route in routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.resolve_include_in_schema():
                    yield from ((route, method, handler) for method in handler.http_methods)


def _read(handler: HTTPRouteHandler) -> Iterator[object]:
    """Yield the types of the body and of the parameters."""
    if body := handler.parsed_fn_signature.parameters.get("data"):
        yield body.annotation
    yield from (field.annotation for _, field, _ in query_parameters(handler))


def _written(handler: HTTPRouteHandler) -> Iterator[object]:
    for content in _contents(handler):
        yield from content.values()


def _contents(handler: HTTPRouteHandler) -> Iterator[Mapping[str, object]]:
    """Yield what a success may hold, as types by media type."""
    returned = handler.parsed_fn_signature.return_type
    for each in returned.inner_types if returned.is_union else (returned,):
        if each.annotation in _CONTENTS:
            yield _CONTENTS[each.annotation]
            continue
        kind = each.inner_types[0].annotation if each.is_subclass_of(Response) else each.annotation
        if kind not in {None, type(None), Envelope}:
            yield {_JSON: kind}


def _operation(route: HTTPRoute, method: str, handler: HTTPRouteHandler, schemas: Schemas) -> Json:
    words = getdoc(handler.fn) or ""
    operation: Json = {
        "operationId": handler.operation_id,
        "tags": handler.resolve_tags(),
        "summary": words.partition("\n")[0].rstrip("."),
        "description": words,
    }
    parameters = [*_path_parameters(route), *_query_parameters(handler, schemas), *other_parameters(handler)]
    if parameters:
        operation["parameters"] = parameters
    body = handler.parsed_fn_signature.parameters.get("data")
    if body is not None:
        content = {_JSON: {"schema": schemas.of(body.annotation), "examples": _examples(body.annotation, _JSON)}}
        operation["requestBody"] = {"required": body.default is Empty, "content": content}
    if security := security_of(handler, method):
        operation["security"] = security
    operation["responses"] = _successes(handler, schemas)
    return operation


def _path_parameters(route: HTTPRoute) -> Iterator[Json]:
    for name, parameter in route.path_parameters.items():
        schema: Json = {"type": "string"}
        if parameter.type is UUID:
            schema["format"] = "uuid"
        else:  # a path, which is more than nothing
            schema["minLength"] = 1
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(handler: HTTPRouteHandler, schemas: Schemas) -> Iterator[Json]:
    for name, field, parameter in query_parameters(handler):
        yield {
            "name": name,
            "in": "query",
            "required": _is_required(field, parameter),
            "description": parameter.description or "",
            "schema": _parameter_schema(field, parameter, schemas),
        }


def _is_required(field: FieldDefinition, parameter: QueryParameter) -> bool:
    return field.default is Empty if parameter.required is None else parameter.required


def _parameter_schema(field: FieldDefinition, parameter: QueryParameter, schemas: Schemas) -> Json:
    schema = schemas.of(field.annotation)
    # That a parameter is None says that it may be left out; in a query there is no null.
    options = [option for option in cast("list[Json]", schema.get("anyOf", [schema])) if option != {"type": "null"}]
    said = {
        "minimum": parameter.ge,
        "maximum": parameter.le,
        "format": parameter.format,
        "default": Empty if _is_required(field, parameter) else field.default,
    }
    known = {name: value for name, value in said.items() if value not in {None, Empty}}
    return {**(options[0] if len(options) == 1 else {"anyOf": options}), **known, **(parameter.schema_extra or {})}


def _successes(handler: HTTPRouteHandler, schemas: Schemas) -> Json:
    contents: dict[str, Json] = {}
    for each in _contents(handler):
        for media_type, kind in each.items():
            part = _chunk if kind is Chunk else _SEQUENCES.get(media_type, _itself)
            contents[media_type] = {"schema": part(schemas.of(kind)), "examples": _examples(kind, media_type)}
    success = describe_response(handler, handler.status_code, handler.response_description or "Success", contents)
    for header in handler.resolve_response_headers():
        said = {"description": header.description or "", "required": header.required, "schema": {"type": "string"}}
        cast("Json", success["headers"])[header.name] = said
    others = {
        str(status): describe_response(handler, status, spec.description, {}) for status, spec in _others(handler)
    }
    return {str(handler.status_code): success, **others}


def _others(handler: HTTPRouteHandler) -> Iterable[tuple[int, ResponseSpec]]:
    return (handler.responses or {}).items()


def _examples(kind: object, media_type: str) -> Json:
    return {name: {"value": value} for name, value in examples_of(kind, media_type).items()}
