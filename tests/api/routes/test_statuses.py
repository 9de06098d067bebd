"""What holds for every response, whatever its status, and for every body that has to do with accounts."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from deeper_core import ErrorCode, ModelServerFailed, ModelServerOverloaded, ModelServerTimedOut
from deeper_model import ScriptedProvider
from tests.api.routes.test_chat import QUESTION
from tests.api.routes.test_table import TABLE, with_an_id
from tests.api.shapes import require_error, require_headers
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Client, Reply, credentials

LIMIT = 64 * 1024
JSON = {"content-type": "application/json"}
WHOLE = QUESTION | {"stream": False}

# Requests that get each status, of somebody who is signed in.
STATUSES: dict[int, Callable[[Client], Awaitable[Reply]]] = {
    200: lambda client: client.get("/v1/me"),
    201: lambda client: client.post("/v1/conversations", {}),
    204: lambda client: client.delete("/v1/auth/sessions"),
    400: lambda client: client.post("/v1/chat", headers=JSON, body=b"{"),
    401: lambda client: client.as_user("nobody").get("/v1/me"),
    403: lambda client: client.post("/v1/auth/refresh", headers={"cookie": "__Host-deeper_refresh=x", "origin": "x:"}),
    404: lambda client: client.get("/v1/nothing"),
    405: lambda client: client.put("/v1/me"),
    413: lambda client: client.post("/v1/auth/login", headers=JSON, body=b" " * (LIMIT + 1)),
    415: lambda client: client.post("/v1/chat", headers={"content-type": "text/plain"}, body=b"{}"),
    422: lambda client: client.post("/v1/chat", {}),
}
# Methods that no route has by itself, and paths with and without routes for GET.
METHODS = ["HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "X" * 1_000]
PATHS = ["/health", "/v1/me", "/v1/chat", "/v1/nothing", "*", "/openapi/openapi.json"]
# Of the model server's failures, one for each status.
FAILURES = {502: ModelServerFailed(), 503: ModelServerOverloaded(retry_after=1), 504: ModelServerTimedOut()}


@pytest.mark.parametrize("status", STATUSES)
async def test_every_status_comes_with_every_header(account: Account, status: int):
    reply = await STATUSES[status](account.client)
    assert reply.status == status
    require_headers(reply)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
async def test_every_method_comes_with_every_header(account: Account, client: AsgiClient, method: str, path: str):
    for asking in (account.client, client):
        reply = await asking.call(method, path)
        assert reply.status in {200, 204, 401, 404, 405}
        require_headers(reply)


@pytest.mark.parametrize("status", FAILURES)
async def test_failures_of_the_model_server_come_with_every_header(
    account: Account, scripted: ScriptedProvider, status: int
):
    scripted.play(FAILURES[status])
    reply = await account.client.post("/v1/chat", WHOLE)
    require_error(reply, status, FAILURES[status].code.value)


async def test_an_address_that_is_taken_comes_with_every_header(client: AsgiClient):
    given = credentials()
    await client.post("/v1/auth/signup", given)
    require_error(await client.post("/v1/auth/signup", given), 409, ErrorCode.EMAIL_TAKEN.value)


async def test_a_fault_of_ours_comes_with_every_header(
    account: Account, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
):
    async def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(scripted, "list_models", broken)
    require_error(await account.client.get("/v1/models"), 500, "internal_error")


def about_accounts(method: str, path: str) -> bool:
    # The body of a refresh may be missing, and is so in the table.
    has_body = TABLE[method, path][0] is not None or path == "/v1/auth/refresh"
    return path.startswith(("/v1/auth/", "/v1/me", "/v1/api-keys")) and has_body


@pytest.mark.parametrize(("method", "path"), [row for row in TABLE if about_accounts(*row)])
@pytest.mark.parametrize("as_chunks", [False, True])
async def test_a_body_about_accounts_has_64_kib_at_most(account: Account, method: str, path: str, as_chunks: bool):
    for size, is_too_large in ((LIMIT, False), (LIMIT + 1, True)):
        body = b"{}".ljust(size)
        sent = [body[:1_000], body[1_000:]] if as_chunks else body
        reply = await account.client.call(method, with_an_id(path), headers=JSON, body=sent)
        assert (reply.status == 413) is is_too_large
        require_headers(reply)


def test_there_are_bodies_about_accounts():
    found = {path for method, path in TABLE if about_accounts(method, path)}
    assert found >= {"/v1/auth/signup", "/v1/auth/login", "/v1/auth/refresh", "/v1/me", "/v1/me/password"}


async def test_a_stream_comes_with_every_header(account: Account):
    async with asyncio.timeout(30):
        reply = await account.client.post("/v1/chat", QUESTION)
    assert reply.status == 200
    require_headers(reply)
