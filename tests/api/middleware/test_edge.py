"""Request ids, log lines and headers, on every response."""

import re

import pytest

from tests.api.shapes import ANY_ID, require_error, require_headers
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account
from tests.fakes.http import HttpClient, send_raw
from tests.fixtures.applications import LogLines
from tests.fixtures.servers import Backend

SANE = [
    "1",
    "a" * 128,
    "01a20482-d7de-70e5-80a5-ac2fa063d6d2",
    "Root=1-67891233-abcdef012345678912345678",
    "a.b_c:d/e+f",
]
HOSTILE = [
    "",
    " ",
    "a" * 129,
    "a b",
    "a\tb",
    "\x1b[31mred",
    "{}",
    '"',
    "<script>",
    "é",
    "a,b",
    "%0d%0aSet-Cookie",
    "a;b",
]


@pytest.mark.parametrize("given", SANE)
async def test_a_sane_request_id_is_kept(client: AsgiClient, log_lines: LogLines, given: str):
    reply = await client.get("/nothing", headers={"x-request-id": given})
    assert reply.header("x-request-id") == given
    require_error(reply, 404, "not_found")
    assert [line["request_id"] for line in log_lines.of("deeper.requests")] == [given]


@pytest.mark.parametrize("given", HOSTILE)
async def test_a_hostile_request_id_is_replaced(client: AsgiClient, log_lines: LogLines, given: str):
    reply = await client.get("/nothing", headers={"x-request-id": given})
    assert reply.header("x-request-id") == ANY_ID
    assert [line["request_id"] for line in log_lines.of("deeper.requests")] == reply.all("x-request-id")


async def test_each_request_without_an_id_gets_one_of_its_own(client: AsgiClient):
    ids = {(await client.get("/health")).header("x-request-id") for _ in range(5)}
    assert len(ids) == 5


async def test_a_request_is_one_line_of_the_log(account: Account, log_lines: LogLines):
    reply = await account.client.get("/v1/search?q=canary", headers={"user-agent": "canary"})
    (line,) = [line for line in log_lines.of("deeper.requests") if line["route"] == "/v1/search"]
    assert line.pop("latency_ms") >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert line == {
        "level": "info",
        "logger": "deeper.requests",
        "message": "request",
        "method": "GET",
        "route": "/v1/search",
        "status": 200,
        "request_id": reply.header("x-request-id"),
        "user_id": account.user["id"],
    }
    assert "canary" not in "".join(log_lines.text)


async def test_the_log_names_the_template_of_a_route_and_never_the_path(account: Account, log_lines: LogLines):
    await account.client.delete("/v1/auth/sessions/019a0000-0000-7000-8000-000000000000")
    await account.client.get("/canary")
    routes = [line["route"] for line in log_lines.of("deeper.requests")][-2:]
    assert routes == ["/v1/auth/sessions/{session_id}", "(none)"]


@pytest.mark.parametrize("path", ["/health", "/nonsense", "/v1/me"])
async def test_head_is_get_without_the_content(client: AsgiClient, path: str):
    whole, head = await client.get(path), await client.call("HEAD", path)
    assert (head.status, head.body) == (whole.status, b"")
    for name in ("content-type", "content-length", "www-authenticate"):
        assert head.header(name) == whole.header(name)


async def test_behind_granian_head_has_no_content(http_client: HttpClient):
    reply = await http_client.call("HEAD", "/health")
    assert (reply.status, reply.body) == (200, b"")


async def test_the_log_says_head(client: AsgiClient, log_lines: LogLines):
    await client.call("HEAD", "/v1/me")
    assert log_lines.of("deeper.requests")[-1]["method"] == "HEAD"


async def test_probes_are_not_logged(client: AsgiClient, log_lines: LogLines):
    await client.get("/health")
    assert log_lines.text == []


async def test_state_of_one_request_never_reaches_another(account: Account, client: AsgiClient, log_lines: LogLines):
    await account.client.get("/v1/me")
    await client.get("/v1/me")
    assert ["user_id" in line for line in log_lines.of("deeper.requests")][-2:] == [True, False]


@pytest.mark.parametrize("status", [200, 401, 404, 405, 415, 422])
async def test_granian_passes_every_header_on(http_account: Account, http_client: HttpClient, status: int):
    reply = {
        200: lambda: http_account.client.get("/v1/me"),
        401: lambda: http_client.get("/v1/me"),
        404: lambda: http_client.get("/nothing"),
        405: lambda: http_client.call("PATCH", "/v1/me"),
        415: lambda: http_client.post("/v1/auth/login", body=b"x"),
        422: lambda: http_client.post("/v1/auth/login", {}),
    }[status]
    answer = await reply()
    assert answer.status == status
    require_headers(answer)


@pytest.mark.parametrize(
    "line",
    [
        b"GET /nope%0d%0aFAKE HTTP/1.1\r\nHost: x",
        b"GET /nope HTTP/1.1\r\nHost: x\r\nX-Request-ID: \x1b[31mFAKE",
        b"GET /nope HTTP/1.1\r\nHost: x\r\nUser-Agent: FAKE\x1b[2J" + b"A" * 8_000,
        b"GET /nope?FAKE=%1b%5b HTTP/1.1\r\nHost: x\r\nCookie: FAKE=\xff",
    ],
)
async def test_nothing_that_a_client_sends_forges_a_line_of_the_log(backend: Backend, line: bytes):
    reply = await send_raw(backend.url, line + b"\r\nConnection: close\r\n\r\n")
    assert reply.status in {400, 404}
    log = backend.process.log()  # which reads every line as JSON
    assert "FAKE" not in "".join(str(entry) for entry in log)
    assert "\x1b" not in backend.process.output()


def raw(version: str, *headers: str) -> bytes:
    """A request that changes nothing."""
    return "\r\n".join((f"GET /health HTTP/{version}", *headers, "", "")).encode("latin-1")


@pytest.mark.parametrize(
    "sent",
    [
        raw("1.1"),
        raw("1.1", "Host:"),
        raw("1.1", "Host: a", "Host: a"),
        raw("1.1", "Host: a", "host: b"),
        raw("1.0", "Host: a", "Host: b"),
        raw("1.1", "Host: a b"),
        raw("1.1", "Host: a/b"),
        raw("1.1", "Host: a@b"),
        raw("1.1", "Host: <script>"),
        raw("1.1", "Host: \xe9"),
    ],
)
async def test_a_request_that_does_not_name_its_host_once_is_refused(backend: Backend, sent: bytes):
    reply = await send_raw(backend.url, sent)
    require_error(reply, 400, "invalid_request")
    require_headers(reply)


@pytest.mark.parametrize(
    "sent",
    [
        raw("1.0"),
        raw("1.0", "Host: a"),
        raw("1.1", "Host: deeper.example:8080"),
        raw("1.1", "Host: my_service"),
        raw("1.1", "Host: [::1]:8080"),
        raw("1.1", "Host: 127.0.0.1"),
    ],
)
async def test_a_request_that_names_its_host_or_is_older_than_that_is_served(backend: Backend, sent: bytes):
    assert (await send_raw(backend.url, sent)).status == 200
