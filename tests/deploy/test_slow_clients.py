"""Clients that begin and do not go on: whoever else asks is served meanwhile, and nginx lets go of them."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

from deeper_model.conformance import Peer, running_upstream
from tests.deploy.conftest import OpenDoor
from tests.deploy.doors import through
from tests.fakes.http import open_client
from tests.fixtures.servers import Backend

_EACH = 60
_POST = b"POST /v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
_FORMS = (
    b"",
    b"GET /v1/me HT",
    b"GET /v1/me HTTP/1.1\r\nHost: a\r\nX: ",
    _POST + b"Content-Length: 100\r\n\r\n",
    _POST + b'Content-Length: 100\r\n\r\n{"email": "',
    _POST + b'Transfer-Encoding: chunked\r\n\r\n40\r\n{"email": "',
    b"POST /v1/chat HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
)
# As in limits.conf, but as short as a test is patient.
_IMPATIENT = {
    "client_header_timeout 10s": "client_header_timeout 3s",
    "client_body_timeout 15s": "client_body_timeout 3s",
    "keepalive_timeout 65s": "keepalive_timeout 3s",
    "send_timeout 60s": "send_timeout 3s",
    # All of them have one address here.
    "limit_conn connections 256": "limit_conn connections 2560",
    "burst=200": "burst=2000",
}


@contextlib.asynccontextmanager
async def slow_clients(url: str, certificate: Path | None = None) -> AsyncGenerator[list[asyncio.StreamReader]]:
    """Hold connections of each form."""
    _, _, port = url.rpartition(":")
    trust = ssl.create_default_context(cafile=certificate) if certificate else None
    readers: list[asyncio.StreamReader] = []
    writers: list[asyncio.StreamWriter] = []
    try:
        for sent in _FORMS * _EACH:
            reader, writer = await asyncio.open_connection("localhost" if trust else "127.0.0.1", int(port), ssl=trust)
            writer.write(sent)
            readers.append(reader)
            writers.append(writer)
        yield readers
    finally:
        for writer in writers:
            writer.transport.abort()


async def test_the_api_serves_others_meanwhile(backend: Backend):
    workers = backend.process.workers()
    async with slow_clients(backend.url), open_client(backend.url) as client:
        for _ in range(5):
            assert (await client.get("/v1/me")).status == 401
    assert backend.process.workers() == workers


async def test_nginx_serves_others_meanwhile_and_lets_go_of_them(open_door: OpenDoor, backend: Backend):
    door = open_door([backend.url], changes=_IMPATIENT)
    async with (
        slow_clients(door.url, door.certificate) as readers,
        through(door) as client,
    ):
        assert (await client.get("/v1/me")).status == 401
        async with asyncio.timeout(30):
            for reader in readers:
                with contextlib.suppress(ConnectionError):
                    while await reader.read(65_536):
                        pass
        assert (await client.get("/v1/me")).status == 401


async def test_whoever_does_not_read_is_let_go_and_nothing_is_kept_for_them(open_door: OpenDoor):
    async def much(peer: Peer) -> None:
        await peer.reply(200, b"x" * 50_000_000)

    async with running_upstream(much) as api:
        door = open_door([api.url], changes=_IMPATIENT)
        line = socket.create_connection(("127.0.0.1", door.port))
        with ssl.create_default_context(cafile=door.certificate).wrap_socket(line, server_hostname="localhost") as tls:
            tls.sendall(b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n")
            await api.until_asked()
            async with asyncio.timeout(60):
                await api.until_left()
        assert not list(door.folder("proxy").rglob("*.*"))
