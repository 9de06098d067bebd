"""Open streams of those who may no longer be here."""

import asyncio

import pytest

from deeper_api.routes import streams
from deeper_core import Delta, Finish, FinishReason
from deeper_model import ScriptedProvider
from tests.api.routes.test_chat import QUESTION
from tests.api.shapes import require_error
from tests.fakes.exchanges import Account, sse_frames

STOP = Finish(reason=FinishReason.STOP)
STORED = QUESTION | {"store": True, "on_disconnect": "continue"}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.02)


def code(body: bytes) -> str:
    """The code of the error with which a stream ended."""
    _, event, data = sse_frames(body)[-1]
    assert event == "error"
    assert data["error"]["request_id"]
    return data["error"]["code"]


async def state_of(account: Account, generation_id: str) -> str:
    return (await account.client.get(f"/v1/generations/{generation_id}")).json()["state"]


async def test_a_stream_ends_with_its_session_and_a_stored_answer_goes_on(account: Account, scripted: ScriptedProvider):
    other, gate = await account.log_in(), asyncio.Event()
    scripted.play(Delta(content="one"), gate, Delta(content="two"), STOP)
    async with account.client.open("POST", "/v1/chat", STORED) as stream:
        await stream.head()
        begun = await stream.read_until(b"one")
        assert (await account.client.post("/v1/auth/logout")).status == 204
        assert code(begun + await stream.rest()) == "invalid_token"
        generation_id = sse_frames(begun)[0][2]["generation_id"]
        assert await state_of(other, generation_id) == "running"
        follow = f"/v1/generations/{generation_id}/events"
        require_error(await account.client.get(follow), 401, "invalid_token")
        async with other.client.open("GET", follow) as again:
            await again.head()
            gate.set()
            assert sse_frames(await again.rest())[-1][1] == "done"


async def test_one_who_follows_is_sent_away_too(account: Account, scripted: ScriptedProvider):
    other = await account.log_in()
    scripted.play(Delta(content="one"), asyncio.Event())
    async with account.client.open("POST", "/v1/chat", QUESTION) as stream:
        await stream.head()
        begun = await stream.read_until(b"one")
        generation_id = sse_frames(begun)[0][2]["generation_id"]
        async with other.client.open("GET", f"/v1/generations/{generation_id}/events") as followed:
            await followed.head()
            assert (await account.client.delete("/v1/auth/sessions")).status == 204
            assert code(await followed.rest()) == "invalid_token"
        assert await state_of(account, generation_id) == "running"


async def test_an_answer_that_is_not_stored_ends_with_its_only_viewer(account: Account, scripted: ScriptedProvider):
    scripted.play(Delta(content="one"), asyncio.Event())
    async with account.client.open("POST", "/v1/chat", QUESTION) as stream:
        await stream.head()
        begun = await stream.read_until(b"one")
        await account.client.post("/v1/auth/logout")
        assert code(begun + await stream.rest()) == "invalid_token"
        await scripted.wait_for_streams(0)


async def test_who_waits_for_a_whole_answer_does_not_get_it(account: Account, scripted: ScriptedProvider):
    scripted.play(Delta(content="one"), asyncio.Event())
    async with account.client.open("POST", "/v1/chat", QUESTION | {"stream": False}) as waiting:
        await scripted.wait_for_streams(1)
        await account.client.post("/v1/auth/logout")
        assert (await waiting.head()).status == 401


async def test_a_stream_ends_with_its_api_key(account: Account, scripted: ScriptedProvider):
    made = (await account.client.post("/v1/api-keys", {"name": "a program", "scopes": ["chat"]})).json()
    scripted.play(Delta(content="one"), asyncio.Event())
    async with account.client.as_user(made["key"]).open("POST", "/v1/chat", QUESTION) as stream:
        await stream.head()
        begun = await stream.read_until(b"one")
        assert (await account.client.delete(f"/v1/api-keys/{made['id']}")).status == 204
        assert code(begun + await stream.rest()) == "invalid_token"
