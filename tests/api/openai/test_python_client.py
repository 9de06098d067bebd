"""The `openai` package for Python, at a running server."""

import asyncio
import json
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from deeper_model.conformance import Peer
from tests.api.openai.conftest import Door, open_door
from tests.fakes.llama import LlamaServer
from tests.fixtures.servers import Backend, StartServer
from tests.model.dialects import OPENAI

HELLO: Any = [{"role": "user", "content": "Hello"}]
# The smallest PNG: one pixel.
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
SCHEMA: Any = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 5}, "days": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
FORECAST: Any = {"type": "function", "function": {"name": "forecast", "parameters": SCHEMA, "strict": True}}
SOON = 10.0  # seconds; a bound for the machine's sake


def image(url: str) -> Any:
    """A question with an image."""
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    return [{"role": "user", "content": parts}]


async def until_idle(url: str) -> None:
    """Return once llama.cpp works on nothing."""
    async with asyncio.timeout(SOON), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/slots") as reply:
                if not any(slot["is_processing"] for slot in await reply.json()):
                    return
            await asyncio.sleep(0.01)


async def test_models_are_listed_and_found_by_their_names(door: Door, client: AsyncOpenAI):
    listed = [model async for model in client.models.list()]
    assert door.model in {model.id for model in listed}
    found = await client.models.retrieve(door.model)
    assert (found.id, found.object) == (door.model, "model")


async def test_an_answer_comes_whole(door: Door, client: AsyncOpenAI):
    answer = await client.chat.completions.create(model=door.model, messages=HELLO, max_completion_tokens=8)
    (choice,) = answer.choices
    assert (answer.object, answer.model, choice.finish_reason) == ("chat.completion", door.model, "length")
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert answer.id.startswith("chatcmpl-")
    assert answer.created > 1_700_000_000
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


