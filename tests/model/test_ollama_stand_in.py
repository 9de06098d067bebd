"""The stand-in for Ollama, read by Ollama's own client as well: if they disagree, the stand-in is wrong."""

import asyncio

import ollama
import pytest

from deeper_core import (
    ChatMessage,
    ChatRequest,
    ChatRole,
    ContextTooLong,
    FinishReason,
    ModelNotFound,
    ModelServerRejected,
)
from deeper_model import OllamaProvider
from tests.fakes.ollama import running_ollama_process
from tests.fixtures.ollama import RunningOllama
from tests.model.dialects import ask, outcome

QUESTION = [{"role": "user", "content": "Hello"}]


async def test_the_official_client_lists_shows_and_chats(ollama_server: RunningOllama) -> None:
    client = ollama.AsyncClient(host=ollama_server.url)
    async with client._client:
        (model,) = (await client.list()).models
        assert model.model == "tiny:latest"
        assert (await client.ps()).models[0].context_length == 512
        assert "completion" in ((await client.show("tiny")).capabilities or [])
        whole = await client.chat("tiny", QUESTION)
        assert whole.done_reason == "stop"
        parts = [part async for part in await client.chat("tiny", QUESTION, stream=True)]
        assert "".join(part.message.content or "" for part in parts) == whole.message.content
        assert parts[-1].eval_count == len(parts) - 1


async def test_the_official_client_and_ours_read_the_same_real_answer(forwarding_ollama: RunningOllama) -> None:
    client, provider = ollama.AsyncClient(host=forwarding_ollama.url), OllamaProvider(forwarding_ollama.url)
    options = {"num_predict": 30, "seed": 5, "temperature": 0.0}
    async with client._client:
        theirs = await client.chat("tiny", QUESTION, options=options)
    ours = await outcome(provider, ask("Hello", max_tokens=30, seed=5, temperature=0.0))
    await provider.close()
    assert ours.content == theirs.message.content
    assert ours.finish is not None
    assert ours.finish.reason is FinishReason.LENGTH
    assert ours.finish.usage is not None
    assert ours.finish.usage.completion_tokens == theirs.eval_count == 30


async def test_the_official_client_meets_the_same_errors(forwarding_ollama: RunningOllama) -> None:
    client, provider = ollama.AsyncClient(host=forwarding_ollama.url), OllamaProvider(forwarding_ollama.url)
    async with client._client:
        with pytest.raises(ollama.ResponseError) as missing:
            await client.chat("other", QUESTION)
        assert missing.value.status_code == 404
        with pytest.raises(ollama.ResponseError) as long:
            await client.chat("tiny", [{"role": "user", "content": "word " * 2_000}])
        assert long.value.status_code == 400
    request = ChatRequest(model="other", messages=(ChatMessage(role=ChatRole.USER, content="Hi"),))
    assert type((await outcome(provider, request)).error) is ModelNotFound
    assert type((await outcome(provider, ask("word " * 2_000))).error) is ContextTooLong
    thinking = ChatRequest(model="tiny", messages=request.messages, think=True)
    assert type((await outcome(provider, thinking)).error) is ModelServerRejected
    await provider.close()


async def test_leaving_ends_the_chat_in_the_stand_in(ollama_server: RunningOllama) -> None:
    ollama_server.stand_in.delay = 3_600.0
    provider = OllamaProvider(ollama_server.url)
    task = asyncio.get_running_loop().create_task(outcome(provider, ask()))
    async with asyncio.timeout(10):
        await ollama_server.stand_in.until_open(1)
        task.cancel()
        await ollama_server.stand_in.until_open(0)
    await provider.close()


async def test_a_chat_without_messages_loads_the_model(ollama_server: RunningOllama) -> None:
    provider = OllamaProvider(ollama_server.url)
    found = await outcome(provider, ChatRequest(model="tiny", messages=()))
    await provider.close()
    assert found.deltas == []
    assert found.finish is not None


async def test_it_runs_as_a_script() -> None:
    with running_ollama_process("--model", "demo:latest") as url:
        provider = OllamaProvider(url)
        await provider.check_health()
        assert [model.name for model in await provider.list_models()] == ["demo:latest"]
        await provider.close()
