"""The scripted provider: a demo for people, an instrument for tests."""

import asyncio
import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_core import (
    AnswerIncomplete,
    ChatMessage,
    ChatOptions,
    ChatRequest,
    ChatRole,
    ContextTooLong,
    Delta,
    Finish,
    FinishReason,
    FunctionDefinition,
    JsonObject,
    Model,
    ModelNotFound,
    ModelServerFailed,
    ModelServerUnreachable,
    Timings,
    Tool,
    Usage,
    join_tool_calls,
)
from deeper_model import SCRIPTED_MODEL, ScriptedProvider, demo
from tests.model.dialects import Outcome, outcome

FINISH = Finish(reason=FinishReason.STOP)


def ask(text: str = "What is up?", **fields: object) -> ChatRequest:
    return ChatRequest(model="scripted", messages=(ChatMessage(role=ChatRole.USER, content=text),), **fields)  # pyright: ignore[reportArgumentType]  - fields of any type


async def demonstrate(request: ChatRequest) -> Outcome:
    return await outcome(ScriptedProvider(), request)


async def test_the_demo_says_that_it_is_scripted_and_repeats_the_question() -> None:
    found = await demonstrate(ask("Where do whales sleep?"))
    assert "scripted" in found.content
    assert "Where do whales sleep?" in found.content
    assert found.finish is not None
    assert found.finish.reason is FinishReason.STOP


async def test_the_demo_streams_word_by_word_and_counts_exactly() -> None:
    found = await demonstrate(ask("one two three"))
    assert found.finish is not None
    assert found.finish.usage == Usage(prompt_tokens=4, completion_tokens=len(found.deltas))
    assert len(found.content.split()) == len(found.deltas)


async def test_the_demo_is_deterministic_and_a_seed_can_change_it() -> None:
    first, second = await demonstrate(ask()), await demonstrate(ask())
    assert first.content == second.content
    seeded = {(await demonstrate(ask(options=ChatOptions(seed=seed)))).content for seed in range(10)}
    assert len(seeded) > 1


async def test_the_demo_obeys_max_tokens() -> None:
    found = await demonstrate(ask(options=ChatOptions(max_tokens=4)))
    assert found.finish is not None
    assert found.finish.reason is FinishReason.LENGTH
    assert len(found.deltas) == 4


async def test_the_demo_obeys_stop() -> None:
    found = await demonstrate(ask(options=ChatOptions(stop=("scripted",))))
    assert "scripted" not in found.content
    assert found.content


async def test_the_demo_thinks_when_asked() -> None:
    found = await demonstrate(ask(think=True))
    assert found.thinking
    assert found.content


async def test_the_demo_writes_json_when_asked() -> None:
    assert json.loads((await demonstrate(ask(format="json"))).content)["question"] == "What is up?"


async def test_the_demo_fills_a_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 3},
            "count": {"type": "integer", "minimum": 7},
            "kind": {"enum": ["a", "b"]},
            "list": {"type": "array", "items": {"type": "boolean"}},
            "none": {"type": ["null", "string"]},
            "deep": {"properties": {"x": {"const": 5}}},
        },
    }
    found = await demonstrate(ask(format=schema))
    assert json.loads(found.content) == {
        "text": "Wha", "count": 7, "kind": "a", "list": [True], "none": None, "deep": {"x": 5},
    }  # fmt: skip


async def test_the_demo_writes_no_more_than_a_little_whatever_a_schema_asks_for() -> None:
    schema: JsonObject = {"type": "string"}
    for _ in range(30):
        schema = {"type": "array", "minItems": 1_000, "items": schema}
    found = await demonstrate(ask(format=schema))
    assert 8 <= len(json.loads(found.content)) < len(found.content) < 1_000


@pytest.mark.parametrize("properties", [None, {}])
async def test_an_object_without_properties_is_empty(properties: JsonObject | None) -> None:
    assert (await demonstrate(ask(format={"type": "object", "properties": properties}))).content == "{}"


async def test_the_demo_says_when_it_was_told_nothing() -> None:
    assert "You wrote nothing." in (await demonstrate(ask(""))).content


async def test_the_demo_says_how_many_images_it_was_shown() -> None:
    shown = ChatMessage(role=ChatRole.USER, content="Look", images=(b"one", b"two"))
    assert "2 image(s)" in (await demonstrate(ChatRequest(model="scripted", messages=(shown,)))).content


