"""Looking at a running server as its clients see it: alive, ready, with its headers, encrypted, and not held up."""

import asyncio
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final, cast
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Struct

from deeper_api.diagnoses.findings import Examination, Finding, failed, ok, warning
from deeper_api.diagnoses.streams import look_at_stream
from deeper_api.middleware.edge import DEFAULT_HEADERS
from deeper_api.routes.health import Readiness
from deeper_core import new_id

_SECONDS: Final = 20.0
_ASK_SECONDS: Final = 300.0
_REPLY: Final = aiohttp.ClientTimeout(total=10, connect=5)
_DAYS: Final = 21  # of a certificate: renewed a month before its end by most, so that these tell that it was not


class _Reply(Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


def examinations_of_server(url: str, *, key: str | None, ask: bool, model: str | None) -> list[Examination]:
    """Return what to look at in the server at ``url``; with an API ``key``, ``ask`` also follows an answer."""
    found = [Examination(name=f"server {url}", look=partial(_look, url), seconds=_SECONDS)]
    if ask and key is not None:
        look = partial(look_at_stream, url, key, model)
        found.append(Examination(name="streaming", look=look, seconds=_ASK_SECONDS))
    return found


async def answers(url: str) -> bool:
    """Return whether a server of ours is there."""
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            return (await _get(session, f"{url}/health", {})).body == b'{"status":"ok"}'
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def _look(url: str) -> Sequence[Finding]:
    name, request_id = f"server {url}", str(new_id())
    try:
        async with aiohttp.ClientSession(timeout=_REPLY) as session:
            health = await _get(session, f"{url}/health", {"X-Request-ID": request_id})
            ready = await _get(session, f"{url}/health/ready", {})
        encryption = await _encryption(url)
    except aiohttp.ClientConnectorCertificateError:
        advice = "Give it a certificate for this name, from an authority that clients know, with the whole chain."
        return [failed("certificate", "clients do not believe it", advice)]
    except (aiohttp.ClientError, OSError) as error:
        advice = "See whether it runs, and whether this is its address."
        return [failed(name, f"it cannot be reached ({type(error).__name__})", advice)]
    if health.status != 200 or health.body != b'{"status":"ok"}':
        advice = "See what answers there: the proxy should hand /health on to the server as it is."
        return [failed(name, f"GET /health is answered with {health.status}", advice)]
    found = [ok(name, f"it lives, and answers in {health.seconds * 1_000:.0f} ms")]
    found += [*_readiness(ready), *_headers(health, request_id)]
    return found if encryption is None else [*found, encryption]


async def _get(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str]) -> _Reply:
    began = time.perf_counter()
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        body = await response.read()
        return _Reply(response.status, dict(response.headers), body, time.perf_counter() - began)


def _readiness(ready: _Reply) -> Iterator[Finding]:
    if ready.status not in {200, 503}:
        yield ok("readiness", f"/health/ready is not for everybody here ({ready.status}), as it should be")
        return
    try:
        told = msgspec.json.decode(ready.body, type=Readiness)
    except msgspec.DecodeError:
        yield failed("readiness", "/health/ready is not answered by the server", "See what the proxy does with it.")
        return
    for each in told.dependencies:
        name = f"readiness: {each.name}"
        if each.ready:
            yield ok(name, "the server reaches it")
        else:
            advice = "The server has its own configuration and its own way to it: look from there."
            yield (failed if each.required else warning)(name, "the server does not reach it", advice)


def _headers(health: _Reply, request_id: str) -> Iterator[Finding]:
    present = {name.lower(): value for name, value in health.headers.items()}
    expected = {name.decode(): value.decode() for name, value in DEFAULT_HEADERS}
    changed = sorted(name for name, value in expected.items() if present.get(name) != value)
    if changed:
        said = f"on the way, {', '.join(changed)} got lost or changed"
        yield warning("headers", said, "Let the proxy hand on the headers of the server, and add none of its own.")
    elif present.get("x-request-id") != request_id:
        said = "X-Request-ID of a client does not come back"
        yield warning("headers", said, "Let the proxy hand it on, so that one id finds a request in every log.")
    else:
        yield ok("headers", "they arrive as the server sends them")


async def _encryption(url: str) -> Finding | None:
    """Return what there is to say of it; None on this machine, where nobody listens."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return await _certificate(parts.hostname or "", parts.port or 443)
    if parts.hostname in {"127.0.0.1", "localhost", "::1"}:
        return None
    said = "passwords and answers go to it in the clear"
    return warning("encryption", said, "Put a proxy with TLS before it; browsers keep the cookie over HTTPS only.")


async def _certificate(host: str, port: int) -> Finding:
    _, line = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
    certificate = cast("dict[str, object]", line.get_extra_info("peercert"))
    line.close()
    with suppress(OSError):
        await line.wait_closed()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (ends - datetime.now(UTC)).days
    said = f"it ends in {days} days, on {ends:%Y-%m-%d}"
    if days < _DAYS:
        return warning("certificate", said, "Renew it, and see why it was not renewed.")
    return ok("certificate", said)
