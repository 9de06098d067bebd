import asyncio
import itertools
from datetime import datetime

import pytest
from msgspec import Struct
from msgspec.structs import replace

from deeper_api.chat.contexts import estimate_prompt
from deeper_core import (
    ChatMessage,
    ChatOptions,
    ChatRequest,
    ChatRole,
    ContextTooLong,
    DeeperError,
    Delta,
    Finish,
    FinishReason,
    FunctionCallDelta,
    FunctionDefinition,
    ModelOutOfMemory,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerTimedOut,
    ModelServerUnreachable,
    Timings,
    Tool,
    ToolCallDelta,
    Usage,
)
from deeper_model import ScriptedProvider
from tests.api.shapes import ANY_ID, ANY_MS, ANY_TIME, require_error, require_headers
from tests.fakes.exchanges import Account, Frame, Json, Reply, ndjson_frames, sign_up, sse_frames
from tests.fixtures.applications import application, config_for

NDJSON = {"accept": "application/x-ndjson"}
QUESTION: Json = {"model": "scripted", "messages": [{"role": "user", "content": "Hello"}]}
USAGE = Usage(prompt_tokens=3, completion_tokens=2)
DONE = Finish(reason=FinishReason.STOP, usage=USAGE, timings=Timings(load_ms=1.5, total_ms=20.0))
START: Json = {"event": "start", "generation_id": ANY_ID, "model": "scripted", "created_at": ANY_TIME}
LAST: Json = {
    "event": "done",
    "finish_reason": "stop",
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    "timings": {"queue_ms": ANY_MS, "load_ms": 1.5, "total_ms": ANY_MS},
}


class Wire(Struct, frozen=True):
    """One of the two forms of a stream."""

    headers: dict[str, str]
    media_type: str

    def frames(self, reply: Reply) -> list[Frame]:
        assert reply.status == 200
        assert (reply.header("content-type") or "").partition(";")[0] == self.media_type
        require_headers(reply)
        return (ndjson_frames if self.headers else sse_frames)(reply.body)


@pytest.fixture(params=["sse", "ndjson"])
def wire(request: pytest.FixtureRequest) -> Wire:
    return Wire({}, "text/event-stream") if request.param == "sse" else Wire(NDJSON, "application/x-ndjson")


def size(frame: Json) -> int:
    """How many positions a frame counts."""
    return len(frame.get("content", "")) + len(frame.get("thinking", "")) + len(frame.get("tool_calls", ()))


def numbered(*frames: Json) -> list[Frame]:
    """These frames with their positions."""
    ends = itertools.accumulate(size(frame) for frame in frames)
    return [
        (end + 1 if frame["event"] in {"done", "error"} else end, frame["event"], frame)
        for end, frame in zip(ends, frames, strict=True)
    ]


def joined(frames: list[Frame]) -> list[Frame]:
    """These frames with neighbouring pieces of one kind joined: how they were cut is for chance to decide."""
    result: list[Frame] = []
    for number, event, frame in frames:
        before = result[-1][2] if result else {}
        if event == "delta" and before.keys() == frame.keys():
            (kind,) = frame.keys() - {"event"}
            result[-1] = (number, event, {"event": event, kind: before[kind] + frame[kind]})
        else:
            result.append((number, event, frame))
    return result


async def ask(account: Account, wire: Wire, **more: object) -> Reply:
    return await account.client.post("/v1/chat", QUESTION | more, headers=wire.headers)


async def test_an_answer_streams_frame_by_frame(account: Account, scripted: ScriptedProvider, wire: Wire):
    scripted.play(Delta(thinking="Hm."), Delta(content="Hel"), Delta(content="lo\n\n🌍 “” \u2028"), DONE)
    assert joined(wire.frames(await ask(account, wire))) == numbered(
        START,
        {"event": "delta", "thinking": "Hm."},
        {"event": "delta", "content": "Hello\n\n🌍 “” \u2028"},
        LAST,
    )


async def test_the_bytes_of_server_sent_events(account: Account, scripted: ScriptedProvider):
    scripted.play(Delta(content="a\r\nb\n\ndata: c"), DONE)
    body = (await account.client.post("/v1/chat", QUESTION)).body
    first, second, third, end = body.split(b"\n\n")
    assert first.startswith(b'id: 0\nevent: start\ndata: {"event":"start","generation_id":"')
    assert second == b'id: 13\nevent: delta\ndata: {"event":"delta","content":"a\\r\\nb\\n\\ndata: c"}'
    assert third.startswith(b"id: 14\nevent: done\ndata: {")
    assert end == b""


