"""Frames as chunks, and an answer as a completion."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from deeper_api.chat.answers import Answer
from deeper_api.chat.frames import Context, Done, Failed, Frame, Piece, Queued, Start
from deeper_api.errors import error_body
from deeper_api.openai.completions import Chunk, chunk_wire, completion_of
from deeper_core import (
    AnswerIncomplete,
    ChatMessage,
    ChatRole,
    FinishReason,
    FunctionCall,
    FunctionCallDelta,
    GenerationId,
    MessageId,
    Timings,
    ToolCall,
    ToolCallDelta,
    Usage,
)

ID = "019a0000-0000-7000-8000-000000000000"
BEGUN = datetime(2026, 11, 1, tzinfo=UTC)
START = Start(generation_id=GenerationId(UUID(ID)), model='a "model"', created_at=BEGUN)
DONE = Done(finish_reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2), timings=Timings())
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
HEAD: Any = {"id": f"chatcmpl-{ID}", "object": "chat.completion.chunk", "created": 1793491200, "model": 'a "model"'}


def events(*frames: Frame, include_usage: bool = False) -> list[str]:
    """What goes out for the frames, event by event; each by itself and all at once, which is the same."""
    one, other = chunk_wire(include_usage=include_usage), chunk_wire(include_usage=include_usage)
    body = one.encode([(None, frame) for frame in frames])
    assert body == b"".join(other.encode([(None, frame)]) for frame in frames)
    assert body.endswith(b"\n\n")
    return body.decode().split("\n\n")[:-1]


def data(event: str) -> Any:
    assert event.startswith("data: ")
    return json.loads(event.removeprefix("data: "))


def choice(delta: Any, reason: str | None = None) -> Any:
    return HEAD | {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def call(**piece: Any) -> ToolCallDelta:
    return ToolCallDelta(index=0, id=piece.pop("id", None), function=FunctionCallDelta(**piece))


def test_a_stream_from_its_beginning_to_its_end():
    calls = (call(id="c1", name="f"), call(arguments='{"a"'))
    found = events(START, Piece(thinking="Hm."), Piece(content="Hi"), *(Piece(tool_calls=(c,)) for c in calls), DONE)
    assert found[-1] == "data: [DONE]"
    assert [data(event) for event in found[:-1]] == [
        choice({"role": "assistant"}),
        choice({"reasoning_content": "Hm."}),
        choice({"content": "Hi"}),
        choice(
            {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]}
        ),
        choice({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
        choice({}, "stop"),
    ]


def test_every_chunk_is_what_the_description_says():
    for event in events(START, Piece(content="Hi"), DONE, include_usage=True)[:-1]:
        chunk = msgspec.json.decode(event.removeprefix("data: "), type=Chunk)
        assert msgspec.to_builtins(chunk)["object"] == "chat.completion.chunk"


def test_counts_come_last_if_they_were_asked_for():
    found = events(START, DONE, include_usage=True)
    assert data(found[-2]) == HEAD | {"choices": [], "usage": USAGE}


@pytest.mark.parametrize("reason", FinishReason)
def test_an_answer_that_was_stopped_from_outside_has_stopped(reason: FinishReason):
    last = data(events(START, msgspec.structs.replace(DONE, finish_reason=reason))[-2])
    expected = "stop" if reason is FinishReason.CANCELLED else reason.value
    assert last["choices"][0]["finish_reason"] == expected


def test_what_is_no_part_of_an_answer_is_a_comment():
    found = events(START, Context(dropped=(MessageId(UUID(ID)),)), Queued(position=3), DONE)
    assert found[1:3] == [": without the oldest 1", ": queued 3"]


def test_an_error_is_the_end():
    found = events(START, Piece(content="Hi"), Failed(error=error_body(AnswerIncomplete(), "id")))
    assert data(found[-1]) == {
        "error": {
            "message": "The answer broke off before it was complete.",
            "type": "server_error",
            "param": None,
            "code": "answer_incomplete",
        }
    }


def whole(**message: Any) -> Any:
    answer = Answer(
        generation_id=START.generation_id,
        model="tiny",
        created_at=BEGUN,
        message=ChatMessage(role=ChatRole.ASSISTANT, **message),
        finish_reason=FinishReason.STOP,
        usage=DONE.usage,
        timings=Timings(),
    )
    return json.loads(msgspec.json.encode(completion_of(answer)))


def test_a_whole_answer():
    message = {"role": "assistant", "content": "Hi", "refusal": None, "reasoning_content": "Hm."}
    assert whole(content="Hi", thinking="Hm.") == {
        "id": f"chatcmpl-{ID}",
        "object": "chat.completion",
        "created": 1793491200,
        "model": "tiny",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": USAGE,
    }


def test_a_whole_answer_that_is_a_tool_call_has_no_content():
    called = ToolCall(id="c1", function=FunctionCall(name="f"))
    assert whole(tool_calls=(called,))["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
