"""Bodies: which are read, how large they may be, and what is said of those that are not understood."""

import asyncio
import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.conversations.documents import Document
from deeper_api.middleware import bodies
from deeper_api.middleware.bodies import decode_body
from deeper_api.middleware.incoming import sends_body
from deeper_api.routes.admin_users import UserBody, UserChange
from deeper_api.routes.api_keys import ApiKeyBody
from deeper_api.routes.auth import CredentialsBody, RefreshBody
from deeper_api.routes.chat import ChatBody
from deeper_api.routes.conversations import ConversationBody, ConversationChange
from deeper_api.routes.me import DeleteBody, PasswordBody
from deeper_core import InvalidRequest, ValidationFailed
from tests.api.shapes import require_error
from tests.fakes.asgi import STALLED, AsgiClient
from tests.fakes.exchanges import Account, Json, credentials
from tests.fakes.http import HttpClient, send_raw
from tests.fixtures.servers import Backend

AUTH_LIMIT = 64 * 1024
LIMIT = 2 * 1024 * 1024
TYPE = {"content-type": "application/json"}
LOGIN = "/v1/auth/login"


def padded(sent: Json, size: int) -> bytes:
    """JSON of exactly ``size`` bytes."""
    return json.dumps(sent).encode().ljust(size)


def chunked(body: bytes, size: int = 8_000) -> list[bytes]:
    return [body[i : i + size] for i in range(0, len(body), size)]


# Media types


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", 'application/json;charset="UTF-8"'],
)
async def test_json_is_read_however_it_is_spelled(client: AsgiClient, media_type: str):
    reply = await client.post(LOGIN, credentials(), headers={"content-type": media_type})
    require_error(reply, 401, "invalid_credentials")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/msgpack"},
        {"content-type": "application/json-seq"},
        {"content-type": "text/plain; application/json"},
        {"content-type": ""},
        {"content-type": "é"},
        {},
        TYPE | {"content-encoding": "gzip"},
        TYPE | {"content-encoding": "identity"},
    ],
)
@pytest.mark.parametrize("as_chunks", [False, True])
async def test_a_body_that_does_not_say_that_it_is_json_is_refused(
    client: AsgiClient, headers: dict[str, str], as_chunks: bool
):
    body = json.dumps(credentials()).encode()
    reply = await client.post(LOGIN, headers=headers, body=[body] if as_chunks else body)
    require_error(reply, 415, "unsupported_media_type")


