"""deploy/nginx before the API: what it refuses itself, and what it says then."""

import re

import pytest

from deeper_api.errors import STATUS
from deeper_core import ErrorCode
from deeper_model.conformance import Peer, running_upstream
from tests.deploy.conftest import OpenDoor
from tests.deploy.doors import GONE, SOURCE, through
from tests.deploy.refusals import HEADERS, assert_refusal
from tests.fakes.exchanges import sign_up
from tests.fakes.http import send_raw
from tests.fixtures.servers import Backend

MIB = 2**20


async def test_what_is_closed_is_not_found(open_door: OpenDoor, backend: Backend):
    async with through(open_door([backend.url])) as client:
        for path in ("/metrics", "/health/ready", "/api/metrics", "/api/health/ready", "/api/", "/v1/../metrics"):
            assert_refusal(await client.get(path), 404, ErrorCode.NOT_FOUND)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "//health/ready",
            "/health//ready",
            "/./health/ready",
            "/health/x/../ready",
            "/health/ready/",
            "/health/ready;x",
        ),
        *("/%68ealth/ready", "/health%2Fready", "/health/ready%20", "/health/ready%0A", "/v1/%2e%2e/health/ready"),
        *(
            "/v1/..%2fhealth/ready",
            "/v1/..;/health/ready",
            "/v1/..\\health/ready",
            "/api/v1/%2e%2e/%2e%2e/health/ready",
        ),
        *("/api/v1/..%2f..%2fhealth/ready", "/health/ready/../../v1/../health/ready", "http://localhost/health/ready"),
    ],
)
async def test_no_spelling_of_a_path_opens_what_is_closed(open_door: OpenDoor, backend: Backend, path: str):
    door = open_door([backend.url])
    sent = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    reply = await send_raw(door.url, sent, certificate=door.certificate)
    assert (reply.status, reply.json()["error"]["code"]) == (404, ErrorCode.NOT_FOUND)


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/api", "/api/v1", "/openai/v1", "/v1/auth", "/v1/me/"])
async def test_no_path_of_the_api_is_led_to_another(open_door: OpenDoor, backend: Backend, path: str):
    async with through(open_door([backend.url])) as client:
        reply = await client.get(path)
    assert (reply.status, reply.header("content-type")) in {(404, "application/json"), (401, "application/json")}


async def test_a_body_that_is_too_large_is_refused_with_and_without_a_length(open_door: OpenDoor, backend: Backend):
    async with through(open_door([backend.url])) as client:
        user = (await sign_up(client)).client
        json = {"content-type": "application/json"}
        fits = await user.post("/v1/chat", body=b" " * 2 * MIB, headers=json)
        assert fits.status == 400  # by the API, for it is no JSON
        for body in (b" " * (2 * MIB + 1), [b" " * MIB] * 3):
            assert_refusal(await user.post("/v1/chat", body=body, headers=json), 413, ErrorCode.BODY_TOO_LARGE)


async def test_an_import_may_have_eight_mebibytes(open_door: OpenDoor, backend: Backend):
    async with through(open_door([backend.url])) as client:
        user = (await sign_up(client)).client
        json = {"content-type": "application/json"}
        for path in ("/v1/conversations/import", "/api/v1/conversations/import"):
            fits = await user.post(path, body=b" " * 8 * MIB, headers=json)
            assert fits.status == 400  # by the API, for it is no JSON
            over = await user.post(path, body=b" " * (8 * MIB + 1), headers=json)
            assert_refusal(over, 413, ErrorCode.BODY_TOO_LARGE)


@pytest.mark.parametrize("path", ["/v1/chat", "/v1/conversations/import", "/api/v1/chat"])
async def test_strangers_are_refused_before_they_have_sent_what_is_large(
    open_door: OpenDoor, backend: Backend, path: str
):
    door = open_door([backend.url])
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n"
    reply = await send_raw(door.url, head.encode(), b" " * 100_000, certificate=door.certificate)
    assert reply.status == 401


async def test_who_is_refused_learns_that_however_much_was_sent(open_door: OpenDoor, backend: Backend):
    json = {"content-type": "application/json"}
    async with through(open_door([backend.url])) as client:
        for _ in range(10):
            reply = await client.post("/v1/conversations/import", body=b" " * 8 * MIB, headers=json)
            assert reply.status == 401


