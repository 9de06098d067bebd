"""Conversations for tests: documents to be imported, and what is looked up behind the API."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.api.shapes import require_error
from tests.fakes.exchanges import Account, Json, Reply

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def document(messages: Sequence[Json], **more: Any) -> Json:
    """A document with these messages, each of which has a minute of its own."""
    return {
        "format": "deepersensor.conversation",
        "version": 1,
        "title": "A title",
        "created_at": at(0),
        "active_at": at(0),
        "messages": [{"created_at": at(number), **each} for number, each in enumerate(messages)],
    } | more


def at(minute: int) -> str:
    """A moment of the past, in the form of the API."""
    return (BEGINNING + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z")


def said(parent: Json | None, content: str = "", role: str = "user", **more: Any) -> Json:
    """A message of a document."""
    return {"id": str(uuid4()), "parent_id": parent and parent["id"], "role": role, "content": content, **more}


def chain(*contents: str) -> list[Json]:
    """Messages that follow each other, by user and assistant in turn."""
    messages: list[Json] = []
    for content, role in zip(contents, itertools.cycle(("user", "assistant")), strict=False):
        messages.append(said(messages[-1] if messages else None, content, role))
    return messages


async def keep(account: Account, messages: Sequence[Json], **more: Any) -> str:
    """Import a conversation and return its id."""
    reply = await account.client.post("/v1/conversations/import", document(messages, **more))
    assert reply.status == 201, reply
    return reply.json()["id"]


async def messages_of(account: Account, conversation_id: str, query: str = "") -> list[Json]:
    """The messages of a first page."""
    reply = await account.client.get(f"/v1/conversations/{conversation_id}/messages{query}")
    assert reply.status == 200, reply
    return reply.json()["items"]


async def ids_by_content(account: Account, conversation_id: str) -> dict[str, str]:
    """The ids of a conversation's messages."""
    return {each["content"]: each["id"] for each in await messages_of(account, conversation_id, "?limit=100")}


async def pages(account: Account, path: str) -> list[list[Json]]:
    """Every page of a list, by its cursors."""
    found: list[list[Json]] = []
    cursor = ""
    while True:
        reply = await account.client.get(f"{path}{'&' if '?' in path else '?'}{cursor}")
        assert reply.status == 200, reply
        assert sorted(reply.json()) == ["cursor", "items"]
        found.append(reply.json()["items"])
        if reply.json()["cursor"] is None:
            return found
        cursor = f"cursor={reply.json()['cursor']}"


def user_id(account: Account) -> UUID:
    """Whose account it is."""
    return UUID(account.user["id"])


def require_refusal(reply: Reply, field: str) -> None:
    """Fail unless the reply refuses the value of one field or parameter."""
    details = reply.json()["error"].get("details", [])
    require_error(reply, 422, "validation_failed", details=details)
    assert [detail.get("field") for detail in details] == [field]
