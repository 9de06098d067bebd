"""deploy/nginx before the API and pages: what it hands on."""

import re

import pytest
from granian.http import HTTP1Settings

from deeper_core import ErrorCode
from deeper_model.conformance import Peer, running_upstream
from tests.api.durability.models import DictatedModel
from tests.api.durability.viewers import asking, following, question
from tests.deploy.conftest import OpenDoor
from tests.deploy.doors import GONE, SOURCE, through
from tests.deploy.refusals import HEADERS, assert_refusal
from tests.fakes.exchanges import Client, sign_up
from tests.fakes.http import open_client
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import Backend, StartServer


async def page(peer: Peer) -> None:
    """Answer as the web client does with a page of text."""
    headers = ["Content-Security-Policy: script-src 'self'", "X-Powered-By: somebody"]
    await peer.reply(200, b"<p>text</p>" * 1_000, "text/html", *headers)


async def file(peer: Peer) -> None:
    """Answer as Next does with a file that has its hash in its name: without a security header."""
    await peer.reply(
        200, b"let a;" * 1_000, "application/javascript", "Cache-Control: public, max-age=31536000, immutable"
    )


# What it hands on


async def test_what_the_api_says_of_itself_arrives_once_and_unchanged(open_door: OpenDoor, backend: Backend):
    async with through(open_door([backend.url])) as client:
        user = (await sign_up(client)).client
        for reply in (await client.get("/health"), await client.get("/v1/me"), await user.get("/v1/me")):
            assert {name: reply.header(name) for name in HEADERS} == HEADERS
            assert reply.header("x-request-id")
        assert user.token is not None


async def test_the_api_is_below_its_own_paths_and_below_api(open_door: OpenDoor, backend: Backend):
    async with through(open_door([backend.url])) as client:
        user = (await sign_up(client)).client
        for path in ("/v1/me", "/api/v1/me", "/health", "/api/health"):
            assert (await user.get(path)).status == 200, path
        for path in ("/openai/v1/chat/completions", "/api/openai/v1/chat/completions"):
            assert (await user.post(path, {})).json()["error"]["type"] == "invalid_request_error", path
        found = await user.get("/api/v1/search?q=%C3%A4%20%26%20b")
        assert (found.status, found.json()["items"]) == (200, [])


async def test_pages_keep_their_own_policy_and_get_what_they_lack(open_door: OpenDoor):
    async with running_upstream(page) as web, through(open_door([GONE], web.url)) as client:
        reply = await client.get("/login")
    assert reply.status == 200
    expected = HEADERS | {"content-security-policy": "script-src 'self'"}
    del expected["cache-control"]  # of a page that says nothing
    assert {name: reply.header(name) for name in expected} == expected
    assert reply.header("x-powered-by") is None


async def test_files_that_never_change_stay_in_caches(open_door: OpenDoor):
    async with running_upstream(file) as web, through(open_door([GONE], web.url)) as client:
        reply = await client.get("/_next/static/chunks/a.js", headers={"accept-encoding": "gzip"})
    assert reply.all("cache-control") == ["public, max-age=31536000, immutable"]
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("content-encoding") == "gzip"
    assert reply.header("vary") == "Accept-Encoding"


async def test_what_has_tokens_in_it_is_not_compressed(open_door: OpenDoor):
    async def tokens(peer: Peer) -> None:
        await peer.reply(200, b'{"access_token": "x"}' * 1_000)

    async with running_upstream(tokens) as api, through(open_door([api.url])) as client:
        wants = {"accept-encoding": "gzip"}
        secret = [
            await client.get(path, headers=wants) for path in ("/v1/auth/login", "/v1/api-keys", "/v1/me/password")
        ]
        other = await client.get("/v1/models", headers=wants)
    assert [reply.header("content-encoding") for reply in secret] == [None] * 3
    assert other.header("content-encoding") == "gzip"
    assert other.body == secret[0].body