@pytest.mark.parametrize("other", [b"text/plain", b"application/json", b""])
@pytest.mark.parametrize("at", [0, 1])
async def test_a_body_that_says_twice_what_it_is_is_refused(backend: Backend, other: bytes, at: int):
    types = [b"application/json"]
    types.insert(at, other)
    head = b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n"
    reply = await send_raw(backend.url, head, *(b"Content-Type: %s\r\n" % given for given in types), b"\r\n{}")
    require_error(reply, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", [LOGIN, "/v1/auth/signup"])
@pytest.mark.parametrize("headers", [{}, TYPE, {"content-length": "0"}])
async def test_a_missing_body_is_said_to_be_missing(client: AsgiClient, path: str, headers: dict[str, str]):
    reply = await client.post(path, headers=headers)
    require_error(reply, 400, "invalid_request", "This request needs a body of JSON.")


# Sizes


@pytest.mark.parametrize("as_chunks", [False, True])
@pytest.mark.parametrize(("size", "status"), [(AUTH_LIMIT, 401), (AUTH_LIMIT + 1, 413), (AUTH_LIMIT * 2, 413)])
async def test_the_body_of_a_login_has_64_kib_at_most(client: AsgiClient, size: int, status: int, as_chunks: bool):
    body = padded(credentials(), size)
    reply = await client.post(LOGIN, headers=TYPE, body=chunked(body) if as_chunks else body)
    if status == 413:
        require_error(
            reply, 413, "body_too_large", "The request body is too large: at most 65,536 bytes are accepted here."
        )
    else:
        require_error(reply, status, "invalid_credentials")


@pytest.mark.parametrize("as_chunks", [False, True])
@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 413)])
async def test_the_body_of_a_chat_has_2_mib_at_most(account: Account, size: int, status: int, as_chunks: bool):
    body = padded({"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}, size)
    reply = await account.client.post("/v1/chat", headers=TYPE, body=chunked(body, 64_000) if as_chunks else body)
    assert reply.status == status
    if status == 413:
        require_error(reply, 413, "body_too_large")


@pytest.mark.parametrize("size", [AUTH_LIMIT, AUTH_LIMIT + 1])
async def test_behind_granian_the_same_limit_holds(backend: Backend, size: int):
    body = padded(credentials(), size)
    head = b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    with_length = await send_raw(backend.url, head + b"Content-Length: %d\r\n\r\n" % size, body)
    as_chunks = await send_raw(
        backend.url, head + b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n" % size, body, b"\r\n0\r\n\r\n"
    )
    for reply in (with_length, as_chunks):
        if size > AUTH_LIMIT:
            require_error(reply, 413, "body_too_large")
        else:
            require_error(reply, 401, "invalid_credentials")


async def test_a_body_that_stalls_is_not_waited_for_without_end(client: AsgiClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)
    reply = await client.post(LOGIN, body=[b'{"email":', STALLED], headers=TYPE)
    require_error(reply, 400, "invalid_request")


async def test_a_body_that_breaks_off_is_not_our_fault(backend: Backend):
    head = b"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    reply = await send_raw(backend.url, head + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n")
    require_error(reply, 400, "invalid_request")


@pytest.mark.parametrize("as_chunks", [False, True])
async def test_behind_granian_a_client_that_sends_all_before_it_reads_learns_that_it_was_refused(
    backend: Backend, as_chunks: bool
):
    head = b"POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    length = b"Transfer-Encoding: chunked" if as_chunks else b"Content-Length: %d" % LIMIT
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (LIMIT, b" " * LIMIT) if as_chunks else b" " * LIMIT
    reader, writer = await asyncio.open_connection("127.0.0.1", backend.process.port)
    writer.write(head + length + b"\r\n\r\n")
    answered = await reader.readuntil(b"\r\n\r\n")
    writer.write(body)
    await writer.drain()
    # The connection is as good as before.
    writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    rest = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answered.startswith(b"HTTP/1.1 401 ")
    assert b"HTTP/1.1 200 OK" in rest


@pytest.mark.parametrize(
    ("headers", "sends"),
    [
        ({}, False),
        ({b"content-length": b"0"}, False),
        ({b"content-length": b"1"}, True),
        ({b"transfer-encoding": b"chunked"}, True),
        ({b"content-length": b"1", b"expect": b"100-continue"}, False),
    ],
)
def test_what_is_waited_for_after_the_answer_is_what_comes_unasked(headers: dict[bytes, bytes], sends: bool):
    assert sends_body(headers.items()) is sends


async def test_a_body_without_end_is_not_taken_for_ever(backend: Backend):
    head = b"POST /v1/chat HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", backend.process.port)
    writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 100 * LIMIT:
            writer.write(b"%x\r\n%s\r\n" % (LIMIT, b" " * LIMIT))
            await writer.drain()
            sent += LIMIT
    writer.transport.abort()
    assert sent < 100 * LIMIT


# JSON that nobody writes by accident

