"""Conversations and chats together: what is said appears in messages, search and export, and stops when deleted."""

import asyncio

import psycopg

from deeper_core import Delta
from deeper_model import ScriptedProvider
from tests.api.trees import messages_of
from tests.fakes.exchanges import Account, Json


def question(content: str, **more: object) -> Json:
    return {"model": "scripted", "messages": [{"role": "user", "content": content}], "store": True} | more


async def test_what_is_asked_and_answered_is_in_the_conversation(account: Account):
    reply = await account.client.post("/v1/chat", question("Tell me of bluebells", stream=False))
    assert reply.status == 200, reply
    (conversation,) = (await account.client.get("/v1/conversations")).json()["items"]
    answer, asked = await messages_of(account, conversation["id"], "?leaf=newest")
    assert (asked["role"], asked["content"], asked["parent_id"]) == ("user", "Tell me of bluebells", None)
    assert (answer["role"], answer["state"], answer["parent_id"]) == ("assistant", "complete", asked["id"])
    assert (answer["model"], answer["finish_reason"]) == ("scripted", "stop")
    assert answer["generation_id"] == reply.json()["generation_id"]
    assert answer["usage"] == reply.json()["usage"]
    found = (await account.client.get("/v1/search?q=bluebells")).json()["items"]
    assert asked["id"] in [each["message_id"] for each in found]
    exported = (await account.client.get(f"/v1/conversations/{conversation['id']}/export")).json()
    assert [each["id"] for each in exported["messages"]] == [asked["id"], answer["id"]]


async def test_deleting_a_conversation_stops_the_answer_that_is_written_in_it(
    account: Account, scripted: ScriptedProvider, accounts_url: str
):
    scripted.play(Delta(content="half an"), asyncio.Event())
    async with account.client.open("POST", "/v1/chat", question("x", on_disconnect="continue")) as exchange:
        assert (await exchange.head()).status == 200
        await exchange.read_until(b"half an")
        (conversation,) = (await account.client.get("/v1/conversations")).json()["items"]
        assert (await messages_of(account, conversation["id"]))[0]["state"] == "running"
        assert (await account.client.delete(f"/v1/conversations/{conversation['id']}")).status == 204
        await scripted.wait_for_streams(0)
        assert b"event: done" in await exchange.rest()
    assert (await account.client.get("/v1/conversations")).json()["items"] == []
    with psycopg.connect(accounts_url) as db:  # the ledger stays
        row = db.execute(
            "select state, conversation_id, message_id from generations where user_id = %s", [account.user["id"]]
        ).fetchone()
    assert row == ("cancelled", None, None)
