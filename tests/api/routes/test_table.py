"""Who may call what. The table is compared with the routes of the application: a route without a row fails."""

import re
from typing import cast

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from deeper_api.app import create_app
from deeper_api.middleware.edge import Edge
from deeper_api.middleware.limits import LimitedApplication
from deeper_model import ScriptedProvider
from tests.api.shapes import require_error, require_headers
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Client, Json, Reply
from tests.fakes.http import HttpClient
from tests.fixtures.applications import config_for

NOBODYS_ID = "019a0000-0000-7000-8000-000000000000"
CREDENTIALS: Json = {"email": "nobody@example.com", "password": "not the password"}
QUESTION: Json = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}
DOCUMENT: Json = {
    "format": "deepersensor.conversation",
    "version": 1,
    "title": "",
    "created_at": "2026-11-01T00:00:00Z",
    "active_at": "2026-11-01T00:00:00Z",
    "messages": [],
}

# method and path -> what is sent, and the statuses for nobody and for a user
TABLE: dict[tuple[str, str], tuple[object, int, int]] = {
    ("GET", "/health"): (None, 200, 200),
    ("GET", "/health/ready"): (None, 200, 200),
    ("POST", "/v1/auth/signup"): (CREDENTIALS | {"password": "x"}, 422, 422),
    ("POST", "/v1/auth/login"): (CREDENTIALS, 401, 401),
    ("POST", "/v1/auth/refresh"): (None, 401, 401),
    ("POST", "/v1/auth/logout"): (None, 401, 204),
    ("GET", "/v1/auth/sessions"): (None, 401, 200),
    ("DELETE", "/v1/auth/sessions"): (None, 401, 204),
    ("DELETE", "/v1/auth/sessions/{session_id:uuid}"): (None, 401, 404),
    ("POST", "/v1/api-keys"): ({"name": "mine", "scopes": ["read"]}, 401, 201),
    ("GET", "/v1/api-keys"): (None, 401, 200),
    ("DELETE", "/v1/api-keys/{key_id:uuid}"): (None, 401, 404),
    ("GET", "/v1/me"): (None, 401, 200),
    ("DELETE", "/v1/me"): ({"password": "not the password"}, 401, 422),
    ("PUT", "/v1/me/password"): ({"current_password": "not the password", "new_password": "x"}, 401, 422),
    ("GET", "/v1/admin/audit"): (None, 401, 403),
    ("GET", "/v1/admin/users"): (None, 401, 403),
    ("POST", "/v1/admin/users"): (CREDENTIALS, 401, 403),
    ("GET", "/v1/admin/users/{user_id:uuid}"): (None, 401, 403),
    ("PATCH", "/v1/admin/users/{user_id:uuid}"): ({}, 401, 403),
    ("DELETE", "/v1/admin/users/{user_id:uuid}"): (None, 401, 403),
    ("GET", "/v1/admin/users/{user_id:uuid}/sessions"): (None, 401, 403),
    ("DELETE", "/v1/admin/users/{user_id:uuid}/sessions"): (None, 401, 403),
    ("DELETE", "/v1/admin/users/{user_id:uuid}/sessions/{session_id:uuid}"): (None, 401, 403),
    ("GET", "/v1/admin/users/{user_id:uuid}/api-keys"): (None, 401, 403),
    ("DELETE", "/v1/admin/users/{user_id:uuid}/api-keys/{key_id:uuid}"): (None, 401, 403),
    ("GET", "/v1/admin/generations"): (None, 401, 403),
    ("POST", "/v1/admin/generations/{generation_id:uuid}/cancel"): (None, 401, 403),
    ("GET", "/v1/admin/usage"): (None, 401, 403),
    ("GET", "/v1/admin/model-servers"): (None, 401, 403),
    ("GET", "/v1/models"): (None, 401, 200),
    ("POST", "/v1/chat"): (QUESTION, 401, 200),
    ("GET", "/v1/usage"): (None, 401, 200),
    ("GET", "/v1/generations"): (None, 401, 200),
    ("GET", "/v1/generations/{generation_id:uuid}"): (None, 401, 404),
    ("GET", "/v1/generations/{generation_id:uuid}/events"): (None, 401, 404),
    ("POST", "/v1/generations/{generation_id:uuid}/cancel"): (None, 401, 404),
    ("POST", "/v1/conversations"): ({}, 401, 201),
    ("GET", "/v1/conversations"): (None, 401, 200),
    ("POST", "/v1/conversations/import"): (DOCUMENT, 401, 201),
    ("GET", "/v1/conversations/{conversation_id:uuid}"): (None, 401, 404),
    ("PATCH", "/v1/conversations/{conversation_id:uuid}"): ({}, 401, 404),
    ("DELETE", "/v1/conversations/{conversation_id:uuid}"): (None, 401, 404),
    ("GET", "/v1/conversations/{conversation_id:uuid}/messages"): (None, 401, 404),
    ("GET", "/v1/conversations/{conversation_id:uuid}/export"): (None, 401, 404),
    ("GET", "/v1/search"): (None, 401, 422),
    ("GET", "/openai/v1/models"): (None, 401, 200),
    ("GET", "/openai/v1/models/{model_id:path}"): (None, 401, 404),
    ("POST", "/openai/v1/chat/completions"): (QUESTION, 401, 200),
}
# What Litestar answers by itself, besides the routes.
_OF_LITESTAR = {"HEAD", "OPTIONS"}


