"""The methods of a resource."""

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
    routes = app.routes if isinstance(app, Litestar) else ()
    here = [route for route in routes if isinstance(route, HTTPRoute) and route.path_format == template]
    return sorted({method for route in here for method in route.methods})
