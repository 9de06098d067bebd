"""Both providers against a real llama.cpp server: directly, and behind the stand-in for Ollama."""

import asyncio
import json
from collections.abc import AsyncGenerator

import aiohttp
import msgspec
import pytest

from deeper_core import (
    AnswerIncomplete,
    ChatMessage,
    ChatOptions,
    ChatRole,
    ContextTooLong,
    FinishReason,
    FunctionCall,
    FunctionDefinition,
    JsonObject,
    ModelServerUnreachable,
    Tool,
    ToolCall,
    join_tool_calls,
)
from deeper_model import OllamaProvider, OpenAICompatibleProvider, OpenAISettings
from tests.fakes.llama import LlamaServer
from tests.fakes.tiny_model import END_TOKEN, TOOL_CALL_TOKEN
from tests.fixtures.ollama import RunningOllama
from tests.model.dialects import ask, outcome

CONTEXT = 512  # tokens
SOON = 10.0  # seconds; a bound for the machine's sake
SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 5}, "days": {"type": "integer", "maximum": 9, "minimum": 0}},
    "required": ["city", "days"],
}
# What makes a model of random weights call a tool, once, and never end before that.
CALLING: JsonObject = {
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "logit_bias": [[TOOL_CALL_TOKEN, 100], [END_TOKEN, 150]],
}

AnyProvider = OllamaProvider | OpenAICompatibleProvider


@pytest.fixture(params=["openai", "ollama"])
async def provider(
    request: pytest.FixtureRequest, llama: LlamaServer, forwarding_ollama: RunningOllama
) -> AsyncGenerator[AnyProvider]:
    """The same real server through either door."""
    direct = request.param == "openai"
    made = OpenAICompatibleProvider(llama.url) if direct else OllamaProvider(forwarding_ollama.url)
    yield made
    await made.close()


async def busy_slots(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/slots") as reply:
        return sum(slot["is_processing"] for slot in await reply.json())


async def until_idle(url: str) -> None:
    async with asyncio.timeout(SOON):
        while await busy_slots(url):  # noqa: ASYNC110  - another process can only be asked
            await asyncio.sleep(0.01)


async def test_the_model_is_listed_and_the_server_healthy(provider: AnyProvider) -> None:
    await provider.check_health()
    (model,) = await provider.list_models()
    assert model.name.startswith("tiny")
    assert model.context_length == CONTEXT  # of one slot: the server has two


async def test_an_answer_streams_and_is_counted_exactly(provider: AnyProvider) -> None:
    found = await outcome(provider, ask(max_tokens=100, seed=1))
    assert found.finish is not None
    assert found.finish.reason is FinishReason.LENGTH
    assert found.finish.usage is not None
    assert found.finish.usage.completion_tokens == 100
    assert 0 < sum(delta.pieces for delta in found.deltas) <= 100
    assert found.finish.timings.prefill_ms is not None
    assert found.finish.timings.decode_ms is not None
    assert found.content


async def test_the_same_seed_gives_the_same_answer(provider: AnyProvider) -> None:
    first = await outcome(provider, ask(max_tokens=20, seed=7, temperature=1.0))
    second = await outcome(provider, ask(max_tokens=20, seed=7, temperature=1.0))
    assert first.content == second.content


async def test_streams_back_to_back_do_not_meet_a_connection_that_is_being_closed(provider: AnyProvider) -> None:
    for _ in range(40):
        assert (await outcome(provider, ask(max_tokens=1))).finish is not None


async def test_a_conversation_beyond_the_context_is_too_long(provider: AnyProvider) -> None:
    assert type((await outcome(provider, ask("word " * 2_000))).error) is ContextTooLong


async def test_an_answer_that_fills_the_context_ends_there_and_nothing_is_forgotten(provider: AnyProvider) -> None:
    found = await outcome(provider, ask("word " * 60))
    assert found.finish is not None
    assert found.finish.reason is FinishReason.LENGTH
    assert found.finish.usage is not None
    assert found.finish.usage.prompt_tokens > 60
    assert found.finish.usage.prompt_tokens + found.finish.usage.completion_tokens == CONTEXT


async def test_the_time_is_told_in_its_parts(provider: AnyProvider) -> None:
    found = await outcome(provider, ask(max_tokens=20))
    assert found.finish is not None
    timings = found.finish.timings
    parts = (timings.connect_ms, timings.prefill_ms, timings.decode_ms, timings.first_token_ms, timings.total_ms)
    assert all(part is not None and part > 0 for part in parts)


async def test_an_answer_can_be_bound_to_a_schema(provider: AnyProvider) -> None:
    found = await outcome(provider, msgspec.structs.replace(ask(max_tokens=300, seed=3), format=SCHEMA))
    assert found.finish is not None
    written = json.loads(found.content)
    assert set(written) == {"city", "days"}


async def test_leaving_frees_the_slot(provider: AnyProvider, llama: LlamaServer) -> None:
    events = provider.chat_stream(ask(max_tokens=100_000))
    await anext(events)
    await events.aclose()
    await until_idle(llama.url)


async def test_a_tool_call_comes_in_fragments_that_make_a_whole(llama: LlamaServer) -> None:
    provider = OpenAICompatibleProvider(llama.url, settings=OpenAISettings(extra=CALLING))
    tools = (Tool(function=FunctionDefinition(name="forecast", parameters=SCHEMA)),)
    found = await outcome(provider, msgspec.structs.replace(ask(max_tokens=300, seed=1), tools=tools))
    await provider.close()
    assert found.finish is not None
    (call,) = join_tool_calls(call for delta in found.deltas for call in delta.tool_calls)
    assert call.id
    assert call.function.name == "forecast"
    assert set(json.loads(call.function.arguments)) == {"city", "days"}
    assert len(found.deltas) > 1


async def test_arguments_that_a_model_got_wrong_do_not_end_the_conversation(provider: AnyProvider) -> None:
    call = ToolCall(id="c1", function=FunctionCall(name="forecast", arguments='{"city": "Par'))
    request = ask(max_tokens=5)
    said = ChatMessage(role=ChatRole.ASSISTANT, tool_calls=(call,))
    answered = ChatMessage(role=ChatRole.TOOL, content="Expected JSON", tool_call_id="c1", tool_name="forecast")
    found = await outcome(provider, msgspec.structs.replace(request, messages=(*request.messages, said, answered)))
    assert found.finish is not None


async def test_reasoning_comes_as_thinking(thinking_llama: LlamaServer) -> None:
    provider = OpenAICompatibleProvider(thinking_llama.url)
    found = await outcome(provider, ask(max_tokens=20))
    await provider.close()
    assert found.thinking
    assert not found.content


async def test_a_server_killed_in_mid_stream_leaves_the_answer_incomplete(doomed_llama: LlamaServer) -> None:
    provider = OpenAICompatibleProvider(doomed_llama.url)
    events = provider.chat_stream(ask(max_tokens=4_000))
    await anext(events)
    doomed_llama.kill()
    with pytest.raises(AnswerIncomplete):
        async for _ in events:
            pass
    assert type((await outcome(provider)).error) is ModelServerUnreachable
    await provider.close()


async def test_queued_requests_all_get_their_answers(llama: LlamaServer) -> None:
    provider = OpenAICompatibleProvider(llama.url)
    request = msgspec.structs.replace(ask(), options=ChatOptions(max_tokens=5))
    found = await asyncio.gather(*(outcome(provider, request) for _ in range(20)))
    await provider.close()
    assert all(one.finish is not None for one in found)
