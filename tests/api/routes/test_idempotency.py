"""POST /v1/chat with an ``Idempotency-Key``."""

import asyncio

import pytest

from deeper_core import Delta, Finish, FinishReason
from deeper_model import ScriptedProvider
from tests.api.routes.answers import QUESTION, ask, frames, said, text
from tests.api.shapes import require_error
from tests.api.trees import require_refusal
from tests.fakes.exchanges import Account, sign_up, sse_frames

DONE = Finish(reason=FinishReason.STOP)


async def test_the_same_question_is_answered_once(account: Account, scripted: ScriptedProvider):
    first, second = [await frames(account, key="k") for _ in range(2)]
    assert first[0] == second[0]
    assert (text(first), first[-1][2]["usage"]) == (text(second), second[-1][2]["usage"])
    assert len(scripted.requests) == 1


async def test_all_forms_of_the_answer_are_of_the_same(account: Account, scripted: ScriptedProvider):
    streamed = await frames(account, key="k", store=True)
    again = await ask(account, key="k", store=True)
    assert sse_frames(again.body)[0] == streamed[0]
    assert len(scripted.requests) == 1
    # How the answer is to come is a part of the question.
    require_error(await ask(account, key="k", store=True, stream=False), 409, "conflict")


async def test_another_question_under_the_same_key_is_refused(account: Account, scripted: ScriptedProvider):
    await frames(account, key="k")
    require_error(await ask(account, said("Something else"), key="k"), 409, "conflict")
    assert len(scripted.requests) == 1


async def test_an_answer_that_runs_is_joined(account: Account, scripted: ScriptedProvider):
    gate = asyncio.Event()
    scripted.play(Delta(content="a"), gate, Delta(content="b"), DONE)
    async with account.client.open("POST", "/v1/chat", QUESTION, headers={"idempotency-key": "k"}) as exchange:
        await exchange.head()
        body = await exchange.read_until(b'"a"')
        async with account.client.open("POST", "/v1/chat", QUESTION, headers={"idempotency-key": "k"}) as second:
            await second.head()
            other = await second.read_until(b'"a"')
            gate.set()
            assert text(sse_frames(other + await second.rest())) == "ab"
        assert text(sse_frames(body + await exchange.rest())) == "ab"
    assert len(scripted.requests) == 1


@pytest.mark.parametrize("store", [True, False])
async def test_ten_at_once_are_one(account: Account, scripted: ScriptedProvider, store: bool):
    replies = await asyncio.gather(*(ask(account, key="k", store=store) for _ in range(10)))
    found = [sse_frames(reply.body) for reply in replies]
    assert len({frame[0][2]["generation_id"] for frame in found}) == 1
    assert len({text(frame) for frame in found}) == 1
    assert [frame[-1][1] for frame in found] == ["done"] * 10
    assert len(scripted.requests) == 1
    assert len((await account.client.get("/v1/conversations")).json()["items"]) == int(store)


async def test_the_keys_of_two_users_are_two(account: Account, scripted: ScriptedProvider):
    other = await sign_up(account.client)
    mine, theirs = await frames(account, key="k"), await frames(other, key="k")
    assert mine[0][2]["generation_id"] != theirs[0][2]["generation_id"]
    assert len(scripted.requests) == 2


async def test_who_comes_back_after_a_lost_connection_finds_the_answer(account: Account, scripted: ScriptedProvider):
    gate = asyncio.Event()
    scripted.play(Delta(content="a"), gate, Delta(content="b"), DONE)
    async with account.client.open("POST", "/v1/chat", QUESTION, headers={"idempotency-key": "k"}) as exchange:
        await exchange.head()
        await exchange.read_until(b'"a"')
        exchange.leave()
    gate.set()
    assert text(await frames(account, key="k")) == "ab"


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\tb"])
async def test_a_key_that_is_none_is_refused(account: Account, scripted: ScriptedProvider, key: str):
    require_refusal(await ask(account, key=key), "Idempotency-Key")
    assert scripted.requests == []


@pytest.mark.parametrize("key", ["x", "x" * 255, "~ !\"'\\%"])
async def test_a_key_may_be_any_printable_text(account: Account, key: str):
    assert (await frames(account, key=key))[-1][1] == "done"
    assert (await frames(account, key=key))[-1][1] == "done"


async def test_a_refused_question_uses_up_no_key(account: Account):
    require_refusal(await ask(account, {"messages": []}, key="k"), "$.messages")
    assert (await frames(account, key="k"))[-1][1] == "done"
