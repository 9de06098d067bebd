"""Pages of other origins."""

from collections.abc import AsyncGenerator

import pytest
from msgspec.structs import replace
from opentelemetry.metrics import NoOpMeterProvider

from deeper_api.middleware import edge
from deeper_api.middleware.edge import Edge
from deeper_api.telemetry.requests import Requests
from deeper_model import ScriptedProvider
from tests.api.routes.test_chat import QUESTION
from tests.api.shapes import require_error, require_headers
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Reply
from tests.fixtures.applications import ALLOWED_ORIGIN, application, config_for

FOREIGN = [
    "https://evil.example",
    "null",
    "",
    "*",
    f"{ALLOWED_ORIGIN}.evil.example",
    f"{ALLOWED_ORIGIN}:443",
    f"{ALLOWED_ORIGIN}/",
    ALLOWED_ORIGIN.upper(),
    ALLOWED_ORIGIN.replace("https", "http"),
    "https://evil-chat.example.com",
    f"{ALLOWED_ORIGIN}, {ALLOWED_ORIGIN}",
]


def sharing(reply: Reply) -> dict[str, str]:
    """The headers by which a browser decides; ``Vary`` must be there in any case."""
    assert reply.all("vary") == ["Origin"]
    prefix = "access-control-"
    return {name.removeprefix(prefix): value for name, value in reply.headers if name.startswith(prefix)}


def preflight(method: str = "POST", origin: str = ALLOWED_ORIGIN) -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization, content-type",
    }


SHARED = {
    "allow-origin": ALLOWED_ORIGIN,
    "allow-credentials": "true",
    "expose-headers": (
        "Allow, Content-Disposition, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID, X-Should-Retry"
    ),
}
PREFLIGHT = {
    "allow-origin": ALLOWED_ORIGIN,
    "allow-credentials": "true",
    "allow-headers": (
        "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, OpenAI-Organization, OpenAI-Project, User-Agent, "
        "X-Request-ID, X-Stainless-Arch, X-Stainless-Helper-Method, X-Stainless-Lang, X-Stainless-OS, "
        "X-Stainless-Package-Version, X-Stainless-Retry-Count, X-Stainless-Runtime, X-Stainless-Runtime-Version, "
        "X-Stainless-Timeout"
    ),
    "max-age": "7200",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/health", 200),
        ("HEAD", "/health", 200),
        ("GET", "/v1/me", 401),
        ("GET", "/nothing", 404),
        ("PATCH", "/v1/me", 405),
        ("POST", "/v1/auth/refresh", 401),
        ("POST", "/v1/auth/login", 400),
    ],
)
async def test_a_listed_origin_may_read_every_response(client: AsgiClient, method: str, path: str, status: int):
    reply = await client.call(method, path, headers={"origin": ALLOWED_ORIGIN})
    assert (reply.status, sharing(reply)) == (status, SHARED)
    require_headers(reply)


async def test_a_listed_origin_may_read_a_stream(account: Account):
    reply = await account.client.post("/v1/chat", QUESTION, headers={"origin": ALLOWED_ORIGIN})
    assert (reply.status, sharing(reply)) == (200, SHARED)


@pytest.mark.parametrize("origin", FOREIGN)
async def test_another_origin_may_read_nothing(client: AsgiClient, origin: str):
    for reply in (
        await client.get("/health", headers={"origin": origin}),
        await client.call("OPTIONS", "/v1/chat", headers=preflight(origin=origin)),
    ):
        assert sharing(reply) == {}


async def test_without_an_origin_a_cache_learns_that_it_matters(client: AsgiClient):
    assert sharing(await client.get("/health")) == {}


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/chat", "POST"),
        ("/v1/me", "DELETE, GET"),
        ("/v1/me/password", "PUT"),
        ("/v1/auth/sessions/019a0000-0000-7000-8000-000000000000", "DELETE"),
    ],
)
async def test_a_preflight_names_the_methods_of_the_route(client: AsgiClient, path: str, methods: str):
    reply = await client.call("OPTIONS", path, headers=preflight())
    assert (reply.status, reply.body) == (204, b"")
    assert sharing(reply) == PREFLIGHT | {"allow-methods": methods}
    require_headers(reply)


async def test_a_preflight_for_what_is_no_route_fails(client: AsgiClient):
    reply = await client.call("OPTIONS", "/v1/nothing", headers=preflight())
    require_error(reply, 404, "not_found")
    assert "allow-methods" not in sharing(reply)


async def test_what_only_asks_for_options_is_no_preflight(client: AsgiClient):
    reply = await client.call("OPTIONS", "/v1/chat", headers={"origin": ALLOWED_ORIGIN})
    assert (reply.status, sharing(reply)) == (204, SHARED)


async def test_a_failure_that_nobody_foresaw_may_be_read_too(monkeypatch: pytest.MonkeyPatch):
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(edge._error_log, "disabled", True)
    client = AsgiClient(
        Edge(broken, requests=Requests(NoOpMeterProvider().get_meter("test"), None), allowed_origins=(ALLOWED_ORIGIN,)),
        {},
    )
    reply = await client.get("/", headers={"origin": ALLOWED_ORIGIN})
    require_error(reply, 500, "internal_error")
    assert sharing(reply) == SHARED


@pytest.fixture
async def closed(accounts_url: str) -> AsyncGenerator[AsgiClient]:
    config = config_for(accounts_url)
    config = replace(config, server=replace(config.server, allowed_origins=()))
    async with application(config, ScriptedProvider()) as client:
        yield client


async def test_where_no_origin_is_listed_nothing_is_said_of_them(closed: AsgiClient):
    for reply in (
        await closed.get("/health", headers={"origin": ALLOWED_ORIGIN}),
        await closed.call("OPTIONS", "/v1/chat", headers=preflight()),
    ):
        assert not [name for name, _ in reply.headers if name == "vary" or name.startswith("access-control")]


@pytest.fixture
async def public(accounts_url: str) -> AsyncGenerator[AsgiClient]:
    config = config_for(accounts_url)
    config = replace(config, server=replace(config.server, allowed_origins=("*", ALLOWED_ORIGIN)))
    async with application(config, ScriptedProvider()) as client:
        yield client


@pytest.mark.parametrize("origin", ["https://anybody.example", "null", "*"])
async def test_any_origin_never_comes_with_credentials(public: AsgiClient, origin: str):
    shared = sharing(await public.get("/health", headers={"origin": origin}))
    assert shared == {"allow-origin": "*", "expose-headers": SHARED["expose-headers"]}
    asked = sharing(await public.call("OPTIONS", "/v1/chat", headers=preflight(origin=origin)))
    assert (asked["allow-origin"], asked.get("allow-credentials")) == ("*", None)
    assert sharing(await public.get("/health", headers={"origin": ALLOWED_ORIGIN})) == SHARED


async def test_any_origin_may_not_use_the_cookie(public: AsgiClient):
    headers = {"origin": "https://anybody.example", "cookie": "__Host-deeper_refresh=x"}
    require_error(await public.post("/v1/auth/refresh", headers=headers), 403, "forbidden")