async def test_the_demo_calls_a_tool_and_then_tells_what_it_returned() -> None:
    parameters: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = (Tool(function=FunctionDefinition(name="weather", parameters=parameters)),)
    found = await demonstrate(ask("Rome", tools=tools))
    assert found.finish is not None
    assert found.finish.reason is FinishReason.TOOL_CALLS
    calls = join_tool_calls(call for delta in found.deltas for call in delta.tool_calls)
    assert [(call.function.name, call.function.arguments) for call in calls] == [("weather", '{"city":"Rome"}')]
    messages = (
        ChatMessage(role=ChatRole.USER, content="Rome"),
        ChatMessage(role=ChatRole.ASSISTANT, tool_calls=calls),
        ChatMessage(role=ChatRole.TOOL, content="sunny", tool_call_id=calls[0].id, tool_name="weather"),
    )
    found = await demonstrate(ChatRequest(model="scripted", messages=messages, tools=tools))
    assert "sunny" in found.content


async def test_an_unknown_model_is_not_found() -> None:
    assert type((await demonstrate(ChatRequest(model="other", messages=()))).error) is ModelNotFound


async def test_a_conversation_beyond_the_context_is_too_long() -> None:
    assert type((await demonstrate(ask("word " * 9_000))).error) is ContextTooLong


def test_a_long_blank_text_is_read_in_no_time() -> None:
    started = time.perf_counter()
    assert demo.pieces(" \n" * 1_000_000) == []
    assert time.perf_counter() - started < 5  # it was some hours


async def test_a_script_is_streamed_as_it_is_and_only_once() -> None:
    provider = ScriptedProvider()
    provider.play(Delta(content="a"), Delta(content="b", pieces=2), FINISH)
    found = await outcome(provider, ask())
    assert found.deltas == [Delta(content="a"), Delta(content="b", pieces=2)]
    assert "scripted" in (await outcome(provider, ask())).content
    assert len(provider.requests) == 2


async def test_the_timings_of_a_script_are_left_as_they_are() -> None:
    provider = ScriptedProvider()
    told = Finish(reason=FinishReason.STOP, timings=Timings(total_ms=7.0))
    provider.play(Delta(content="a"), told)
    assert (await outcome(provider, ask())).finish == told


async def test_a_script_waits_at_its_gates() -> None:
    provider, gate = ScriptedProvider(), asyncio.Event()
    provider.play(Delta(content="a"), gate, Delta(content="b"), FINISH)
    events = provider.chat_stream(ask())
    assert await anext(events) == Delta(content="a")
    step = asyncio.ensure_future(anext(events))
    await provider.wait_for_streams(1)
    assert not step.done()
    gate.set()
    assert await step == Delta(content="b")
    await events.aclose()


@pytest.mark.parametrize("before", [(), (Delta(content="a"),)])
async def test_a_script_can_fail_anywhere(before: tuple[Delta, ...]) -> None:
    provider = ScriptedProvider()
    provider.play(*before, ModelServerFailed())
    found = await outcome(provider, ask())
    assert found.deltas == list(before)
    assert type(found.error) is ModelServerFailed


async def test_a_script_without_an_end_is_incomplete() -> None:
    provider = ScriptedProvider()
    provider.play(Delta(content="a"))
    assert type((await outcome(provider, ask())).error) is AnswerIncomplete


async def test_an_answer_that_is_left_is_no_longer_open() -> None:
    provider = ScriptedProvider()
    provider.play(Delta(content="a"), asyncio.Event())
    events = provider.chat_stream(ask())
    await anext(events)
    assert provider.open_streams == 1
    await events.aclose()
    await provider.wait_for_streams(0)


async def test_a_fault_is_raised_by_everything() -> None:
    provider = ScriptedProvider(models=(SCRIPTED_MODEL, Model(name="second")))
    assert [model.name for model in await provider.list_models()] == ["scripted", "second"]
    await provider.check_health()
    provider.fault = ModelServerUnreachable()
    with pytest.raises(ModelServerUnreachable):
        await provider.list_models()
    with pytest.raises(ModelServerUnreachable):
        await provider.check_health()
    assert type((await outcome(provider, ask())).error) is ModelServerUnreachable


@given(st.text())
def test_the_pieces_of_a_text_are_that_text(text: str) -> None:
    assert "".join(demo.pieces(text)) == (text if re.search(r"\S", text) else "")
