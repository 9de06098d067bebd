"""/openapi in the profile dev: a page that reads the document, all of it from the server itself."""

import re

import pytest
from litestar import Litestar

from deeper_api.routes import reference
from deeper_api.routes.reference import reference_routes
from tests.api.shapes import require_headers
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Reply


async def page(client: AsgiClient) -> Reply:
    reply = await client.get("/openapi")
    assert reply.status == 200
    return reply


async def test_whatever_the_page_loads_is_there(client: AsgiClient):
    text = (await page(client)).body.decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert [each for each in loaded if each.startswith("/")] == loaded[1:]
    assert loaded[0] == "data:,"
    start = (await client.get("/openapi/reference.js")).body.decode()
    loaded += re.findall(r'url: "([^"]+)"', start)
    assert len(loaded) == 5
    for path in loaded[1:]:
        reply = await client.get(path)
        assert reply.status == 200
        assert reply.body
        kind = {"css": "text/css", "js": "text/javascript", "json": "application/json"}[path.rpartition(".")[2]]
        assert (reply.header("content-type") or "").startswith(kind)


async def test_its_policy_lets_nothing_in_from_elsewhere_and_no_script_that_is_no_file(client: AsgiClient):
    [policy] = [value for name, value in (await page(client)).headers if name == "content-security-policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives.pop("default-src") == "'none'"
    assert directives.pop("img-src") == "'self' data:"
    assert set(directives.values()) == {"'self'", "'none'"}
    assert directives["connect-src"] == directives["script-src"] == "'self'"


async def test_what_it_loads_has_the_policy_and_the_headers_of_everything_else(client: AsgiClient):
    for path in ("/openapi/swagger-ui.js", "/openapi/swagger-ui.css", "/openapi/reference.js", "/openapi/openapi.json"):
        require_headers(await client.get(path))


def test_without_the_extra_there_is_the_document_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reference, "_PACKAGE", "a_package_that_is_not_installed")
    app = Litestar(reference_routes(), openapi_config=None)
    assert [route.path for route in app.routes] == ["/openapi/openapi.json"]