async def test_what_a_client_says_of_its_address_is_overwritten(open_door: OpenDoor):
    names = ("x-forwarded-for", "x-real-ip", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "forwarded")
    async with running_upstream(page) as api:
        door = open_door([api.url])
        async with through(door) as client:
            await client.get("/v1/models", headers=dict.fromkeys(names, "203.0.113.9") | {"proxy": "http://evil"})
    given = api.requests[0].headers
    host = f"localhost:{door.port}"
    assert [given.get(name) for name in names] == ["127.0.0.1", "127.0.0.1", host, "https", None, None]
    assert (given["host"], given.get("proxy")) == (host, None)


async def test_the_limits_of_the_api_count_for_the_real_address(open_door: OpenDoor, start_server: StartServer):
    server = start_server(
        DEEPER_SERVER_TRUSTED_PROXIES="127.0.0.1",
        DEEPER_LIMITS_ENABLED="true",
        DEEPER_LIMITS_ANONYMOUS_PER_MINUTE="1",
        DEEPER_LIMITS_ANONYMOUS_BURST="2",
    )
    async with through(open_door([server.url])) as client:
        made_up = [await client.get("/v1/me", headers={"x-forwarded-for": f"203.0.113.{n}"}) for n in range(3)]
    assert [reply.status for reply in made_up] == [401, 401, 429]
    assert len(made_up[-1].all("retry-after")) == 1
    assert int(made_up[-1].header("retry-after") or "0") > 1  # the API's own, and not that of nginx


@pytest.mark.parametrize(("sent", "kept"), [("abc-123", True), ("not sane", False), ("x" * 129, False)])
async def test_one_id_is_in_the_response_the_api_and_the_log(open_door: OpenDoor, sent: str, kept: bool):
    async with running_upstream(page) as api:
        door = open_door([api.url])
        async with through(door) as client:
            reply = await client.get("/v1/models?token=secret", headers={"x-request-id": sent})
    given = api.requests[0].headers["x-request-id"]
    assert (given == sent) is kept
    assert reply.header("x-request-id") == given
    # It is written after the response.
    wait_until(lambda: f'"request_id":"{given}"' in door.log())
    assert "secret" not in door.log()


async def test_what_people_search_for_is_in_no_log_whatever_happens(open_door: OpenDoor):
    door = open_door([GONE], changes={"rate=50r/s": "rate=1r/m", "burst=200": "burst=2"})
    async with through(door) as client:
        sent = {"referer": "https://localhost/chat?q=secret", "x-request-id": "searched"}
        statuses = {(await client.get("/v1/search?q=secret", headers=sent)).status for _ in range(5)}
    assert statuses == {502, 429}
    wait_until(lambda: door.log().count('"path":"/v1/search"') == 5)
    assert "secret" not in door.log() + door.errors()


async def test_a_browser_that_comes_without_tls_is_sent_to_where_there_is(open_door: OpenDoor):
    door = open_door([GONE])
    async with open_client(door.plain_url) as client:
        reply = await client.get("/chat?id=1")
        missing = await client.get("/.well-known/acme-challenge/none")
        folder = door.folder("acme/.well-known/acme-challenge")
        folder.mkdir(parents=True)
        (folder / "some").write_text("challenge")
        found = await client.get("/.well-known/acme-challenge/some")
    assert (reply.status, reply.header("location")) == (308, "https://localhost/chat?id=1")
    assert reply.header("strict-transport-security") is None  # RFC 6797 section 7.2
    assert (missing.status, found.status, found.body) == (404, 200, b"challenge")


# Streams


def test_connections_that_nginx_keeps_are_given_up_before_the_api_closes_them():
    kept = re.findall(r"keepalive_timeout (\d+)s", (SOURCE / "upstreams.conf").read_text())
    assert kept
    assert all(int(seconds) * 1_000 < HTTP1Settings().header_read_timeout for seconds in kept)


