"""Headers that go with what is asked in some context."""

import asyncio

import pytest

from deeper_core import ChatMessage, ChatRequest, ChatRole, ModelServerError
from deeper_model import OllamaProvider, OpenAICompatibleProvider, passing_on
from deeper_model.conformance import Peer, running_upstream

QUESTION = ChatRequest(model="m", messages=(ChatMessage(role=ChatRole.USER, content="Hello"),))


async def refuse(peer: Peer) -> None:
    await peer.reply(500, b"{}")


@pytest.mark.parametrize("kind", [OllamaProvider, OpenAICompatibleProvider])
async def test_headers_go_with_whatever_is_asked_in_the_context_and_with_nothing_else(
    kind: type[OllamaProvider | OpenAICompatibleProvider],
):
    async with running_upstream(refuse) as upstream:
        provider = kind(upstream.url, headers={"x-own": "own"})

        async def ask() -> None:
            with pytest.raises(ModelServerError):
                async for _ in provider.chat_stream(QUESTION):
                    pass
            with pytest.raises(ModelServerError):
                await provider.list_models()

        with passing_on({"traceparent": "t", "x-own": "other"}):
            await asyncio.create_task(ask())
        inside = len(upstream.requests)
        await ask()
        await provider.close()
    sent = [(request.headers.get("traceparent"), request.headers["x-own"]) for request in upstream.requests]
    assert set(sent[:inside]) == {("t", "own")}
    assert set(sent[inside:]) == {(None, "own")}
