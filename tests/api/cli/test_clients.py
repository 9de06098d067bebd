"""The client behind ``deeper chat``, where a script cannot see what it does."""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace

import pytest

from deeper_api.chat.frames import Context, Done, Failed, Frame, Piece, Start
from deeper_api.cli import clients
from deeper_api.cli.clients import Client, ClientFault, Question
from deeper_core import ChatMessage, ChatRole, ErrorCode
from deeper_model.conformance import Peer, Request, Upstream, running_upstream
from tests.fakes.exchanges import Account, sign_up
from tests.fakes.http import open_client
from tests.fakes.proxies import running_proxy
from tests.fixtures.servers import Backend
from tests.model.dialects import OPENAI

ID = "01a20499-5f27-736e-bdd4-bdaa607d6277"
TOKENS = b'{"access_token":"a","expires_in":600,"refresh_token":"r"}'
START = b'{"id":0,"event":"start","generation_id":"%b","model":"m","created_at":"2026-11-22T18:51:29Z"}\n' % ID.encode()
CONTEXT = b'{"event":"context","dropped":["%b"]}\n' % ID.encode()
HEL = b'{"id":3,"event":"delta","content":"hel"}\n'
LO = b'{"id":5,"event":"delta","content":"lo"}\n'
DONE = (
    b'{"id":6,"event":"done","finish_reason":"stop","usage":{"prompt_tokens":1,"completion_tokens":2},"timings":{}}\n'
)
INTERRUPTED = b'{"id":3,"event":"error","error":{"code":"interrupted","message":"It ended."}}\n'
AWAY = b'{"error":{"code":"database_unavailable","message":"The database is away.","request_id":"x"}}'

# Asks again at once, and for ever as far as these tests go.
PATIENT = (0.0,) * 1_000
HI = (ChatMessage(role=ChatRole.USER, content="hi"),)


@asynccontextmanager
async def saying(*replies: bytes | tuple[int, bytes]) -> AsyncGenerator[Upstream]:
    """Run a server that lets anybody sign in, and then answers each request with the next of ``replies``.

    One that comes with its status is whole; another one ends with its connection, and so may be a part.
    """
    left: list[bytes | tuple[int, bytes]] = [(200, TOKENS), *replies]

    async def answer(peer: Peer) -> None:
        match left.pop(0):
            case (status, body):
                await peer.reply(status, body, "application/json", "Connection: close")
            case bytes() as part:
                await peer.head(200, "Connection: close")
                await peer.send(part)

    async with running_upstream(answer) as server:
        yield server


@asynccontextmanager
async def signed_in(url: str, account: Account | None = None, **more: object) -> AsyncGenerator[Client]:
    client = Client(url, **{"pauses": PATIENT, **more})  # pyright: ignore[reportArgumentType]  - it is checked there
    try:
        await client.sign_in(account.email if account else "a@example.com", account.password if account else "x")
        yield client
    finally:
        await client.close()


async def frames(client: Client, *, store: bool = True) -> list[Frame]:
    question = Question(model="m", messages=HI, store=store)
    return [frame async for frame in client.chat(question)]


def text(frames: Sequence[Frame]) -> str:
    return "".join(frame.content for frame in frames if isinstance(frame, Piece))


def asked(server: Upstream) -> list[tuple[str, str | None]]:
    """The requests after signing in, each with the header that tells what it is about."""

    def about(request: Request) -> str | None:
        return request.headers.get("last-event-id", request.headers.get("idempotency-key"))

    return [(f"{request.method} {request.path}", about(request)) for request in server.requests[1:]]


async def test_a_conversation_outlasts_its_access_token(backend: Backend, monkeypatch: pytest.MonkeyPatch):
    async with open_client(backend.url) as http:
        account = await sign_up(http)
        async with signed_in(backend.url, account) as client:
            [session, _] = (await account.client.get("/v1/auth/sessions")).json()
            monkeypatch.setattr(clients, "time", SimpleNamespace(time=lambda: time.time() + 400))
            assert isinstance((await frames(client))[-1], Failed)  # there is no model server
            [renewed, _] = (await account.client.get("/v1/auth/sessions")).json()
            assert renewed["id"] == session["id"]
            assert renewed["last_used_at"] > session["last_used_at"]
        assert len((await account.client.get("/v1/auth/sessions")).json()) == 1


async def test_an_answer_that_is_cut_anywhere_is_gone_on_with():
    whole = START + HEL + LO + DONE
    ends = {at for at, byte in enumerate(whole) if byte == ord("\n")}
    for cut in sorted({*range(0, len(whole), 9), *ends, *(end + 1 for end in ends)}):
        came = whole[:cut]
        rest = whole[came.rfind(b"\n") + 1 :]
        async with saying(came, (200, rest), (200, b"")) as server, signed_in(server.url) as client:
            got = await frames(client)
        assert [type(frame) for frame in got] == [Start, Piece, Piece, Done], came
        assert text(got) == "hello", came


async def test_it_says_where_it_goes_on():
    async with saying(START + HEL + LO[:-1], (503, AWAY), (200, LO + DONE), (200, b"")) as server:
        async with signed_in(server.url) as client:
            await frames(client)
        again = (f"GET /v1/generations/{ID}/events", "3")
        assert asked(server)[1:3] == [again, again]


async def test_a_question_that_could_not_be_sent_is_sent_again_as_the_same():
    told: list[str] = []
    async with saying((503, AWAY), b"", (200, START + HEL + DONE), (200, b"")) as server:
        async with signed_in(server.url, notice=told.append) as client:
            assert text(await frames(client)) == "hel"
        [first, *others] = asked(server)[:3]
        assert first[0] == "POST /v1/chat"
        assert first[1]
        assert others == [first, first]
    assert told == ["The database is away. Asking again …"]