async def test_the_bytes_of_lines(account: Account, scripted: ScriptedProvider):
    scripted.play(Delta(content="a\nb"), DONE)
    body = (await account.client.post("/v1/chat", QUESTION, headers=NDJSON)).body
    assert body.split(b"\n")[1] == b'{"id":3,"event":"delta","content":"a\\nb"}'


async def test_a_piece_arrives_while_the_model_still_thinks(account: Account, scripted: ScriptedProvider, wire: Wire):
    gate = asyncio.Event()
    scripted.play(Delta(content="early"), gate, DONE)
    async with account.client.open("POST", "/v1/chat", QUESTION, headers=wire.headers) as exchange:
        await exchange.head()
        await exchange.read_until(b"early")
        gate.set()
        assert b'"done"' in await exchange.rest()


async def test_the_first_frame_does_not_wait_for_the_model(account: Account, scripted: ScriptedProvider, wire: Wire):
    scripted.play(asyncio.Event())
    async with account.client.open("POST", "/v1/chat", QUESTION, headers=wire.headers) as exchange:
        await exchange.head()
        await exchange.read_until(b"generation_id")


async def test_no_proxy_may_hold_a_stream_back(account: Account, wire: Wire):
    reply = await ask(account, wire)
    assert reply.header("cache-control") == "no-cache, no-store, no-transform"
    assert reply.header("x-accel-buffering") == "no"


@pytest.mark.parametrize(
    "accept",
    [None, "*/*", "text/event-stream", "application/json", "text/html", "x", "é", "", "application/x-ndjson;q=inf"],
)
async def test_server_sent_events_are_the_default(account: Account, accept: str | None):
    headers = {} if accept is None else {"accept": accept}
    reply = await account.client.post("/v1/chat", QUESTION, headers=headers)
    assert (reply.header("content-type") or "").startswith("text/event-stream")


async def test_a_silent_stream_beats(accounts_url: str, scripted: ScriptedProvider, wire: Wire):
    config = config_for(accounts_url)
    config = replace(config, server=replace(config.server, heartbeat_seconds=0.01))
    gate = asyncio.Event()
    scripted.play(gate, Delta(content="late"), DONE)
    async with application(config, scripted) as client:
        account = await sign_up(client)
        async with account.client.open("POST", "/v1/chat", QUESTION, headers=wire.headers) as exchange:
            head = await exchange.head()
            body = await exchange.read_until(b"\n: ping\n\n: ping\n\n" if wire.headers == {} else b"}\n\n\n")
            gate.set()
            body += await exchange.rest()
    frames = wire.frames(Reply(head.status, head.headers, body))
    assert [event for _, event, _ in frames] == ["start", "delta", "done"]


async def test_a_whole_answer_is_one_object(account: Account, scripted: ScriptedProvider):
    call = ToolCallDelta(index=0, id="call_1", function=FunctionCallDelta(name="look", arguments='{"at":'))
    more = ToolCallDelta(index=0, function=FunctionCallDelta(arguments='"it"}'))
    scripted.play(
        Delta(thinking="Hm."),
        Delta(content="Hel"),
        Delta(content="lo"),
        Delta(tool_calls=(call,)),
        Delta(tool_calls=(more,)),
        DONE,
    )
    reply = await account.client.post("/v1/chat", QUESTION | {"stream": False})
    function = {"name": "look", "arguments": '{"at":"it"}'}
    message = {
        "role": "assistant",
        "content": "Hello",
        "thinking": "Hm.",
        "tool_calls": [{"id": "call_1", "function": function, "type": "function"}],
    }
    given = {name: LAST[name] for name in ("finish_reason", "usage", "timings")}
    about = {"generation_id": ANY_ID, "model": "scripted", "created_at": ANY_TIME}
    assert (reply.status, reply.json()) == (200, about | {"message": message} | given)
    assert reply.header("content-type") == "application/json"
    require_headers(reply)


async def test_usage_that_the_model_server_did_not_count_is_estimated(account: Account, scripted: ScriptedProvider):
    scripted.play(Delta(content="a", pieces=2), Delta(content="b"), Finish(reason=FinishReason.LENGTH))
    answer = (await account.client.post("/v1/chat", QUESTION | {"stream": False})).json()
    prompt = estimate_prompt(scripted.requests[0])
    assert answer["usage"] == {"prompt_tokens": prompt, "completion_tokens": 3, "estimated": True}
    assert answer["finish_reason"] == "length"
    assert answer["timings"] == {"queue_ms": ANY_MS, "first_token_ms": ANY_MS, "total_ms": ANY_MS}


