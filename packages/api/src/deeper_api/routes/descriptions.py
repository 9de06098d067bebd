"""What the OpenAPI document says besides what Litestar finds out: who may call, how errors look, what arrays hold."""

from litestar._openapi.schema_generation import SchemaCreator  # there is no public name for what a plugin is given
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Components, OpenAPIType, Schema, SecurityScheme
from litestar.params import KwargDefinition, QueryParameter
from litestar.plugins import OpenAPISchemaPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.typing import FieldDefinition

from deeper_api.errors import ErrorEnvelope
from deeper_api.providers.limits import UNLIMITED

_SCHEME = "access_token"
COMPONENTS = Components(security_schemes={_SCHEME: SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")})


# Nobody is signed in there, and still it can be refused who asks.
_EXCHANGES = frozenset({"login", "refresh"})
_SIGNED_IN = frozenset({"caller", "person", "admin"})


class Descriptions(ReceiveRoutePlugin):
    """Completes each route as it is registered."""

    def receive_route(self, route: BaseRoute) -> None:
        """Say that a handler with a caller wants a token, and which errors come of a body and of a token."""
        if not isinstance(route, HTTPRoute):
            return
        for handler in route.route_handlers:
            wanted = handler.parsed_fn_signature.parameters
            errors: dict[int, str] = {} if handler.operation_id in UNLIMITED else {429: "Too many requests"}
            if _SIGNED_IN & wanted.keys():
                handler.security = [{_SCHEME: []}]
            if _SIGNED_IN & wanted.keys() or handler.operation_id in _EXCHANGES:
                errors[401] = "The credentials or the token are missing, expired or not valid"
            if _SIGNED_IN & wanted.keys():
                errors[403] = "The API key or the account may not do this"
            if "data" in wanted:
                errors |= {400: "The body is not valid JSON", 422: "A value in the body is not allowed"}
            if any(_is_query(parameter) for parameter in wanted.values()):
                errors |= {400: "The request cannot be understood", 422: "A value in the query is not allowed"}
            if route.path_parameters:
                errors |= {400: "The request cannot be understood", 404: "There is no such thing"}
            handler.responses = {
                status: ResponseSpec(ErrorEnvelope, description=text, generate_examples=False)
                for status, text in errors.items()
            }


def _is_query(parameter: FieldDefinition) -> bool:
    return isinstance(parameter.kwarg_definition, QueryParameter)


class Arrays(OpenAPISchemaPlugin):
    """Says of ``tuple[X, ...]`` that it is an array of X.

    Where its length is bounded, Litestar takes the ``...`` for a type: "one of X and anything" refuses every X, because
    both fit.
    """

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Return whether the type is ``tuple[X, ...]``."""
        return field_definition.origin is tuple and field_definition.inner_types[-1].annotation is Ellipsis

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: SchemaCreator) -> Schema:
        """Return the array of X with its bounds."""
        items = schema_creator.for_field_definition(field_definition.inner_types[0])
        schema = Schema(type=OpenAPIType.ARRAY, items=items)
        bounds = field_definition.kwarg_definition
        if isinstance(bounds, KwargDefinition):
            schema.min_items, schema.max_items = bounds.min_items, bounds.max_items
        return schema
