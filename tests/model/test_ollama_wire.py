"""Ollama's JSON, to it and from it."""

import base64
import json
import sys
from contextlib import suppress

import pytest

from deeper_core import (
    ChatMessage,
    ChatOptions,
    ChatRequest,
    ChatRole,
    Delta,
    Finish,
    FinishReason,
    FunctionCall,
    FunctionDefinition,
    ModelProtocolBroken,
    ModelServerRejected,
    Timings,
    Tool,
    ToolCall,
    Usage,
    join_tool_calls,
)
from deeper_model import OllamaProvider, OllamaSettings
from deeper_model.conformance import Peer, running_upstream
from deeper_model.ollama_answers import OllamaDecoder
from deeper_model.ollama_wire import ModelDetails, ModelEntry, ModelList, models_in, request_out
from deeper_model.wire import WireDecoder, arguments_object, arguments_text, encode
from tests.fixtures.ollama import RunningOllama
from tests.model.dialects import ask, outcome


def sent(request: ChatRequest, **settings: object) -> dict[str, object]:
    return json.loads(encode(request_out(request, **({"keep_alive": None, "num_ctx": None} | settings))))  # pyright: ignore[reportArgumentType]  - settings of several types


def answer(*lines: dict[str, object]) -> tuple[list[Delta], OllamaDecoder]:
    decoder = OllamaDecoder(None)
    deltas = [decoder.feed(json.dumps(line).encode() + b"\n") for line in lines]
    return [delta for delta in deltas if delta is not None], decoder


def finish(*lines: dict[str, object]) -> Finish:
    _, decoder = answer(*lines)
    assert decoder.ended
    return decoder.finish()


def test_a_plain_request_says_only_what_was_asked_and_that_nothing_may_be_cut() -> None:
    request = ChatRequest(model="tiny", messages=(ChatMessage(role=ChatRole.USER, content="Hi"),))
    assert sent(request) == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Hi"}],
        "truncate": False,
        "shift": False,
        "stream": True,
    }