def litestar_of(database_url: str) -> Litestar:
    """What is inside of the application."""
    edge = cast("Edge", create_app(config_for(database_url), provider=ScriptedProvider()))
    return cast("Litestar", cast("LimitedApplication", edge._app)._app)


def routes(app: Litestar) -> list[tuple[str, str]]:
    """Every method and path of the application, without the description of itself that the profile dev gives."""
    return sorted(
        (method, route.path)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method not in _OF_LITESTAR and not f"{route.path}/".startswith("/openapi/")
    )


def test_each_route_has_a_row(accounts_url: str):
    assert routes(litestar_of(accounts_url)) == sorted(TABLE)


def with_an_id(path: str) -> str:
    """The path with the id of nothing."""
    return re.sub(r"\{\w+:(uuid|path)\}", NOBODYS_ID, path)


async def call(client: Client, method: str, path: str, sent: object) -> Reply:
    path = with_an_id(path)
    return await (client.call(method, path) if sent is None else client.call(method, path, sent))


@pytest.mark.parametrize(("method", "path"), TABLE)
async def test_nobody(client: AsgiClient, method: str, path: str):
    sent, status, _ = TABLE[method, path]
    reply = await call(client, method, path, sent)
    assert reply.status == status
    require_headers(reply)


@pytest.mark.parametrize(("method", "path"), TABLE)
async def test_a_user(account: Account, method: str, path: str):
    sent, _, status = TABLE[method, path]
    reply = await call(account.client, method, path, sent)
    assert reply.status == status
    require_headers(reply)


@pytest.mark.parametrize(("method", "path"), [row for row, given in TABLE.items() if given[1] != given[2]])
@pytest.mark.parametrize("body", [b"not JSON", b"\x00" * 100_000])
async def test_who_asks_is_found_out_before_the_body_is_looked_at(
    client: AsgiClient, method: str, path: str, body: bytes
):
    path = with_an_id(path)
    reply = await client.call(method, path, headers={"content-type": "application/json"}, body=body)
    require_error(reply, 401, "invalid_token")


@pytest.mark.parametrize(("method", "path"), TABLE)
async def test_a_method_that_a_route_does_not_have_is_refused_with_those_that_it_has(
    client: AsgiClient, method: str, path: str
):
    had = {given for given, at in TABLE if at == path}
    reply = await client.call("PROPFIND", with_an_id(path))
    require_error(reply, 405, "method_not_allowed")
    assert had <= set((reply.header("allow") or "").split(", ")) <= had | _OF_LITESTAR
    assert method in had


@pytest.mark.parametrize(("method", "path"), [row for row in TABLE if row[1].startswith("/v1/")])
async def test_a_parameter_that_a_route_does_not_have_is_refused(account: Account, method: str, path: str):
    sent, _, status = TABLE[method, path]
    reply = await call(account.client, method, f"{path}?nonsense=1", sent)
    if status == 403:
        require_error(reply, 403, "forbidden")
    else:
        details = reply.json()["error"].get("details", [])
        require_error(reply, 422, "validation_failed", details=details)
        assert [detail["field"] for detail in details] == ["nonsense"]


@pytest.mark.parametrize("path", sorted({path for _, path in TABLE}))
async def test_a_route_names_its_methods_to_who_asks_for_options(client: AsgiClient, path: str):
    reply = await client.call("OPTIONS", with_an_id(path))
    assert (reply.status, reply.body) == (204, b"")
    assert (reply.header("allow") or "").split(", ") == sorted(
        {"OPTIONS", *(given for given, at in TABLE if at == path)}
    )
    require_headers(reply)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/nothing", "/v2/me", "/docs", "/schema", "/v1/me/x", "/v1/mé"]
)
async def test_a_path_that_is_no_route_does_not_exist(account: Account, path: str):
    require_error(await account.client.get(path), 404, "not_found")


async def test_in_prod_the_api_does_not_describe_itself(http_client: HttpClient):
    for path in ("/openapi", "/openapi/openapi.json", "/openapi/swagger-ui.js", "/schema", "/docs"):
        require_error(await http_client.get(path), 404, "not_found")