DEEP = 100_000
UNREADABLE: dict[str, bytes] = {
    "nothing but white space": b"   ",
    "not JSON": b"email=a",
    "cut off": b'{"email": "a',
    "two values": b"{}{}",
    "a trailing comma": b'{"email": "a",}',
    "a comment": b'{} // {"',
    "single quotes": b"{'email': 'a'}",
    "NaN": b'{"email": NaN}',
    "Infinity": b'{"email": -Infinity}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"email": "a"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"email": "a"}'.encode("utf-16-le"),
    "UTF-32": '{"email": "a"}'.encode("utf-32"),
    "Latin-1": '{"email": "é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"email": "\xc0\xaf"}',
    "a surrogate as UTF-8": b'{"email": "\xed\xa0\x80"}',
    "UTF-8 cut off": b'{"email": "\xf0\x9f"}',
    "a lone surrogate": b'{"email": "\\ud800"}',
    "a lone surrogate in a key": b'{"\\udc00": 1}',
    "NUL as an escape": b'{"email": "a\\u0000b", "password": "x"}',
    "NUL in a key": b'{"\\u0000": 1}',
    "NUL after a backslash": b'{"email": "\\\\\\u0000", "password": "x"}',
    "NUL as it is": b'{"email": "a\x00b"}',
    "a raw newline": b'{"email": "a\nb"}',
    "an unknown escape": b'{"email": "\\x41"}',
    "nested arrays": b"[" * 30_000 + b"]" * 30_000,
    "nested objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "nested in a field that is known": b'{"email":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "nested without end": b"[" * 60_000,
    "an integer of 4300 digits": b'{"email": ' + b"9" * 4_300 + b"}",
    "an integer of 60000 digits": b"9" * 60_000,
    "a number out of range": b'{"email": 1e999999}',
    "many empty objects": b"[" + b"{}," * 20_000 + b"{}]",
    "many keys": b"{" + b",".join(b'"k%d":1' % i for i in range(5_000)) + b"}",
    "a key that is long": b'{"' + b"k" * 60_000 + b'":1}',
    "a key twice": b'{"email": "nobody@example.com", "password": "x", "password": 5}',
    "an array": b"[]",
    "null": b"null",
    "text": b'"x"',
    "a number": b"1",
    "true": b"true",
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_behind_granian_a_hostile_body_is_refused_in_the_usual_form(
    http_client: HttpClient, backend: Backend, name: str
):
    reply = await http_client.post(LOGIN, headers=TYPE, body=UNREADABLE[name])
    code = reply.json()["error"]["code"]
    assert (reply.status, code) in {(400, "invalid_request"), (422, "validation_failed")}
    require_error(reply, reply.status, code, details=reply.json()["error"].get("details"))
    assert await http_client.get("/health")
    assert backend.process.is_running()


CHAT_BODIES: dict[str, bytes] = {
    "nested arrays": b"[" * DEEP + b"]" * DEEP,
    "nested in a message": b'{"model":"x","messages":[{"role":"user","content":' + b"[" * DEEP + b"]" * DEEP + b"}]}",
    "nested in a schema": b'{"model":"x","messages":[{"role":"user"}],"format":' + b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "two megabytes of empty objects": b"[" + b"{}," * 690_000 + b"{}]",
    "as many messages": b'{"model":"x","messages":[' + b"{}," * 690_000 + b"{}]}",
    "a seed of 4300 digits": b'{"model":"x","messages":[{"role":"user"}],"options":{"seed":' + b"9" * 4_300 + b"}}",
    "images that are not base64": b'{"model":"x","messages":[{"role":"user","images":["!!!"]}]}',
    "NUL in a message": b'{"model":"x","messages":[{"role":"user","content":"\\u0000"}]}',
    "NUL in a schema": b'{"model":"x","messages":[{"role":"user"}],"format":{"\\u0000":1}}',
}


@pytest.mark.parametrize("name", CHAT_BODIES)
async def test_behind_granian_a_hostile_chat_is_refused_and_the_process_lives(
    http_account: Account, backend: Backend, name: str
):
    workers = backend.process.workers()
    reply = await http_account.client.post("/v1/chat", headers=TYPE, body=CHAT_BODIES[name])
    code = reply.json()["error"]["code"]
    assert (reply.status, code) in {(400, "invalid_request"), (422, "validation_failed")}
    assert backend.process.workers() == workers


@pytest.mark.parametrize("text", [r"\\u0000", r"\\\\u0000", "u0000", r"\u0001"])
def test_what_only_looks_like_nul_is_let_through(text: str):
    body = b'{"refresh_token": "%s"}' % text.encode()
    assert decode_body(body, RefreshBody) == RefreshBody(refresh_token=json.loads(f'"{text}"'))


@pytest.mark.parametrize("text", [r"\u0000", r"\\\u0000", r"a\\\\\u0000"])
def test_nul_is_found_after_any_number_of_backslashes(text: str):
    with pytest.raises(InvalidRequest, match=r"U\+0000"):
        decode_body(b'{"refresh_token": "%s"}' % text.encode(), RefreshBody)


@given(st.text())
def test_exactly_the_texts_with_nul_are_refused(text: str):
    body = json.dumps({"refresh_token": text[:512]}).encode()
    if "\x00" in text[:512]:
        with pytest.raises(InvalidRequest):
            decode_body(body, RefreshBody)
    else:
        assert decode_body(body, RefreshBody) == RefreshBody(refresh_token=text[:512])


# Types

GOOD: dict[type[msgspec.Struct], Json] = {
    CredentialsBody: {"email": "a@example.com", "password": "x", "transport": "cookie"},
    RefreshBody: {"refresh_token": "x"},
    PasswordBody: {"current_password": "x", "new_password": "y", "transport": "body"},
    DeleteBody: {"password": "x"},
    ApiKeyBody: {"name": "x", "scopes": ["chat", "read"], "expires_in_days": 30},
    UserBody: {"email": "a@example.com", "password": "x", "role": "admin"},
    UserChange: {"role": "admin", "disabled": True, "tokens_per_day": 5},
    ConversationBody: {"title": "x"},
    ConversationChange: {"title": "x", "archived": True},
    Document: {
        "format": "deepersensor.conversation",
        "version": 1,
        "title": "x",
        "created_at": "2026-01-01T00:00:00Z",
        "active_at": "2026-01-01T00:00:00Z",
        "messages": [],
    },
    ChatBody: {
        "model": "x",
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
        "options": {},
        "tools": [],
        "format": "json",
        "think": True,
        "store": True,
        "conversation_id": "019a0000-0000-7000-8000-000000000000",
        "parent_id": None,
        "on_disconnect": "cancel",
    },
}
FIELDS = [(kind, name) for kind, fields in GOOD.items() for name in fields]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_every_field_of_every_body_is_tried():
    assert {(kind, field) for kind in GOOD for field in kind.__struct_fields__} == set(FIELDS)


@pytest.mark.parametrize("kind", GOOD)
def test_a_body_that_is_right_is_read(kind: type[msgspec.Struct]):
    assert isinstance(decode_body(json.dumps(GOOD[kind]).encode(), kind), kind)


@pytest.mark.parametrize(("kind", "field"), FIELDS)
@given(value=JSON)
def test_any_value_of_a_field_is_read_or_refused_with_its_place(kind: type[msgspec.Struct], field: str, value: object):
    body = json.dumps(GOOD[kind] | {field: value}).encode()
    try:
        decode_body(body, kind)
    except ValidationFailed as error:
        (detail,) = error.details
        assert detail.field is not None
        assert detail.field.startswith(f"$.{field}")
    except InvalidRequest:
        assert b"\\u0000" in body or b"\\ud" in body


@pytest.mark.parametrize(("kind", "field"), FIELDS)
@pytest.mark.parametrize("value", [5, [[]], {"x": 1}, 1.5])
def test_a_value_of_a_wrong_type_is_refused(kind: type[msgspec.Struct], field: str, value: object):
    if field in {"format", "options"} and isinstance(value, dict):
        value = [value]
    if field in {"expires_in_days", "tokens_per_day"} and isinstance(value, int):
        value = str(value)
    with pytest.raises(ValidationFailed):
        decode_body(json.dumps(GOOD[kind] | {field: value}).encode(), kind)


@pytest.mark.parametrize("kind", GOOD)
def test_a_field_that_nobody_knows_is_refused(kind: type[msgspec.Struct]):
    with pytest.raises(ValidationFailed):
        decode_body(json.dumps(GOOD[kind] | {"is_admin": True}).encode(), kind)


@pytest.mark.parametrize("stream", ["true", 1, 0, None])
def test_what_only_looks_like_a_truth_value_is_none(stream: object):
    with pytest.raises(ValidationFailed):
        decode_body(json.dumps(GOOD[ChatBody] | {"stream": stream}).encode(), ChatBody)


async def test_the_place_of_a_fault_is_named(account: Account):
    sent = {"model": "x", "messages": [{"role": "user"}, {"role": "robot"}]}
    reply = await account.client.post("/v1/chat", sent)
    message = "Expected one of 'assistant', 'system', 'tool', 'user'"
    details = [{"message": message, "field": "$.messages[1].role"}]
    require_error(reply, 422, "validation_failed", "A value in the request is not allowed.", details)


@pytest.mark.parametrize(
    ("kind", "field", "value", "message"),
    [
        (CredentialsBody, "transport", "pigeon", "Expected one of 'body', 'cookie'"),
        (ChatBody, "think", "hugely", "Expected one of 'high', 'low', 'medium'"),
        (ChatBody, "format", "xml", "Expected 'json'"),
        (
            ChatBody,
            "messages",
            [{"role": "user", "images": ["data:image/png;base64,AAAA"]}],
            "Expected base64, without a prefix such as `data:`",
        ),
    ],
)
def test_what_would_be_right_is_said(kind: type[msgspec.Struct], field: str, value: object, message: str):
    with pytest.raises(ValidationFailed) as caught:
        decode_body(json.dumps(GOOD[kind] | {field: value}).encode(), kind)
    assert [detail.message for detail in caught.value.details] == [message]
