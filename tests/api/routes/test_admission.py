"""Waiting for the model server: what is said of it, and who is refused."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest

from deeper_api.config.sections import LimitsConfig, ModelConfig
from deeper_core import Delta, Finish, FinishReason, Usage
from deeper_model import ScriptedProvider
from tests.api.shapes import ANY_MS, require_error
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, Json, ndjson_frames, sign_up, sse_frames
from tests.fixtures.applications import application, config_for

QUESTION: Json = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}
DONE = Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2))
SOON = 30  # seconds, for what comes at once on a machine that is not busy


class Busy:
    """An application whose model server is at work for somebody, until ``gate`` is open."""

    def __init__(self, client: AsgiClient, scripted: ScriptedProvider, gate: asyncio.Event) -> None:
        self.client = client
        self.scripted = scripted
        self.gate = gate

    async def until_kept(self, account: Account, count: int) -> list[Json]:
        """Return the running generations of ``account`` once there are so many."""
        async with asyncio.timeout(SOON):
            while len(items := (await account.client.get("/v1/generations")).json()["items"]) != count:  # noqa: ASYNC110  - no event tells
                await asyncio.sleep(0.001)
        return items


@asynccontextmanager
async def busy(
    url: str, scripted: ScriptedProvider, *, queue: int = 100, limited: bool = True, answers_per_user: int = 100
) -> AsyncGenerator[Busy]:
    config = msgspec.structs.replace(
        config_for(url),
        model=ModelConfig(parallel=1, queue=queue),
        limits=LimitsConfig(enabled=limited, answers_per_user=answers_per_user),
    )
    gate = asyncio.Event()
    scripted.play(gate, DONE)
    async with application(config, scripted) as client:
        first = asyncio.create_task((await sign_up(client)).client.post("/v1/chat", QUESTION))
        await scripted.wait_for_streams(1)
        yield Busy(client, scripted, gate)
        gate.set()
        await first


@pytest.mark.parametrize("headers", [{}, {"accept": "application/x-ndjson"}])
async def test_the_stream_tells_the_place_in_the_line(
    accounts_url: str, scripted: ScriptedProvider, headers: dict[str, str]
):
    async with busy(accounts_url, scripted) as place:
        account = await sign_up(place.client)
        loading = asyncio.Event()
        scripted.play(loading, Delta(content="at last"), DONE)
        async with account.client.open("POST", "/v1/chat", QUESTION, headers=headers) as exchange:
            await exchange.head()
            body = await exchange.read_until(b'"queued"')
            place.gate.set()
            body += await exchange.read_until(b'"position":0')
            loading.set()
            body += await exchange.rest()
    frames = (ndjson_frames if headers else sse_frames)(body)
    assert [(number, event) for number, event, _ in frames] == [
        (0, "start"),
        (None, "queued"),
        (None, "queued"),
        (7, "delta"),
        (8, "done"),
    ]
    queued = [data for _, event, data in frames if event == "queued"]
    assert queued == [{"event": "queued", "position": 1}, {"event": "queued", "position": 0, "estimate_ms": 0}]
    assert frames[-1][2]["timings"]["queue_ms"] == ANY_MS


async def test_an_answer_that_is_not_streamed_waits_as_well(accounts_url: str, scripted: ScriptedProvider):
    async with busy(accounts_url, scripted) as place:
        account = await sign_up(place.client)
        asking = asyncio.create_task(account.client.post("/v1/chat", QUESTION | {"stream": False}))
        await place.until_kept(account, 1)
        assert len(scripted.requests) == 1
        place.gate.set()
        assert (await asking).status == 200


@pytest.mark.parametrize("stream", [True, False])
async def test_whoever_leaves_the_line_is_never_answered_and_has_used_nothing(
    accounts_url: str, scripted: ScriptedProvider, *, stream: bool
):
    async with busy(accounts_url, scripted) as place:
        account = await sign_up(place.client)
        async with account.client.open("POST", "/v1/chat", QUESTION | {"stream": stream}):
            await place.until_kept(account, 1)
        await place.until_kept(account, 0)
        [used] = (await account.client.get("/v1/usage")).json()["items"]
        place.gate.set()
    assert len(scripted.requests) == 1
    assert (used["requests"], used["prompt_tokens"], used["completion_tokens"]) == (1, 0, 0)


async def test_whoever_deletes_the_account_leaves_the_line(accounts_url: str, scripted: ScriptedProvider):
    async with busy(accounts_url, scripted, queue=1) as place:
        account, other = await sign_up(place.client), await sign_up(place.client)
        async with account.client.open("POST", "/v1/chat", QUESTION | {"on_disconnect": "continue"}) as stream:
            await stream.head()
            require_error(await other.client.post("/v1/chat", QUESTION), 503, "overloaded")
            assert (await account.client.delete("/v1/me", {"password": account.password})).status == 204
            await stream.rest()
            asking = asyncio.create_task(other.client.post("/v1/chat", QUESTION))
            await place.until_kept(other, 1)
            place.gate.set()
            assert (await asking).status == 200
    assert len(scripted.requests) == 2


async def test_a_full_line_is_a_503_that_keeps_nothing(accounts_url: str, scripted: ScriptedProvider):
    async with busy(accounts_url, scripted, queue=0) as place:
        account = await sign_up(place.client)
        reply = await account.client.post("/v1/chat", QUESTION | {"store": True})
        require_error(reply, 503, "overloaded")
        assert 1 <= int(reply.header("retry-after") or "") <= 60
        assert (await account.client.get("/v1/conversations")).json()["items"] == []
        assert (await account.client.get("/v1/generations")).json()["items"] == []
        place.gate.set()
    assert len(scripted.requests) == 1


async def test_one_answer_too_many_of_a_user_is_a_429_until_one_has_ended(
    accounts_url: str, scripted: ScriptedProvider
):
    async with busy(accounts_url, scripted, answers_per_user=1) as place:
        account, other = await sign_up(place.client), await sign_up(place.client)
        async with AsyncExitStack() as stack:
            for each in (account, other):
                stream = await stack.enter_async_context(each.client.open("POST", "/v1/chat", QUESTION))
                await stream.head()
            reply = await account.client.post("/v1/chat", QUESTION)
            require_error(reply, 429, "rate_limited")
            assert int(reply.header("retry-after") or "") >= 1
            [waiting] = await place.until_kept(account, 1)
            cancelled = await account.client.post(f"/v1/generations/{waiting['id']}/cancel")
            assert cancelled.json()["state"] == "cancelled"
            again = await stack.enter_async_context(account.client.open("POST", "/v1/chat", QUESTION))
            assert (await again.head()).status == 200
            place.gate.set()
            await again.rest()
    assert len(scripted.requests) == 3


async def test_without_limits_a_user_may_have_any_number_of_answers(accounts_url: str, scripted: ScriptedProvider):
    async with busy(accounts_url, scripted, limited=False, answers_per_user=1) as place:
        account = await sign_up(place.client)
        asking = [asyncio.create_task(account.client.post("/v1/chat", QUESTION)) for _ in range(3)]
        await place.until_kept(account, 3)
        place.gate.set()
        assert [reply.status for reply in await asyncio.gather(*asking)] == [200] * 3


async def test_who_asks_the_same_ten_times_at_once_takes_one_turn(accounts_url: str, scripted: ScriptedProvider):
    async with busy(accounts_url, scripted, answers_per_user=1) as place:
        account = await sign_up(place.client)
        once = {"idempotency-key": "once"}
        asking = [asyncio.create_task(account.client.post("/v1/chat", QUESTION, headers=once)) for _ in range(10)]
        await place.until_kept(account, 1)
        place.gate.set()
        replies = await asyncio.gather(*asking)
    assert [reply.status for reply in replies] == [200] * 10
    assert len({sse_frames(reply.body)[0][2]["generation_id"] for reply in replies}) == 1
    assert len(scripted.requests) == 2
