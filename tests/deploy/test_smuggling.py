"""Whatever is sent, one request is one request: to the API itself, and through nginx by HTTP/1.1 and HTTP/2."""

import secrets

from tests.deploy.conftest import OpenDoor
from tests.deploy.doors import Door, through
from tests.deploy.frames import Headers, ask
from tests.deploy.vectors import HIDDEN, LAST, answers, vectors
from tests.fakes.http import open_client
from tests.fixtures.postgres import wait_until
from tests.fixtures.servers import Backend


def marked(sent: bytes) -> tuple[bytes, str]:
    """Give the hidden request in ``sent`` an id that is in no log before; its length stays."""
    mark = secrets.token_hex(3)
    return sent.replace(b"hidden", mark.encode()), mark


def assert_one_request(found: list[tuple[int, str]], sent: bytes) -> None:
    """What came answers the first request, whose id may not have been understood, and at most the last one, too."""
    statuses, ids = [status for status, _ in found], [name for _, name in found]
    assert 1 <= len(found) <= 2, (sent, found)
    assert max(statuses) < 500, (sent, found)
    assert ids[1:] in ([], ["last"]), (sent, found)


async def assert_nobody_saw(backend: Backend, marks: list[str], workers: list[int]) -> None:
    """The API has answered none of the hidden requests, and lives."""
    end = f"end-{secrets.token_hex(4)}"
    async with open_client(backend.url) as client:
        assert (await client.get("/v1/me", headers={"x-request-id": end})).status == 401
    wait_until(lambda: f'"{end}"' in backend.process.output())
    assert not [mark for mark in marks if f'"{mark}"' in backend.process.output()]
    assert backend.process.workers() == workers


async def test_the_api_never_takes_one_request_for_two(backend: Backend):
    workers, marks = backend.process.workers(), list[str]()
    for vector in vectors():
        sent, mark = marked(vector)
        marks.append(mark)
        assert_one_request(await answers(backend.url, sent + LAST), sent)
    await assert_nobody_saw(backend, marks, workers)


async def test_nginx_and_the_api_agree_what_one_request_is(open_door: OpenDoor, backend: Backend):
    door = open_door([backend.url])
    workers, marks = backend.process.workers(), list[str]()
    async with through(door) as client:
        for number, vector in enumerate(vectors()):
            sent, mark = marked(vector)
            marks.append(mark)
            assert_one_request(await answers(door.url, sent + LAST, door.certificate), sent)
            # Nothing is left over for those who come after it, on the same connections to the API.
            after = await client.get("/v1/me", headers={"x-request-id": f"after-{number}"})
            assert (after.status, after.header("x-request-id")) == (401, f"after-{number}"), sent
    await assert_nobody_saw(backend, marks, workers)


_START = ((b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", b"/v1/chat"))
_JSON = (b"content-type", b"application/json")


def changed(name: bytes, value: bytes) -> Headers:
    """The request with another value of one of its first headers."""
    return [*((each, value if each == name else old) for each, old in _START), _JSON]


def with_header(name: bytes, value: bytes) -> Headers:
    return [*_START, _JSON, (name, value)]


_CRLF = b"\r\nX-Request-ID: hidden\r\n\r\n"
# Of each the headers, and the body.
OVER_HTTP2: dict[str, tuple[Headers, bytes]] = {
    "a length of nothing": (with_header(b"content-length", b"0"), HIDDEN),
    "a length that is too short": (with_header(b"content-length", b"2"), HIDDEN),
    "a length that is too long": (with_header(b"content-length", b"999"), HIDDEN),
    "a length with a sign": (with_header(b"content-length", b"+0"), HIDDEN),
    "two lengths": ([*with_header(b"content-length", b"0"), (b"content-length", b"%d" % len(HIDDEN))], HIDDEN),
    "chunks": (with_header(b"transfer-encoding", b"chunked"), b"0\r\n\r\n" + HIDDEN),
    "chunks in capitals": (with_header(b"Transfer-Encoding", b"chunked"), b"0\r\n\r\n" + HIDDEN),
    "a connection": (with_header(b"connection", b"content-length"), HIDDEN),
    "an upgrade": ([*with_header(b"connection", b"upgrade"), (b"upgrade", b"h2c")], HIDDEN),
    "a line end in a value": (with_header(b"x", b"y" + _CRLF + HIDDEN), b""),
    "LF in a value": (with_header(b"x", b"y\nx-request-id: hidden"), b""),
    "CR in a value": (with_header(b"x", b"y\rx-request-id: hidden"), b""),
    "NUL in a value": (with_header(b"x", b"y\x00"), b""),
    "a line end in a name": (with_header(b"x: y\r\nx-request-id", b"hidden"), b""),
    "a colon in a name": (with_header(b"x-request-id: hidden", b""), b""),
    "a space in a name": (with_header(b"transfer-encoding ", b"chunked"), b"0\r\n\r\n" + HIDDEN),
    "no name": (with_header(b"", b"x"), b""),
    "a line end in the path": (changed(b":path", b"/v1/me HTTP/1.1" + _CRLF), b""),
    "a space in the path": (changed(b":path", b"/v1/me HTTP/1.1 /x"), b""),
    "no slash": (changed(b":path", b"v1/me"), b""),
    "a whole address": (changed(b":path", b"http://b/v1/me"), b""),
    "a line end in the method": (changed(b":method", b"GET /v1/me HTTP/1.1" + _CRLF + b"GET"), b""),
    "CONNECT": (changed(b":method", b"CONNECT"), HIDDEN),
    "a line end in the host": (changed(b":authority", b"a" + _CRLF), b""),
    "two hosts": ([_START[2], *_START, _JSON], b""),
    "another host": (with_header(b"host", b"b"), b""),
    "a strange scheme": (changed(b":scheme", b"http://b/?"), b""),
    "an unknown pseudo-header": (with_header(b":x", b"y"), b""),
    "no path": ([*_START[:3], _JSON], b""),
}


async def test_http2_smuggles_nothing_into_http1(open_door: OpenDoor, backend: Backend):
    door = open_door([backend.url])
    workers, marks = backend.process.workers(), list[str]()
    for name, (headers, body) in OVER_HTTP2.items():
        mark = secrets.token_hex(3)
        marks.append(mark)
        hidden = [(header, value.replace(b"hidden", mark.encode())) for header, value in headers]
        status = await ask(door.url, door.certificate, hidden, body.replace(b"hidden", mark.encode()))
        assert status is None or status < 500, name
        assert await _asks(door) == 401, name
    trailers = [(b"content-length", b"0"), (b"x-request-id", b"hidden")]
    assert await ask(door.url, door.certificate, [*_START, _JSON], HIDDEN, trailers) in {400, 401, None}
    await assert_nobody_saw(backend, [*marks, "hidden"], workers)


async def _asks(door: Door) -> int | None:
    return await ask(door.url, door.certificate, [(b":method", b"GET"), *_START[1:3], (b":path", b"/v1/me")])