async def test_each_question_is_another():
    async with saying((200, START + DONE), (200, START + DONE), (200, b"")) as server, signed_in(server.url) as client:
        await frames(client)
        await frames(client)
        [first, second] = asked(server)
    assert first != second


async def test_a_question_that_is_refused_is_asked_once():
    refusal = b'{"error":{"code":"not_found","message":"Gone.","request_id":"x"}}'
    async with saying((404, refusal), (200, b"")) as server:
        async with signed_in(server.url) as client:
            with pytest.raises(ClientFault, match="Gone"):
                await frames(client)
        assert [what for what, _ in asked(server)] == ["POST /v1/chat", "POST /v1/auth/logout"]


async def test_it_is_told_once_that_an_answer_was_interrupted():
    told: list[str] = []
    async with saying(START + HEL, b"", b"", (200, LO + DONE), (200, b"")) as server:
        client = Client(server.url, notice=told.append, pauses=PATIENT)
        await client.sign_in("a@example.com", "x")
        await frames(client)
        await client.close()
    assert told == ["The connection was lost. Coming back to the answer …"]


async def test_an_answer_of_which_nothing_more_comes_broke_off():
    async with saying(START + HEL, b"", b"", (200, b"")) as server, signed_in(server.url, pauses=(0, 0)) as client:
        with pytest.raises(ClientFault, match="broke off"):
            await frames(client)


async def test_attempts_are_counted_from_the_last_that_brought_something():
    replies = (START, b"", HEL, b"", LO, b"", (200, DONE), (200, b""))
    async with saying(*replies) as server, signed_in(server.url, pauses=(0, 0)) as client:
        assert text(await frames(client)) == "hello"


async def test_the_end_of_an_interrupted_answer_may_lie_before_what_was_seen():
    async with saying(START + HEL + LO, (200, INTERRUPTED), (200, b"")) as server, signed_in(server.url) as client:
        last = (await frames(client))[-1]
    assert isinstance(last, Failed)
    assert last.error.code is ErrorCode.INTERRUPTED


async def test_it_is_said_once_what_was_left_out():
    replies = (START + CONTEXT, (200, CONTEXT + HEL + DONE), (200, b""))
    async with saying(*replies) as server, signed_in(server.url) as client:
        got = await frames(client)
    assert [type(frame) for frame in got] == [Start, Context, Piece, Done]


PIECES = ["One ", "two\n", "três ", "четыре ", "五 ", "\N{SLICE OF PIZZA}", "\N{FAMILY}\u200d\u2028", '"{}\\']


@pytest.mark.parametrize("store", [True, False], ids=["kept", "not kept"])
@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_lost_or_doubled_however_often_the_connection_is_cut(
    backend: Backend, seed: int, *, store: bool
):
    chance = random.Random(seed)
    said = [chance.choice(PIECES) for _ in range(60)]
    seen = asyncio.Condition()
    got: list[Frame] = []

    async def play(peer: Peer) -> None:
        await OPENAI.begin(peer)
        for number, piece in enumerate(said, 1):
            await peer.chunk(OPENAI.content(piece))
            if number % 2 == 0:  # so that the answer is cut while it is being made, too
                wanted = "".join(said[:number])
                async with seen:
                    await seen.wait_for(lambda: text(got) == wanted)  # noqa: B023  - it is waited for here
        await peer.chunk(OPENAI.end())
        await peer.chunk(b"")

    async with (
        asyncio.timeout(60),
        open_client(backend.url) as http,
        backend.model(play) as model,
        running_proxy(backend.url, lambda: chance.randrange(1_500)) as proxy,
        signed_in(proxy.url, await sign_up(http)) as client,
        aclosing(client.chat(Question(model="m", messages=HI, store=store))) as answer,
    ):
        async for frame in answer:
            async with seen:
                got.append(frame)
                seen.notify_all()
        assert len(model.requests) == 1
    assert proxy.cuts
    assert text(got) == "".join(said)
    assert [type(frame) for frame in got if not isinstance(frame, Piece)] == [Start, Done]


@pytest.mark.parametrize("store", [True, False], ids=["kept", "not kept"])
async def test_whoever_leaves_stops_the_answer_on_the_server(backend: Backend, *, store: bool):
    async def play(peer: Peer) -> None:
        await OPENAI.begin(peer, "piece")
        await peer.wait_gone()

    # Nobody else stops it for a minute.
    async with asyncio.timeout(30), open_client(backend.url) as http, backend.model(play) as model:
        account = await sign_up(http)
        async with signed_in(backend.url, account) as client:
            answer = client.chat(Question(model="m", messages=HI, store=store))
            start = await anext(answer)
            assert text([await anext(answer)]) == "piece"
            await answer.aclose()
        assert isinstance(start, Start)
        await model.until_left()
        reply = await account.client.get(f"/v1/generations/{start.generation_id}")
        assert json.loads(reply.body)["state"] == "cancelled"


async def test_an_answer_that_is_no_text_is_not_ours():
    async with running_upstream(lambda peer: peer.reply(200, b'{"access_token":"\xff"}')) as server:
        client = Client(server.url)
        with pytest.raises(ClientFault, match="no DeeperSensor server"):
            await client.sign_in("a@example.com", "x")
        await client.close()


async def test_a_redirect_is_not_followed_with_a_password_in_hand():
    async with running_upstream(lambda peer: peer.reply(307, b"", "text/plain", "Location: /other")) as server:
        client = Client(server.url)
        with pytest.raises(ClientFault):
            await client.sign_in("ada@example.com", "analytical engine 1843")
        await client.close()
        assert len(server.requests) == 1
