"""The client behind ``deeper chat``, where a script cannot see what it does."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from deeper_api.chat.frames import Failed, Frame
from deeper_api.cli import clients
from deeper_api.cli.clients import Client, ClientFault
from deeper_core import ChatMessage, ChatRole
from tests.fakes.exchanges import sign_up
from tests.fakes.http import open_client
from tests.fixtures.servers import Backend

TOKENS = b'{"access_token":"a","expires_in":600,"refresh_token":"r"}'
START = (
    b'{"id":0,"event":"start","generation_id":"01a20499-5f27-736e-bdd4-bdaa607d6277","model":"m",'
    b'"created_at":"2026-11-22T18:51:29Z"}\n'
)


@asynccontextmanager
async def saying(*bodies: bytes) -> AsyncGenerator[str]:
    """Run a server that answers each request with the next of ``bodies``; yield its address."""
    left = list(bodies)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = left.pop(0)
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield "http://127.0.0.1:{1}".format(*server.sockets[0].getsockname())


async def frames(client: Client) -> list[Frame]:
    return [frame async for frame in client.chat("m", [ChatMessage(role=ChatRole.USER, content="hi")])]


async def test_a_conversation_outlasts_its_access_token(backend: Backend, monkeypatch: pytest.MonkeyPatch):
    async with open_client(backend.url) as http:
        account = await sign_up(http)
        client = Client(backend.url)
        await client.sign_in(account.email, account.password)
        [session, _] = (await account.client.get("/v1/auth/sessions")).json()
        monkeypatch.setattr(clients, "time", SimpleNamespace(time=lambda: time.time() + 400))
        assert isinstance((await frames(client))[-1], Failed)  # there is no model server
        [renewed, _] = (await account.client.get("/v1/auth/sessions")).json()
        assert renewed["id"] == session["id"]
        assert renewed["last_used_at"] > session["last_used_at"]
        await client.close()
        assert len((await account.client.get("/v1/auth/sessions")).json()) == 1


async def test_an_answer_without_its_last_frame_broke_off():
    async with saying(TOKENS, START, b"null") as url:
        client = Client(url)
        await client.sign_in("a@example.com", "x")
        with pytest.raises(ClientFault, match="broke off"):
            await frames(client)
        await client.close()


async def test_an_answer_that_is_no_text_is_not_ours():
    async with saying(b'{"access_token":"\xff"}') as url:
        client = Client(url)
        with pytest.raises(ClientFault, match="no DeeperSensor server"):
            await client.sign_in("a@example.com", "x")
        await client.close()


async def test_a_redirect_is_not_followed_with_a_password_in_hand():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 307 Elsewhere\r\nConnection: close\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    asked: list[bytes] = []
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        client = Client("http://127.0.0.1:{1}".format(*server.sockets[0].getsockname()))
        with pytest.raises(ClientFault):
            await client.sign_in("ada@example.com", "analytical engine 1843")
        await client.close()
    assert len(asked) == 1