@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_each_piece_of_an_answer_comes_when_the_model_says_it(open_door: OpenDoor, backend: Backend, prefix: str):
    model = DictatedModel()
    async with backend.model(model.play), through(open_door([backend.url])) as door:
        user: Client = door.at(door.url + prefix).as_user((await sign_up(door)).access_token)
        wants = {"accept-encoding": "gzip", "accept": "text/event-stream"}
        async with user.open("POST", "/v1/chat", question("?"), headers=wants) as exchange:
            answer = await model.asked("?")
            assert (await exchange.head()).header("content-encoding") is None
            for text in ("one", "two", "three"):
                await answer.say(text)
                await exchange.read_until(text.encode())
            await answer.end()
            await exchange.rest()


async def test_a_client_that_leaves_frees_the_model_server(open_door: OpenDoor, backend: Backend):
    model = DictatedModel()
    async with backend.model(model.play) as upstream, through(open_door([backend.url])) as door:
        user = (await sign_up(door)).client
        async with user.open("POST", "/v1/chat", question("?")) as exchange:
            await (await model.asked("?")).say("one")
            await exchange.read_until(b"one")
        await upstream.until_left()


# Several replicas


async def test_an_answer_is_gone_on_with_at_another_replica(
    open_door: OpenDoor, backend: Backend, second_backend: Backend
):
    model = DictatedModel()
    door = open_door([backend.url, second_backend.url])
    async with backend.model(model.play), through(door) as client:
        user = client.as_user((await sign_up(client)).access_token)
        async with asking(user, question("?", store=True)) as asked:
            seen = await asked.until_begun()
            answer = await model.asked("?")
            await answer.say("before ")
            await asked.until_said("before ")
        for text in ("between ", "after"):
            async with following(user, seen.generation_id, seen) as viewer:
                await answer.say(text)
                await viewer.until_said(text)
        await answer.end()
        async with following(user, seen.generation_id, seen) as viewer:
            await viewer.until_last()
    assert seen.text == answer.text
    for url in (backend.url, second_backend.url):
        wait_until(lambda url=url: f'"upstream":"{url.removeprefix("http://")}"' in door.log())


async def test_an_answer_is_cancelled_by_way_of_any_replica(
    open_door: OpenDoor, backend: Backend, second_backend: Backend
):
    model = DictatedModel()
    async with backend.model(model.play), through(open_door([backend.url, second_backend.url])) as client:
        user = client.as_user((await sign_up(client)).access_token)
        for n in range(4):
            async with asking(user, question(f"{n}?", store=True)) as asked:
                generation = (await asked.until_begun()).generation_id
                answer = await model.asked(f"{n}?")
                assert (await user.post(f"/v1/generations/{generation}/cancel")).status == 200
                await answer.left.wait()
                assert (await asked.until_last()).outcome == "cancelled"


async def test_a_replica_that_is_gone_is_passed_over_whatever_is_asked(open_door: OpenDoor, backend: Backend):
    async with through(open_door([GONE, backend.url])) as client:
        user = (await sign_up(client)).client
        for _ in range(4):
            assert (await user.get("/v1/me")).status == 200
            assert (await user.post("/v1/conversations", {"title": "new"})).status == 201


async def test_a_request_that_a_replica_may_have_begun_is_not_made_twice(open_door: OpenDoor):
    async def die(peer: Peer) -> None:
        peer.reset()

    async with running_upstream(die) as first, running_upstream(die) as second:
        async with through(open_door([first.url, second.url])) as client:
            reply = await client.post("/v1/chat", {"model": "m", "messages": []})
        assert len(first.requests + second.requests) == 1
    assert_refusal(reply, 502, ErrorCode.OVERLOADED)


# The configuration itself


@pytest.mark.parametrize("directive", ["add_header", "proxy_set_header"])
def test_nothing_is_lost_by_a_header_of_a_location(directive: str):
    places = {path.name for path in SOURCE.glob("*.conf") if re.search(rf"(?m)^\s*{directive}\b", path.read_text())}
    assert places == {"headers.conf" if directive == "add_header" else "proxy.conf"}


def test_nothing_that_streams_is_compressed():
    types = re.findall(r"(?:gzip|brotli)_types (.*);", (SOURCE / "compression.conf").read_text())
    assert len(types) == 2
    assert types[0] == types[1]
    assert not re.search(r"event-stream|ndjson|\*", types[0])
