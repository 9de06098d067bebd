"""Asking over HTTP, and what is kept of it."""

import asyncio
from typing import Any

from tests.fakes.exchanges import Account, Frame, Json, Reply, sse_frames

QUESTION: Json = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}


def said(*contents: str) -> Json:
    """New messages of a user."""
    return {"messages": [{"role": "user", "content": content} for content in contents]}


async def ask(account: Account, sent: Json | None = None, *, key: str | None = None, **more: Any) -> Reply:
    """Send a question that streams its answer."""
    headers = {} if key is None else {"idempotency-key": key}
    return await account.client.post("/v1/chat", QUESTION | (sent or {}) | more, headers=headers)


async def frames(account: Account, sent: Json | None = None, *, key: str | None = None, **more: Any) -> list[Frame]:
    """Ask, and return the frames of the answer."""
    reply = await ask(account, sent, key=key, **more)
    assert reply.status == 200, reply
    return sse_frames(reply.body)


async def keep(account: Account, sent: Json | None = None, **more: Any) -> Json:
    """Ask, let the answer end, and return the start of its stream."""
    return (await frames(account, (sent or {}) | more, store=True))[0][2]


def text(found: list[Frame]) -> str:
    return "".join(frame.get("content", "") for _, _, frame in found)


async def events(account: Account, generation_id: str, after: int | None = None) -> list[Frame]:
    """Follow an answer from a position on."""
    headers = {} if after is None else {"last-event-id": str(after)}
    reply = await account.client.get(f"/v1/generations/{generation_id}/events", headers=headers)
    assert reply.status == 200, reply
    return sse_frames(reply.body)


async def look(account: Account, generation_id: str) -> Json:
    """The generation as it is now."""
    reply = await account.client.get(f"/v1/generations/{generation_id}")
    assert reply.status == 200, reply
    return reply.json()


async def until_state(account: Account, generation_id: str, state: str) -> Json:
    """Wait until the generation has this state in the database, and return it."""
    async with asyncio.timeout(10):
        while (seen := await look(account, generation_id))["state"] != state:  # noqa: ASYNC110  - no event tells
            await asyncio.sleep(0.001)
    return seen


async def messages(account: Account, conversation_id: str) -> list[Json]:
    """The messages of a conversation, the oldest first."""
    reply = await account.client.get(f"/v1/conversations/{conversation_id}/messages?limit=100")
    assert reply.status == 200, reply
    return reply.json()["items"][::-1]


async def used(account: Account) -> list[Json]:
    """What the ledger says of today."""
    reply = await account.client.get("/v1/usage")
    assert reply.status == 200, reply
    return reply.json()["items"]
