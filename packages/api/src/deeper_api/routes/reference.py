"""/openapi, in the profile dev: the OpenAPI document, and a page to read it and to try the API out.

The page is Swagger UI, all of it from this server. It comes with the extra ``reference``; without that there is only
the document.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from deeper_api.routes.openapi import openapi_document

# A package for MkDocs that has the files of Swagger UI in it, and needs nothing for them. Its code is not imported.
_PACKAGE: Final = "mkdocs_swagger_ui_tag"
_FOLDER: Final = "swagger-ui"
_ASSETS: Final = {
    "swagger-ui.css": ("stylesheets/swagger-ui.css", "text/css"),
    "swagger-ui.js": ("javascripts/swagger-ui-bundle.js", "text/javascript"),
}
_PAGE: Final = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>DeeperSensor API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/openapi/swagger-ui.css">
    <script src="/openapi/swagger-ui.js" defer></script>
    <script src="/openapi/reference.js" defer></script>
  </head>
  <body>
    <div id="reference"></div>
  </body>
</html>
"""
# Tokens are forgotten with the page, and nobody else is asked whether the document is valid.
_START: Final = """\
SwaggerUIBundle({
  url: "/openapi/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  displayOperationId: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""
# In place of that of all other responses, which are no pages. Swagger UI has its arrows as data: URLs.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def reference_routes() -> Sequence[HTTPRouteHandler]:
    """Return the routes of the document, and those of the page if there is one."""
    routes = [_route("/openapi/openapi.json", "application/json", _document)]
    folder = _swagger_ui()
    if folder is not None:
        routes.append(_route("/openapi", "text/html", _PAGE.encode, {"content-security-policy": _POLICY}))
        routes.append(_route("/openapi/reference.js", "text/javascript", _START.encode))
        for name, (path, media_type) in _ASSETS.items():
            routes.append(_route(f"/openapi/{name}", media_type, folder.joinpath(path).read_bytes))
    return routes


def has_page() -> bool:
    """Return whether Swagger UI is installed."""
    return _swagger_ui() is not None


def _swagger_ui() -> Traversable | None:
    try:
        return files(_PACKAGE).joinpath(_FOLDER)
    except ModuleNotFoundError:
        return None


@cache
def _document() -> bytes:
    return msgspec.json.encode(openapi_document())


def _route(
    path: str, media_type: str, read: Callable[[], bytes], headers: Mapping[str, str] | None = None
) -> HTTPRouteHandler:
    async def handler() -> Response[bytes]:
        return Response(read(), media_type=media_type, headers=headers)

    return get(path, include_in_schema=False)(handler)