async def test_an_answer_streams_and_is_counted_if_asked(door: Door, client: AsyncOpenAI):
    stream = await client.chat.completions.create(
        model=door.model, messages=HELLO, max_tokens=8, seed=1, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert {(chunk.id, chunk.object, chunk.model) for chunk in chunks} == {
        (chunks[0].id, "chat.completion.chunk", door.model)
    }
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["length"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 8


async def test_a_stream_and_a_whole_answer_say_the_same(door: Door, client: AsyncOpenAI):
    asked: Any = {"model": door.model, "messages": HELLO, "max_tokens": 12, "seed": 7}
    whole = await client.chat.completions.create(**asked)
    stream = await client.chat.completions.create(**asked, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == whole.choices[0].message.content


async def test_a_tool_is_called_and_its_result_goes_back(tools_door: Door):
    asked: Any = {"model": tools_door.model, "seed": 1, "max_tokens": 300, "tools": [FORECAST]}
    asked["parallel_tool_calls"] = False
    chosen: Any = {"type": "function", "function": {"name": "forecast"}}
    async with tools_door.client() as client:
        first = await client.chat.completions.create(**asked, messages=HELLO, tool_choice=chosen)
        message = first.choices[0].message
        assert message.tool_calls is not None
        (call,) = message.tool_calls
        assert call.type == "function"
        assert call.function.name == "forecast"
        assert set(json.loads(call.function.arguments)) == {"city", "days"}
        assert first.choices[0].finish_reason == "tool_calls"
        said: Any = [*HELLO, message.model_dump(exclude_none=True)]
        said.append({"role": "tool", "tool_call_id": call.id, "content": "sunny"})
        second = await client.chat.completions.create(**asked, messages=said, tool_choice="none")
    assert second.choices[0].message.tool_calls is None
    assert second.choices[0].finish_reason == "stop"


async def test_a_tool_call_streams_in_pieces_that_make_a_whole(tools_door: Door):
    asked: Any = {"model": tools_door.model, "messages": HELLO, "seed": 1, "max_tokens": 300}
    async with (
        tools_door.client() as client,
        client.chat.completions.stream(
            **asked, tools=[FORECAST], tool_choice="required", parallel_tool_calls=False
        ) as stream,
    ):
        pieces = [event async for event in stream if event.type == "tool_calls.function.arguments.delta"]
        completion = await stream.get_final_completion()
    calls = completion.choices[0].message.tool_calls
    assert calls
    assert calls[0].function.name == "forecast"
    assert set(json.loads(calls[0].function.arguments)) == {"city", "days"}
    assert len(pieces) > 1


async def test_an_answer_can_be_bound_to_a_schema(door: Door, client: AsyncOpenAI):
    answer = await client.chat.completions.create(
        model=door.model,
        messages=HELLO,
        max_tokens=300,
        seed=3,
        response_format={"type": "json_schema", "json_schema": {"name": "trip", "schema": SCHEMA, "strict": True}},
    )
    assert set(json.loads(answer.choices[0].message.content or "")) == {"city", "days"}


async def test_an_image_is_taken_by_a_model_that_sees(scripted_door: Door):
    async with scripted_door.client() as client:
        answer = await client.chat.completions.create(model=scripted_door.model, messages=image(PIXEL))
    assert "1 image" in (answer.choices[0].message.content or "")


async def test_an_image_is_refused_by_a_model_that_does_not_see(llama_door: Door):
    async with llama_door.client() as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model=llama_door.model, messages=image(PIXEL))
    assert caught.value.code == "model_server_rejected"


async def test_reasoning_is_told_apart_from_the_answer(scripted_door: Door):
    async with scripted_door.client() as client:
        asked: Any = {"model": scripted_door.model, "messages": HELLO, "reasoning_effort": "high"}
        answer = await client.chat.completions.create(**asked)
        stream = await client.chat.completions.create(**asked, stream=True)
        pieces = [getattr(chunk.choices[0].delta, "reasoning_content", None) or "" async for chunk in stream]
    thoughts: str = answer.choices[0].message.reasoning_content
    assert "My script says" in thoughts
    assert "".join(pieces) == thoughts


async def test_leaving_in_mid_stream_frees_the_model_server(llama_door: Door, llama: LlamaServer):
    async with llama_door.client() as client:
        stream = await client.chat.completions.create(model=llama_door.model, messages=HELLO, stream=True)
        await anext(stream.__stream__())
        await stream.close()
    await until_idle(llama.url)


def test_the_client_without_asyncio_works_as_well(scripted_door: Door):
    with OpenAI(base_url=scripted_door.url, api_key=scripted_door.key) as client:
        stream = client.chat.completions.create(model=scripted_door.model, messages=HELLO, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert "Hello" in text


# Errors


@pytest.mark.parametrize("key", ["dsk_nonsense", "sk-of-somebody-else", f"dsk_{'a' * 8}_{'b' * 32}"])
async def test_a_key_that_is_not_valid_is_said_to_be_one(door: Door, key: str):
    async with door.client(api_key=key) as client:
        with pytest.raises(openai.AuthenticationError, match="The API key is") as caught:
            await client.models.list()
    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_that_there_is_not(scripted_door: Door, stream: bool):
    async with scripted_door.client() as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.chat.completions.create(model="no/such:model", messages=HELLO, stream=stream)
        assert caught.value.code == "model_not_found"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("no/such:model")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_that_is_too_long(llama_door: Door, stream: bool):
    long: Any = [{"role": "user", "content": "word " * 2_000}]
    async with llama_door.client() as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model=llama_door.model, messages=long, stream=stream)
    assert (caught.value.code, caught.value.type) == ("context_length_exceeded", "invalid_request_error")


async def test_a_value_that_is_not_allowed_is_named(door: Door, client: AsyncOpenAI):
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model=door.model, messages=HELLO, n=2)
    assert (caught.value.param, caught.value.code) == ("n", "validation_failed")


async def test_a_key_that_came_with_another_request_is_not_tried_again(scripted_door: Door):
    asked: Any = {"model": scripted_door.model, "messages": HELLO, "extra_headers": {"Idempotency-Key": "once"}}
    async with scripted_door.client(max_retries=2) as client:
        await client.chat.completions.create(**asked)
        with pytest.raises(openai.ConflictError) as caught:
            await client.chat.completions.create(**asked, seed=1)
    assert caught.value.request.headers["x-stainless-retry-count"] == "0"


async def test_what_there_is_not(client: AsyncOpenAI):
    with pytest.raises(openai.NotFoundError) as caught:
        await client.embeddings.create(model="x", input="x")
    assert caught.value.code == "not_found"


async def test_a_key_that_may_only_read(scripted_url: str):
    door = await open_door(scripted_url, "read")
    async with door.client() as client:
        with pytest.raises(openai.PermissionDeniedError):
            await client.chat.completions.create(model=door.model, messages=HELLO)


async def fail(peer: Peer) -> None:
    await peer.reply(500, b'{"error": {"message": "broken"}}')


async def answer(peer: Peer) -> None:
    await OPENAI.begin(peer, "Fine, ", "thanks.")
    await peer.chunk(OPENAI.end())
    await peer.chunk(b"")


async def break_off(peer: Peer) -> None:
    await OPENAI.begin(peer, "Fi")


async def busy(peer: Peer) -> None:
    await peer.reply(503, b"{}", "application/json", "Retry-After: 1")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_server_that_fails(backend: Backend, stream: bool):
    async with backend.model(answer):
        door = await open_door(backend.url)
    async with backend.model(fail), door.client() as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(model="tiny", messages=HELLO, stream=stream)
    assert (caught.value.status_code, caught.value.code, caught.value.type) == (
        502,
        "model_server_failed",
        "server_error",
    )


async def test_a_model_server_that_breaks_off_is_told_in_the_stream(backend: Backend):
    async with backend.model(answer):
        door = await open_door(backend.url)
    async with backend.model(break_off), door.client() as client:
        stream = await client.chat.completions.create(model="tiny", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError) as caught:
            async for _ in stream:
                pass
    assert caught.value.code == "answer_incomplete"


async def test_a_model_server_that_is_busy_is_asked_again_when_it_said(backend: Backend):
    async with backend.model(answer):
        door = await open_door(backend.url)
    async with backend.model(busy, answer) as model, door.client(max_retries=1) as client:
        found = await client.chat.completions.create(model="tiny", messages=HELLO)
    assert found.choices[0].message.content == "Fine, thanks."
    assert len(model.requests) == 2


async def list_again_and_again(client: AsyncOpenAI) -> None:
    for _ in range(10):
        await client.models.list()


async def test_whoever_asks_too_often_waits_as_long_as_told_and_then_is_answered(start_server: StartServer):
    limits = {"DEEPER_LIMITS_ENABLED": "true", "DEEPER_LIMITS_USER_PER_MINUTE": "60", "DEEPER_LIMITS_USER_BURST": "3"}
    door = await open_door(start_server(DEEPER_MODEL_PROVIDER="scripted", **limits).url)
    async with door.client() as hasty, door.client(max_retries=3) as patient:
        with pytest.raises(openai.RateLimitError) as caught:
            await list_again_and_again(hasty)
        assert caught.value.code == "rate_limit_exceeded"
        assert float(caught.value.response.headers["retry-after"]) >= 1
        raw = await patient.chat.completions.with_raw_response.create(model=door.model, messages=HELLO)
    assert raw.retries_taken > 0
    assert raw.parse().choices[0].message.content