async def test_what_needs_no_large_body_takes_none(open_door: OpenDoor, backend: Backend):
    json = {"content-type": "application/json"}
    async with through(open_door([backend.url])) as client:
        for path in ("/v1/auth/login", "/v1/api-keys", "/api/v1/auth/signup"):
            fits = await client.post(path, body=b" " * 64 * 1024, headers=json)
            assert fits.status in {400, 401}
            over = await client.post(path, body=b" " * (64 * 1024 + 1), headers=json)
            assert_refusal(over, 413, ErrorCode.BODY_TOO_LARGE)


async def test_a_flood_is_refused_with_the_time_to_come_back(open_door: OpenDoor, backend: Backend):
    door = open_door([backend.url], changes={"rate=50r/s": "rate=1r/m", "burst=200": "burst=2"})
    async with through(door) as client:
        replies = [await client.get("/health") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    assert_refusal(replies[-1], 429, ErrorCode.RATE_LIMITED)
    assert replies[-1].header("retry-after") == "1"


async def test_an_api_that_is_gone_is_said_to_be_gone(open_door: OpenDoor):
    async with through(open_door([GONE])) as client:
        reply = await client.get("/v1/models")
    assert_refusal(reply, 502, ErrorCode.OVERLOADED)
    assert reply.header("retry-after") == "2"


async def test_nothing_is_left_of_an_answer_that_broke_off_in_its_head(open_door: OpenDoor):
    async def die(peer: Peer) -> None:
        said = [f"{name}: other" for name in (*HEADERS, "retry-after", "x-request-id")]
        await peer.send("\r\n".join(["HTTP/1.1 200 OK", *said, "And th"]).encode())

    async with running_upstream(die) as api, through(open_door([api.url])) as client:
        reply = await client.get("/v1/models")
    assert_refusal(reply, 502, ErrorCode.OVERLOADED)
    assert reply.header("retry-after") == "2"


async def test_an_api_that_says_nothing_is_not_waited_for_without_end(open_door: OpenDoor):
    async with running_upstream(Peer.wait_gone) as silent:
        door = open_door([silent.url], changes={"proxy_read_timeout 60s": "proxy_read_timeout 1s"})
        async with through(door) as client:
            reply = await client.get("/v1/models")
    assert_refusal(reply, 504, ErrorCode.OVERLOADED)
    assert reply.header("retry-after") == "2"


MALFORMED = {
    "no host": b"GET / HTTP/1.1",
    "a bad host": b"GET / HTTP/1.1\r\nHost: a b",
    "a long header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000,
    "a long address": b"GET /%s HTTP/1.1\r\nHost: a" % (b"x" * 70_000),
    "no path": b"GET me HTTP/1.1\r\nHost: a",
    "a bad escape": b"GET /%zz HTTP/1.1\r\nHost: a",
    "NUL in the path": b"GET /%00 HTTP/1.1\r\nHost: a",
    "no method": b"/ HTTP/1.1\r\nHost: a",
    "a new version": b"GET / HTTP/3.0\r\nHost: a",
    "an unknown coding": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: other",
    "CONNECT": b"CONNECT a:443 HTTP/1.1\r\nHost: a",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: a",
}


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_malformed_request_is_refused_in_the_same_form(open_door: OpenDoor, encrypted: bool):
    door = open_door([GONE])
    for name, sent in MALFORMED.items():
        url, trust = (door.url, door.certificate) if encrypted else (door.plain_url, None)
        reply = await send_raw(url, sent, b"\r\n\r\n", certificate=trust)
        wanted = (405, ErrorCode.METHOD_NOT_ALLOWED) if name == "TRACE" else (400, ErrorCode.INVALID_REQUEST)
        assert_refusal(reply, *wanted, encrypted=encrypted)


async def test_whoever_does_not_encrypt_where_that_is_expected_is_refused(open_door: OpenDoor):
    door = open_door([GONE])
    reply = await send_raw(door.url.replace("https:", "http:"), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert_refusal(reply, 400, ErrorCode.INVALID_REQUEST, encrypted=False)


def test_every_code_of_nginx_is_one_of_the_apis():
    codes = re.findall(r"(\d+) (\w+);", (SOURCE / "refusals.conf").read_text())
    assert {int(status): code for status, code in codes if STATUS[ErrorCode(code)] != int(status)} == {
        502: "overloaded",
        504: "overloaded",
    }
