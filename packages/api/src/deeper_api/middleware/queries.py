"""Queries: whoever misspells a parameter is told, instead of getting what they did not ask for."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, cast
from urllib.parse import parse_qsl

from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.types import HTTPScope
from litestar.typing import FieldDefinition

from deeper_api.middleware.bodies import AnyConnection
from deeper_api.middleware.methods import OPTIONS
from deeper_core import ErrorDetail, ValidationFailed

# Elsewhere others decide what they send: OpenAI's clients below /openai, probes of all kinds at /health.
_STRICT: Final = "/v1/"
# What a client wrote comes back to it, but not without end.
_DETAILS: Final = 10
_NAME_CHARACTERS: Final = 100


def is_strict(path: str) -> bool:
    """Tell whether parameters that are not known are refused at this path."""
    return path.startswith(_STRICT)


def query_parameters(handler: BaseRouteHandler) -> Iterator[tuple[str, FieldDefinition, QueryParameter]]:
    """Yield what a handler takes from the query, by its names there."""
    for field in handler.parsed_fn_signature.parameters.values():
        parameter = field.kwarg_definition
        if isinstance(parameter, QueryParameter):
            yield parameter.name or field.name, field, parameter


async def require_known_query(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """Refuse parameters that the route does not have; a guard of every route.

    Raises:
        ValidationFailed: the details name each of them, and those that there are.
    """
    scope = cast("HTTPScope", connection.scope)
    query = scope["query_string"]
    if not query or not is_strict(scope["path"]) or scope["method"] == OPTIONS:
        return
    known = _known(handler)
    given = dict.fromkeys(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    if unknown := [name for name in given if name not in known]:
        raise ValidationFailed(details=tuple(_detail(name, known) for name in unknown[:_DETAILS]))


@lru_cache(maxsize=256)  # more than there are routes
def _known(handler: BaseRouteHandler) -> Mapping[str, None]:
    return dict.fromkeys(sorted(name for name, _, _ in query_parameters(handler)))


def _detail(name: str, known: Mapping[str, None]) -> ErrorDetail:
    there_are = f"there are {', '.join(known)}" if known else "this takes none"
    return ErrorDetail(message=f"There is no such parameter; {there_are}", field=name[:_NAME_CHARACTERS])