def test_everything_that_can_be_asked_is_sent_in_ollamas_words() -> None:
    call = ToolCall(id="c1", function=FunctionCall(name="f", arguments='{"a": 1}'))
    request = ChatRequest(
        model="tiny",
        messages=(
            ChatMessage(role=ChatRole.USER, content="Look", images=(b"\x89PNG",)),
            ChatMessage(role=ChatRole.ASSISTANT, thinking="hm", tool_calls=(call,)),
            ChatMessage(role=ChatRole.TOOL, content="1", tool_call_id="c1", tool_name="f"),
        ),
        options=ChatOptions(
            temperature=0, top_p=1, top_k=2, max_tokens=3, stop=("x",), seed=0, presence_penalty=1, frequency_penalty=2
        ),
        tools=(Tool(function=FunctionDefinition(name="f", parameters={"type": "object"})),),
        format={"type": "object"},
        think="low",
    )
    body = sent(request, keep_alive="5m", num_ctx=4_096)
    assert body["messages"] == [
        {"role": "user", "content": "Look", "images": [base64.b64encode(b"\x89PNG").decode()]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "content": "1", "tool_name": "f", "tool_call_id": "c1"},
    ]
    assert body["options"] == {
        "temperature": 0, "top_p": 1, "top_k": 2, "num_predict": 3, "stop": ["x"], "seed": 0, "presence_penalty": 1,
        "frequency_penalty": 2, "num_ctx": 4_096,
    }  # fmt: skip
    assert body["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert (body["format"], body["think"], body["keep_alive"]) == ({"type": "object"}, "low", "5m")


def test_not_to_think_is_said_and_not_left_out() -> None:
    assert sent(ChatRequest(model="tiny", messages=(), think=False))["think"] is False


@pytest.mark.parametrize("arguments", ["nonsense", "[1]", "{"])
def test_arguments_that_a_model_got_wrong_still_make_a_valid_request(arguments: str) -> None:
    call = ToolCall(id="c", function=FunctionCall(name="f", arguments=arguments))
    body = sent(ChatRequest(model="tiny", messages=(ChatMessage(role=ChatRole.ASSISTANT, tool_calls=(call,)),)))
    assert f'"arguments": {json.dumps({"arguments": arguments})}' in json.dumps(body)


def test_no_arguments_may_be_no_text() -> None:
    assert arguments_object(" ") == {}


def test_the_last_line_tells_counts_and_times() -> None:
    found = finish({
        "done": True, "done_reason": "length", "total_duration": 9, "load_duration": 1_500_000, "prompt_eval_count": 5,
        "prompt_eval_duration": 2_000_000, "eval_count": 7, "eval_duration": 3_000_000,
    })  # fmt: skip
    assert found == Finish(
        reason=FinishReason.LENGTH,
        usage=Usage(prompt_tokens=5, completion_tokens=7),
        timings=Timings(load_ms=1.5, prefill_ms=2.0, decode_ms=3.0),
    )


def test_absent_counts_are_nobodys_counts() -> None:
    assert finish({"done": True}).usage is None


def test_one_absent_count_is_zero() -> None:
    assert finish({"done": True, "eval_count": 3}).usage == Usage(prompt_tokens=0, completion_tokens=3)


def test_a_reason_without_done_ends_the_answer_too() -> None:
    assert finish({"done": False, "done_reason": "stop"}).reason is FinishReason.STOP


def test_text_on_the_last_line_belongs_to_the_answer() -> None:
    deltas, _ = answer({"message": {"content": "a"}}, {"message": {"content": "b", "thinking": "t"}, "done": True})
    assert [(delta.content, delta.thinking) for delta in deltas] == [("a", ""), ("b", "t")]


def test_tool_calls_are_gathered_over_all_lines_and_numbered() -> None:
    def calls(*names: str) -> dict[str, object]:
        return {"tool_calls": [{"function": {"name": name, "arguments": {"x": "é"}}} for name in names]}

    deltas, decoder = answer({"message": calls("f")}, {"message": calls("g", "h"), "done": True, "done_reason": "stop"})
    made = join_tool_calls(call for delta in deltas for call in delta.tool_calls)
    assert [(call.function.name, call.function.arguments) for call in made] == [
        (name, '{"x":"é"}') for name in ("f", "g", "h")
    ]
    assert len({call.id for call in made}) == 3
    assert all(call.id for call in made)
    assert decoder.finish().reason is FinishReason.TOOL_CALLS


def test_a_tool_calls_own_id_is_kept() -> None:
    call = {"id": "c7", "function": {"index": 0, "name": "f", "arguments": '{"already": "text"}'}}
    deltas, _ = answer({"message": {"tool_calls": [call]}, "done": True})
    assert join_tool_calls(deltas[0].tool_calls) == (
        ToolCall(id="c7", function=FunctionCall(name="f", arguments='{"already": "text"}')),
    )


def test_null_stands_for_absent() -> None:
    nothing = {"content": None, "thinking": None, "tool_calls": None}
    deltas, decoder = answer({"message": nothing, "done": None, "error": None}, {"message": None, "done": True})
    assert deltas == []
    assert decoder.ended


def test_lines_after_the_last_are_not_read() -> None:
    decoder = OllamaDecoder(None)
    assert decoder.feed(b'{"done":true}\n{"message":{"content":"late"}}\n{]\n') is None
    assert decoder.error is None


def test_good_lines_after_the_last_are_not_read_either() -> None:
    decoder = OllamaDecoder(None)
    assert decoder.feed(b'{"done":true}\n{"message":{"content":"late"}}\n') is None
    assert decoder.ended


TAGS = b"""{"models": [
    {"name": "a:1", "model": "a:1", "modified_at": "2025-01-02T03:04:05.123456789+02:00", "size": 5, "digest": "00",
     "details": {"parent_model": "", "family": "llama", "families": null, "parameter_size": "7B",
                 "quantization_level": "Q4", "context_length": 1000}, "capabilities": ["completion"]},
    {"model": "b:1", "modified_at": "0001-01-01T00:00:00Z", "details": null},
    {"model": "c:1", "modified_at": "9999-12-31T23:59:59-01:00"},
    {"size": 7}
]}"""
PS = b'{"models": [{"name": "a:1", "context_length": 500, "expires_at": "2318-01-01T00:00:00Z"}]}'


def test_models_tell_what_is_loaded_and_with_which_context() -> None:
    decoder = WireDecoder(ModelList)
    first, second, third = models_in(decoder.decode(TAGS), decoder.decode(PS), None)
    assert (first.name, first.loaded, first.context_length, first.size) == ("a:1", True, 500, 5)
    assert (first.family, first.parameter_size, first.quantization) == ("llama", "7B", "Q4")
    assert first.capabilities == ("completion",)
    assert str(first.modified_at) == "2025-01-02 01:04:05.123457+00:00"
    assert (second.name, second.loaded, second.modified_at) == ("b:1", False, None)
    assert (third.name, third.modified_at) == ("c:1", None)


def test_models_without_word_of_what_is_loaded_do_not_pretend() -> None:
    decoder = WireDecoder(ModelList)
    assert [model.loaded for model in models_in(decoder.decode(TAGS), None, None)] == [None, None, None]


@pytest.mark.parametrize(
    ("trained", "loaded_with", "num_ctx", "context"),
    [
        pytest.param(131_072, 4_096, None, 4_096, id="that of a loaded model is the one it was loaded with"),
        pytest.param(131_072, None, None, None, id="that of another is not the one it was trained with"),
        pytest.param(131_072, None, 8_192, 8_192, id="what is configured is what it will be loaded with"),
        pytest.param(131_072, 4_096, 8_192, 8_192, id="or loaded with anew"),
        pytest.param(2_048, None, 8_192, 2_048, id="but never more than it was trained with"),
        pytest.param(None, None, 8_192, 8_192, id="if that is told"),
        pytest.param(0, 0, None, None, id="nothing is no context"),
    ],
)
def test_a_models_context_is_that_of_its_next_request(
    trained: int | None, loaded_with: int | None, num_ctx: int | None, context: int | None
) -> None:
    tags = ModelList(models=[ModelEntry(name="a:1", details=ModelDetails(context_length=trained))])
    loaded = [] if loaded_with is None else [ModelEntry(name="a:1", context_length=loaded_with)]
    (model,) = models_in(tags, ModelList(models=loaded), num_ctx)
    assert model.context_length == context


def test_a_model_that_ollama_com_runs_has_all_of_its_context() -> None:
    details = ModelDetails(context_length=262_144)
    tags = ModelList(models=[ModelEntry(name="a:cloud", details=details, remote_model="a")])
    (model,) = models_in(tags, ModelList(models=[]), 4_096)
    assert model.context_length == 262_144


async def test_the_configured_context_is_asked_for_and_told(ollama_server: RunningOllama) -> None:
    provider = OllamaProvider(ollama_server.url, settings=OllamaSettings(num_ctx=2_048))
    (model,) = await provider.list_models()
    await outcome(provider, ask())
    await provider.close()
    assert model.context_length == 2_048
    assert ollama_server.stand_in.chats[0]["options"] == {"num_ctx": 2_048}


def test_each_piece_of_an_answer_is_counted() -> None:
    call = {"function": {"name": "f", "arguments": {}}}
    deltas, _ = answer(
        {"message": {"thinking": "hm"}},
        {"message": {"content": ""}},
        {"message": {"content": "a"}},
        {"message": {"content": "b", "tool_calls": [call, call]}},
        {"message": {"content": ""}, "done": True},
    )
    assert [delta.pieces for delta in deltas] == [1, 1, 3]


def test_no_models_may_be_null() -> None:
    assert models_in(ModelList(models=None), ModelList(models=None), None) == ()


def test_a_duration_that_no_float_can_hold_is_left_out() -> None:
    assert finish({"done": True, "load_duration": 10**400}).timings == Timings()


def test_a_request_that_can_just_be_read_is_sent_or_refused() -> None:
    for depth in range(850, sys.getrecursionlimit()):
        call = ToolCall(id="c1", function=FunctionCall(name="f", arguments='{"a":' * depth + "1" + "}" * depth))
        message = ChatMessage(role=ChatRole.ASSISTANT, tool_calls=(call,))
        with suppress(ModelServerRejected):
            encode(request_out(ChatRequest(model="tiny", messages=(message,)), keep_alive=None, num_ctx=None))


async def test_a_server_that_does_not_tell_what_is_loaded_still_lists_what_it_has() -> None:
    async def play(peer: Peer) -> None:
        await (peer.reply(200, TAGS) if peer.request.path == "/api/tags" else peer.reply(404, b"404 page not found"))

    async with running_upstream(play) as upstream:
        provider = OllamaProvider(upstream.url)
        models = await provider.list_models()
        await provider.close()
    assert {model.loaded for model in models} == {None}
    assert [request.path for request in upstream.requests] == ["/api/tags", "/api/ps"]


def test_absent_arguments_are_an_empty_object() -> None:
    assert arguments_text(None) == "{}"


def test_arguments_that_are_nested_too_deeply_to_be_written_are_refused() -> None:
    arguments: list[object] = []
    for _ in range(200_000):
        arguments = [arguments]
    with pytest.raises(ModelProtocolBroken):
        arguments_text(arguments)