async def test_the_model_is_asked_for_exactly_what_was_sent(account: Account, scripted: ScriptedProvider):
    sent = {
        "model": "scripted",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Look", "images": ["AAEC"]},
        ],
        "options": {"temperature": 0, "top_p": 0.5, "max_tokens": 7, "stop": ["\n"], "seed": 1},
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
        "format": {"type": "object"},
        "think": "low",
    }
    assert (await account.client.post("/v1/chat", sent)).status == 200
    assert scripted.requests == [
        ChatRequest(
            model="scripted",
            messages=(
                ChatMessage(role=ChatRole.SYSTEM, content="Be brief."),
                ChatMessage(role=ChatRole.USER, content="Look", images=(b"\x00\x01\x02",)),
            ),
            options=ChatOptions(temperature=0, top_p=0.5, max_tokens=7, stop=("\n",), seed=1),
            tools=(Tool(function=FunctionDefinition(name="look", parameters={"type": "object"})),),
            format={"type": "object"},
            think="low",
        )
    ]


async def test_all_three_forms_say_the_same(account: Account):
    whole = (await account.client.post("/v1/chat", QUESTION | {"stream": False})).json()
    for headers in ({}, NDJSON):
        reply = await account.client.post("/v1/chat", QUESTION, headers=headers)
        frames = Wire(headers, (reply.header("content-type") or "").partition(";")[0]).frames(reply)
        assert "".join(frame.get("content", "") for _, _, frame in frames) == whole["message"]["content"]
        assert frames[-1][2]["usage"] == whole["usage"]


FAULTS: dict[type[DeeperError], tuple[int, str]] = {
    ContextTooLong: (422, "context_too_long"),
    ModelOutOfMemory: (502, "model_out_of_memory"),
    ModelServerFailed: (502, "model_server_failed"),
    ModelServerOverloaded: (503, "model_server_overloaded"),
    ModelServerTimedOut: (504, "model_server_timed_out"),
    ModelServerUnreachable: (502, "model_server_unreachable"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("before", [(), (Delta(content="half an"),)], ids=["at once", "in the middle"])
async def test_a_fault_of_the_model_server_is_the_last_frame(
    account: Account,
    scripted: ScriptedProvider,
    wire: Wire,
    fault: type[ModelServerFailed],
    before: tuple[Delta, ...],
):
    scripted.play(*before, fault())
    reply = await ask(account, wire)
    error = {
        "code": FAULTS[fault][1],
        "message": fault.default_message,
        "request_id": reply.header("x-request-id"),
    }
    pieces = [{"event": "delta", "content": delta.content} for delta in before]
    assert wire.frames(reply) == numbered(START, *pieces, {"event": "error", "error": error})


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("before", [(), (Delta(content="half an"),)], ids=["at once", "in the middle"])
async def test_a_fault_of_the_model_server_is_the_status_of_a_whole_answer(
    account: Account, scripted: ScriptedProvider, fault: type[ModelServerFailed], before: tuple[Delta, ...]
):
    scripted.play(*before, fault())
    reply = await account.client.post("/v1/chat", QUESTION | {"stream": False})
    require_error(reply, *FAULTS[fault], fault.default_message)


async def test_a_model_server_that_says_for_how_long_it_is_busy_is_believed(
    account: Account, scripted: ScriptedProvider
):
    scripted.play(ModelServerOverloaded(retry_after=6.2))
    reply = await account.client.post("/v1/chat", QUESTION | {"stream": False})
    assert reply.header("retry-after") == "7"


async def test_an_answer_that_breaks_off_is_told_from_one_that_is_done(
    account: Account, scripted: ScriptedProvider, wire: Wire
):
    scripted.play(Delta(content="half an"))
    *_, (_, event, last) = wire.frames(await ask(account, wire))
    assert (event, last["error"]["code"]) == ("error", "answer_incomplete")


async def test_an_unknown_model_is_said_to_be_one(account: Account, wire: Wire):
    frames = wire.frames(await ask(account, wire, model="nobody"))
    assert [event for _, event, _ in frames] == ["start", "error"]
    assert frames[-1][2]["error"]["code"] == "model_not_found"
    whole = await account.client.post("/v1/chat", QUESTION | {"model": "nobody", "stream": False})
    require_error(whole, 404, "model_not_found")


async def test_the_time_of_a_frame_is_in_utc(account: Account):
    answer = (await account.client.post("/v1/chat", QUESTION | {"stream": False})).json()
    assert datetime.fromisoformat(answer["created_at"]).utcoffset() is not None
