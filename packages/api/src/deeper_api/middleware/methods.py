"""What there is: the methods of a resource, and the resources below a path."""

from typing import Final, cast

from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import HTTPScope

OPTIONS: Final = "OPTIONS"


def methods_of(scope: HTTPScope) -> list[str]:
    """Return the methods of the route that was found, if any; ``scope`` is to have been routed.

    The ``Allow`` of Litestar's own answer to OPTIONS has only those of the first handler in a router.
    """
    known = cast("dict[str, object]", scope)
    app, template = known.get("litestar_app"), known.get("path_template")
    here = [route for route in _routes(app) if route.path_format == template] if isinstance(app, Litestar) else []
    return sorted({method for route in here for method in route.methods})


def operations_below(app: Litestar, path: str) -> list[str]:
    """Return what there is at ``path`` and below it, such as ``GET /v1/me``."""
    below = {route.path_format: route.methods for route in _routes(app) if f"{route.path}/".startswith(f"{path}/")}
    return [f"{method} {each}" for each in sorted(below) for method in sorted(below[each] - {OPTIONS})]


def _routes(app: Litestar) -> list[HTTPRoute]:
    return [route for route in app.routes if isinstance(route, HTTPRoute)]
