"""The pages of the web client, beside the API, under one address."""

import gzip
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.types import Message, Receive, Scope, Send

from deeper_api.app import create_app
from deeper_api.web.exports import read_export
from deeper_api.web.pages import Pages
from deeper_model import ScriptedProvider
from tests.api.shapes import require_error
from tests.api.web.exporting import FILES, PAGE, POLICY, SCRIPT, write_export
from tests.fakes.asgi import AsgiClient, running_application
from tests.fakes.exchanges import Reply, sign_up
from tests.fixtures.applications import LogLines, config_for

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
CHUNK = "/_next/static/chunks/0a1b.js"


async def teapot(_: Scope, __: Receive, send: Send) -> None:
    """An API that answers nothing."""
    await send(cast("Message", {"type": "http.response.start", "status": 418, "headers": []}))
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.fixture
async def site(accounts_url: str, tmp_path: Path) -> AsyncGenerator[AsgiClient]:
    """A client of a server with pages."""
    export = read_export(write_export(tmp_path / "out"))
    app = create_app(config_for(accounts_url), provider=ScriptedProvider(), export=export)
    async with running_application(app) as client:
        yield client


def require_page(reply: Reply, title: str, status: int = 200) -> None:
    assert reply.status == status
    assert f"<title>{title}</title>" in reply.body.decode()
    assert reply.header("content-type") == "text/html; charset=utf-8"
    assert reply.header("content-security-policy") == POLICY
    assert reply.header("cache-control") == "no-cache"


@pytest.mark.parametrize(("path", "title"), [("/", "Start"), ("/chat", "Chat"), ("/chat?id=1&x=../..", "Chat")])
async def test_a_page_is_found_by_its_clean_name(site: AsgiClient, path: str, title: str):
    require_page(await site.get(path), title)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/chat/", "/chat"),
        ("/chat.html", "/chat"),
        ("/chat/index", "/chat"),
        ("/chat/?id=1&b=%2F", "/chat?id=1&b=%2F"),
        ("/index.html", "/"),
        ("/index", "/"),
    ],
)
async def test_other_names_of_a_page_lead_to_it(site: AsgiClient, path: str, location: str):
    reply = await site.get(path)
    assert (reply.status, reply.header("location"), reply.body) == (307, location, b"")


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/404", "/404.html", "/_not-found", "/csp.json", "//chat", "//chat/", "//example.com/", "/CHAT"],
)
async def test_a_browser_that_asks_for_nothing_gets_the_page_for_that(site: AsgiClient, path: str):
    require_page(await site.get(path, headers=BROWSER), "Not here", 404)


async def test_programs_that_ask_for_nothing_get_the_error_of_the_api(site: AsgiClient):
    require_error(await site.get("/nowhere"), 404, "not_found")


@pytest.mark.parametrize("path", ["/v1/nowhere", "/openai/nowhere", "/health/nowhere", "/v1", "//v1/me", "/openapi/no"])
async def test_what_is_below_the_paths_of_the_api_is_the_apis(site: AsgiClient, path: str):
    reply = await site.get(path, headers=BROWSER)
    assert reply.status in {401, 404}
    assert reply.header("content-type") == "application/json"


async def test_the_api_works_beside_its_pages(site: AsgiClient):
    account = await sign_up(site)
    assert (await account.client.get("/v1/me")).status == 200
    reply = await site.get("/health", headers=BROWSER)
    assert reply.header("content-security-policy") == "default-src 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_pages_are_only_for_reading(site: AsgiClient, method: str):
    reply = await site.call(method, "/chat")
    require_error(reply, 404, "not_found")


@pytest.mark.parametrize("path", ["/chat", CHUNK, "/nowhere"])
async def test_head_is_get_without_the_content(site: AsgiClient, path: str):
    whole = await site.get(path, headers=BROWSER)
    head = await site.call("HEAD", path, headers=BROWSER)
    assert head.body == b""
    assert head.header("content-length") == str(len(whole.body))
    both = [[each for each in reply.headers if each[0] != "x-request-id"] for reply in (whole, head)]
    assert both[0] == both[1]


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/chat.txt", "text/plain; charset=utf-8"),
        ("/chat/__next._full.txt", "text/plain; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/theme.js", "text/javascript; charset=utf-8"),
        (CHUNK, "text/javascript; charset=utf-8"),
        ("/_next/static/media/letters.woff2", "font/woff2"),
    ],
)
async def test_files_have_the_type_of_what_they_are(site: AsgiClient, path: str, media_type: str):
    reply = await site.get(path)
    assert reply.status == 200
    assert reply.body.decode() == FILES[path.removeprefix("/")]
    assert reply.header("content-type") == media_type
    assert reply.header("x-content-type-options") == "nosniff"


