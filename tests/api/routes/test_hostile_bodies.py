"""Hostile bodies for every route that takes one, at a real server that others use meanwhile; hostile addresses, too."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.api.middleware.test_bodies import AUTH_LIMIT, CHAT_BODIES, UNREADABLE
from tests.api.routes.test_table import TABLE, with_an_id
from tests.api.shapes import require_error
from tests.benchmarks.processes import cpu_seconds
from tests.fakes.exchanges import Account, Reply, credentials
from tests.fakes.http import HttpClient, send_raw
from tests.fixtures.servers import Backend

WITH_BODY = sorted([row for row, (sent, _, _) in TABLE.items() if sent is not None] + [("POST", "/v1/auth/refresh")])
LARGE: dict[str, bytes] = {
    "two megabytes of empty objects": b"{}" * 2**20,
    "a list of as many": b"[" + b"{}," * 690_000 + b"{}]",
    "two megabytes of white space": b" " * 2**21,
    "a text of two megabytes": b'"' + b"x" * (2**21 - 2) + b'"',
    "escapes only": b'{"x":"' + b"\\u00e9" * 349_000 + b'"}',
    "a hundred thousand keys": b"{" + b",".join(b'"k%d":1' % i for i in range(100_000)) + b"}",
    "a hundred thousand levels": b"[" * 100_000,
    "a hundred thousand levels of objects": b'{"a":' * 100_000,
    "two megabytes of digits": b"9" * 2**21,
}
BODIES = UNREADABLE | CHAT_BODIES | LARGE
# `{}` as a whole is a request that some routes can answer, and so is null where a body may be left out.
ANSWERABLE = {200, 201, 404}
# What OpenAI's clients say that is not known is ignored: these are questions, to a model server that is away.
IGNORED = {"a seed of 4300 digits", "images that are not base64"}
# Seconds of a processor that a body may cost: for so long others may have to wait. How long they do wait says nothing
# on a machine that does other things besides: who has much to do there waits for his turn, and who sleeps does not.
COST = 0.1


@asynccontextmanager
async def asking_for_health(client: HttpClient) -> AsyncGenerator[None]:
    """Ask whether the server is well, again and again, for as long as the context lasts; fail unless it always is."""

    async def ask() -> None:
        while True:
            assert (await client.get("/health")).status == 200
            await asyncio.sleep(0.05)  # or this would cost more than what is measured

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        if not asking.cancelled():
            asking.result()


async def deliver(backend: Backend, account: Account, method: str, path: str, body: bytes) -> Reply | None:
    """Send a body as it is; None where the server has closed the connection on what is far too long."""
    head = f"{method} {with_an_id(path)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {account.access_token}\r\nContent-Length: {len(body)}\r\n\r\n"
    try:
        return await send_raw(backend.url, head.encode(), body)
    except (ConnectionError, asyncio.IncompleteReadError):
        return None


def faults(replies: dict[str, Reply | None]) -> Iterator[str]:
    """What is wrong with answers to bodies that mean nothing."""
    for name, reply in replies.items():
        if reply is None:
            if len(BODIES[name]) <= AUTH_LIMIT:
                yield f"{name}: no answer"
            continue
        if reply.status >= 400:
            error = reply.json()["error"]
            require_error(reply, reply.status, error["code"], details=error.get("details"))
        is_question = name in IGNORED and "type" in reply.json().get("error", {})
        if not (400 <= reply.status < 500 or reply.status in ({502} if is_question else ANSWERABLE)):
            yield f"{name}: {reply.status}"


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_no_body_hurts_a_route_nor_keeps_others_waiting(
    backend: Backend, http_account: Account, http_client: HttpClient, method: str, path: str
):
    [worker] = backend.process.workers()
    replies: dict[str, Reply | None] = {}
    costs: dict[str, float] = {}
    async with asking_for_health(http_client):
        for name, body in BODIES.items():
            before = cpu_seconds(worker)
            replies[name] = await deliver(backend, http_account, method, path, body)
            costs[name] = cpu_seconds(worker) - before
    assert list(faults(replies)) == []
    assert {name: cost for name, cost in costs.items() if cost > COST} == {}
    assert backend.process.workers() == [worker]
    assert (await http_account.client.get("/v1/me")).json() == http_account.user


DOMAIN = ".".join([*["d" * 60] * 3, "example"])
# What comes before the address of a test's own -> the status at sign-up.
ADDRESSES: dict[str, tuple[str, int]] = {
    "a tag": ("{}+tag@example.com", 201),
    "capitals": ("{}.CAPITALS@EXAMPLE.COM", 201),
    "an international domain": ("{}@bücher.example", 201),
    "a domain in decomposed letters": ("{}@cafe\u0301.example", 201),
    "64 characters before the @": ("{:x<64}@example.com", 201),
    "65 characters before the @": ("{:x<65}@example.com", 422),
    "254 characters": ("{}@" + DOMAIN, 201),
    "255 characters": ("{}x@" + DOMAIN, 422),
    "a homoglyph": ("{}\u0430@example.com", 422),
    "decomposed letters": ("{}e\u0301@example.com", 422),
    "a newline": ("{}@example.com\n", 422),
    "another header": ("{}@example.com\r\nBcc: all@example.com", 422),
    "NUL": ("{}\0@example.com", 400),
    "right to left": ("{}\u202e@example.com", 422),
    "zero width": ("{}\u200b@example.com", 422),
    "zero width in the domain": ("{}@exam\u200bple.com", 422),
    "quotes": ('"{}"@example.com', 422),
    "an IP address": ("{}@[192.0.2.1]", 422),
    "no domain": ("{}@", 422),
    "a comment": ("{}(comment)@example.com", 422),
    "a percent sign and a bang": ("{}%x!y@example.com", 201),
    "SQL": ("{}' or 1=1 --@example.com", 422),
}


@pytest.mark.parametrize("name", ADDRESSES)
async def test_an_address_is_taken_or_refused_and_nothing_breaks(http_client: HttpClient, backend: Backend, name: str):
    pattern, status = ADDRESSES[name]
    given = credentials()
    unique = given["email"].partition("@")[0].removeprefix("someone-")
    if "254" in name or "255" in name:
        unique = unique.ljust(254 - len(DOMAIN) - 1, "x")
    given["email"] = pattern.format(unique)
    signed_up = await http_client.post("/v1/auth/signup", given)
    assert signed_up.status == status
    logged_in = await http_client.post("/v1/auth/login", given)
    assert logged_in.status == {201: 200, 422: 401}.get(status, status)
    again = await http_client.post("/v1/auth/signup", given | {"email": given["email"].swapcase()})
    assert again.status == {201: 409}.get(status, status)
    assert backend.process.is_running()