async def test_what_has_its_hash_in_its_name_is_kept_for_ever_and_nothing_else(site: AsgiClient):
    kept = {path: (await site.get(path)).header("cache-control") for path in (CHUNK, "/theme.js", "/chat", "/chat.txt")}
    assert kept.pop(CHUNK) == "public, max-age=31536000, immutable"
    assert set(kept.values()) == {"no-cache"}


async def test_what_a_browser_has_is_not_sent_again(site: AsgiClient):
    first = await site.get("/chat")
    tag = first.header("etag")
    for known in (tag, f'"other", W/{tag}', "*"):
        again = await site.get("/chat", headers={"if-none-match": known})
        assert (again.status, again.body) == (304, b"")
        # What it says is what the browser goes by from now on.
        for name in ("etag", "content-security-policy", "cache-control", "vary"):
            assert again.all(name) == first.all(name)
    assert (await site.get("/chat", headers={"if-none-match": '"other"'})).body == PAGE.encode()


async def test_what_is_not_there_is_never_not_modified(site: AsgiClient):
    tag = (await site.get("/nowhere", headers=BROWSER)).header("etag")
    assert (await site.get("/nowhere", headers=BROWSER | {"if-none-match": tag})).status == 404


async def test_scripts_are_compressed_for_those_who_can_read_it(site: AsgiClient):
    plain = await site.get(CHUNK)
    packed = await site.get(CHUNK, headers={"accept-encoding": "br, GZIP;q=0.5"})
    assert packed.header("content-encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body == SCRIPT.encode()
    assert packed.header("content-length") == str(len(packed.body))
    assert packed.header("etag") != plain.header("etag")
    assert "accept-encoding" in packed.all("vary")
    assert "accept-encoding" in plain.all("vary")


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0", "notgzip"])
async def test_others_get_scripts_as_they_are(site: AsgiClient, accepted: str):
    reply = await site.get(CHUNK, headers={"accept-encoding": accepted})
    assert reply.all("content-encoding") == []
    assert reply.body == SCRIPT.encode()


async def test_fonts_and_what_is_short_are_not_compressed(site: AsgiClient):
    for path in ("/_next/static/media/letters.woff2", "/theme.js"):
        reply = await site.get(path, headers={"accept-encoding": "gzip"})
        assert reply.all("content-encoding") == []
        assert "accept-encoding" not in reply.all("vary")


async def test_a_range_is_answered_with_the_whole(site: AsgiClient):
    reply = await site.get(CHUNK, headers={"range": "bytes=0-9"})
    assert (reply.status, reply.body) == (200, SCRIPT.encode())
    assert reply.header("accept-ranges") == "none"


async def test_the_log_tells_of_pages_and_not_of_each_file(site: AsgiClient, log_lines: LogLines):
    for path in ("/chat?id=canary", CHUNK, "/theme.js", "/canary"):
        await site.get(path, headers=BROWSER)
    routes = [(line["route"], line["status"]) for line in log_lines.of("deeper.requests")]
    assert routes == [("/chat", 200), ("(none)", 404)]


PARTS = st.sampled_from(
    [
        "..",
        ".",
        "",
        "chat",
        "index",
        "csp.json",
        "secret",
        "%2e%2e",
        "..\\",
        "_next",
        "~",
        "\0",
        "é",
        "chat.html",
        "etc",
    ]
)


@given(parts=st.lists(PARTS, max_size=8), end=st.sampled_from(["", "/", ".html", "\\", "%00"]))
async def test_no_path_leads_out_of_an_export(tmp_path_factory: pytest.TempPathFactory, parts: list[str], end: str):
    folder = tmp_path_factory.mktemp("site")
    (folder / "secret").write_text("canary")
    (folder / "secret.html").write_text("canary")
    client = AsgiClient(Pages(teapot, read_export(write_export(folder / "out")), {"v1"}), {})
    reply = await client.get("/" + "/".join(parts) + end)
    assert reply.body in {b"", *(content.encode() for content in FILES.values())}
    assert reply.status in {200, 307, 418}
