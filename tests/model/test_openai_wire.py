"""OpenAI's JSON, to its imitators and from them."""

import json
from typing import Any

import pytest

from deeper_core import (
    ChatMessage,
    ChatOptions,
    ChatRequest,
    ChatRole,
    Delta,
    FinishReason,
    FunctionCall,
    FunctionDefinition,
    JsonObject,
    ModelServerFailed,
    Timings,
    Tool,
    ToolCall,
    Usage,
    join_tool_calls,
)
from deeper_model import OpenAICompatibleProvider
from deeper_model.conformance import Peer, running_upstream
from deeper_model.images import media_type
from deeper_model.openai_answers import OpenAIDecoder
from deeper_model.openai_wire import ModelList, models_in, request_out
from deeper_model.wire import WireDecoder, encode


def sent(request: ChatRequest) -> dict[str, object]:
    return json.loads(encode(request_out(request)))


def answer(*chunks: object) -> tuple[list[Delta], OpenAIDecoder]:
    decoder = OpenAIDecoder(None)
    deltas = [decoder.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n") for chunk in chunks]
    deltas.append(decoder.close())
    return [delta for delta in deltas if delta is not None], decoder


def chunk(finish_reason: str | None = None, **delta: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def fragment(arguments: str | None = None, **fields: object) -> dict[str, object]:
    function = {"name": fields.pop("name", None), "arguments": arguments}
    return chunk(tool_calls=[{"function": function, **fields}])


def calls_of(*chunks: object) -> list[tuple[str, str, str]]:
    deltas, _ = answer(*chunks)
    made = join_tool_calls(call for delta in deltas for call in delta.tool_calls)
    return [(call.id, call.function.name, call.function.arguments) for call in made]


def test_a_plain_request_says_only_what_was_asked_and_asks_for_counts() -> None:
    assert sent(ChatRequest(model="tiny", messages=(ChatMessage(role=ChatRole.USER, content="Hi"),))) == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_everything_that_can_be_asked_is_sent_in_openais_words() -> None:
    call = ToolCall(id="c1", function=FunctionCall(name="f", arguments='{"a": 1}'))
    body = sent(
        ChatRequest(
            model="tiny",
            messages=(
                ChatMessage(role=ChatRole.USER, content="Look", images=(b"\xff\xd8\xff",)),
                ChatMessage(role=ChatRole.ASSISTANT, tool_calls=(call,)),
                ChatMessage(role=ChatRole.TOOL, content="1", tool_call_id="c1", tool_name="f"),
            ),
            options=ChatOptions(max_tokens=3, stop=("x",), seed=0, temperature=0),
            tools=(Tool(function=FunctionDefinition(name="f")),),
            format="json",
            think="low",
            tool_choice="required",
            parallel_tool_calls=False,
        )
    )
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", False)
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/"}},
            ],
        },
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
        },
        {"role": "tool", "content": "1", "tool_call_id": "c1"},
    ]
    assert body["tools"] == [{"type": "function", "function": {"name": "f"}}]
    assert body["response_format"] == {"type": "json_object"}
    assert (body["max_tokens"], body["stop"], body["seed"], body["temperature"]) == (3, ["x"], 0, 0)
    assert body["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", {}),
        ("nonsense", {"arguments": "nonsense"}),
        ('{"a": 1} x', {"arguments": '{"a": 1} x'}),
        ('["a"]', {"arguments": '["a"]'}),
        ('{"a": "\ud800"}', {"arguments": '{"a": "\ud800"}'}),
    ],
)
def test_arguments_that_a_model_got_wrong_are_sent_as_an_object(written: str, expected: object) -> None:
    call = ToolCall(id="c1", function=FunctionCall(name="f", arguments=written))
    body: Any = sent(ChatRequest(model="tiny", messages=(ChatMessage(role=ChatRole.ASSISTANT, tool_calls=(call,)),)))
    assert json.loads(body["messages"][0]["tool_calls"][0]["function"]["arguments"]) == expected


def test_a_schema_is_sent_under_a_name() -> None:
    schema: JsonObject = {"type": "object"}
    body = sent(ChatRequest(model="tiny", messages=(), format=schema, think=False))
    assert body["response_format"] == {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    assert body["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_an_image_is_known_by_its_first_bytes(image: bytes, kind: str) -> None:
    assert media_type(image) == kind


def test_counts_and_times_after_the_finish_reason_belong_to_the_answer() -> None:
    _, decoder = answer(
        chunk(content="a"),
        chunk("stop"),
        {
            "choices": [],
            "usage": {"prompt_tokens": 4, "completion_tokens": 2},
            "timings": {"prompt_ms": 1.5, "predicted_ms": 2.5},
        },
    )
    found = decoder.finish()
    assert found.usage == Usage(prompt_tokens=4, completion_tokens=2)
    assert found.timings == Timings(prefill_ms=1.5, decode_ms=2.5)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("stop", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("tool_calls", FinishReason.TOOL_CALLS),
        ("function_call", FinishReason.TOOL_CALLS),
        ("content_filter", FinishReason.CONTENT_FILTER),
        ("eos_token", FinishReason.STOP),
    ],
)
def test_a_finish_reason_has_its_meaning(said: str, meant: FinishReason) -> None:
    _, decoder = answer(chunk(said))
    assert decoder.finish().reason is meant


def test_a_stop_after_tool_calls_was_for_the_tools() -> None:
    _, decoder = answer(fragment("{}", index=0, id="c", name="f"), chunk("stop"))
    assert decoder.finish().reason is FinishReason.TOOL_CALLS


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_goes_by_either_name(name: str) -> None:
    deltas, _ = answer(chunk(**{name: "hm", "content": None}), chunk("stop"))
    assert deltas == [Delta(thinking="hm")]


def test_fragments_of_two_calls_are_told_apart_by_their_index() -> None:
    assert calls_of(
        fragment("", index=0, id="a", name="f"),
        fragment('{"x":', index=0),
        fragment("", index=1, id="b", name="g"),
        fragment("1}", index=0),
        fragment("{}", index=1),
        chunk("tool_calls"),
    ) == [("a", "f", '{"x":1}'), ("b", "g", "{}")]


def test_calls_without_an_index_are_told_apart_by_their_id() -> None:
    assert calls_of(
        fragment("{", id="a", name="f"), fragment("}"), fragment("{}", id="b", name="f"), chunk("stop")
    ) == [("a", "f", "{}"), ("b", "f", "{}")]


def test_calls_that_share_an_index_are_told_apart_by_their_id() -> None:
    assert calls_of(fragment("{}", index=0, id="a", name="f"), fragment("{}", index=0, id="b", name="g")) == [
        ("a", "f", "{}"),
        ("b", "g", "{}"),
    ]


def test_an_id_and_a_name_in_every_fragment_are_said_once() -> None:
    deltas, _ = answer(fragment("{", index=0, id="a", name="f"), fragment("}", index=0, id="a", name="f"))
    pieces = [call for delta in deltas for call in delta.tool_calls]
    assert [(piece.id, piece.function.name) for piece in pieces] == [("a", "f"), (None, None)]


def test_a_call_without_an_id_gets_one() -> None:
    ((made, name, _),) = calls_of(fragment("{}", index=0, name="f"))
    assert made.startswith("call_")
    assert name == "f"


def test_other_choices_than_the_first_are_passed_over() -> None:
    deltas, decoder = answer({"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}]})
    assert deltas == []
    assert not decoder.ended


def test_absent_and_null_fields_are_survived() -> None:
    deltas, decoder = answer(
        {}, {"choices": None}, {"choices": [{}]}, {"choices": [{"delta": None, "finish_reason": None}], "usage": None}
    )
    assert deltas == []
    assert decoder.error is None
    assert not decoder.ended


def test_vllms_form_of_an_error_is_an_error() -> None:
    _, decoder = answer({"object": "error", "message": "boom", "type": "x", "code": 500})
    assert type(decoder.error) is ModelServerFailed


def test_models_of_llama_and_vllm_tell_their_context() -> None:
    listed = WireDecoder(ModelList).decode(
        b'{"data": [{"id": "a", "meta": {"n_ctx": 512, "n_ctx_train": 4096, "size": 9}}, {"id": "b", "object": "model",'
        b' "max_model_len": 8192}, {"id": "c", "status": {"value": "loaded"}}, {"object": "model"}]}'
    )
    first, second, third = models_in(listed)
    assert (first.name, first.context_length, first.size) == ("a", 512, 9)
    assert second.context_length == 8_192
    assert third.loaded


LLAMA_BEFORE_ITS_CONTEXT_WAS_LISTED = b'{"data": [{"id": "a", "meta": {"n_ctx_train": 4096, "size": 9}}]}'


@pytest.mark.parametrize(
    ("status", "props", "context"),
    [
        (200, b'{"default_generation_settings": {"n_ctx": 512, "params": {}}, "total_slots": 2}', 512),
        (200, b'{"default_generation_settings": {"id": 0}}', None),
        (200, b"{}", None),
        (200, b"[", None),
        (404, b'{"error": {"code": 404, "message": "File Not Found"}}', None),
        (404, b'{"error": {"message": "model not found"}}', None),
        (500, b"", None),
    ],
)
async def test_an_older_llama_is_asked_for_its_context_elsewhere(
    status: int, props: bytes, context: int | None
) -> None:
    async def play(peer: Peer) -> None:
        if peer.request.path == "/props":
            await peer.reply(status, props)
        else:
            await peer.reply(200, LLAMA_BEFORE_ITS_CONTEXT_WAS_LISTED)

    async with running_upstream(play) as upstream:
        provider = OpenAICompatibleProvider(upstream.url)
        (model,) = await provider.list_models()
        await provider.close()
    assert model.context_length == context
    assert model.size == 9


async def test_a_server_that_lists_its_context_is_asked_once() -> None:
    async def play(peer: Peer) -> None:
        await peer.reply(200, b'{"data": [{"id": "a", "meta": {"n_ctx": 512}}]}')

    async with running_upstream(play) as upstream:
        provider = OpenAICompatibleProvider(upstream.url)
        await provider.list_models()
        await provider.close()
    assert [request.path for request in upstream.requests] == ["/v1/models"]


def test_each_piece_of_an_answer_is_counted() -> None:
    deltas, _ = answer(
        chunk(role="assistant", content=None),
        chunk(reasoning_content="hm"),
        chunk(content="a"),
        chunk(content=""),
        fragment("", index=0, id="c", name="f"),
        fragment("{}", index=0),
        chunk("tool_calls"),
    )
    assert [delta.pieces for delta in deltas] == [1, 1, 1, 1]


def test_no_models_may_be_null() -> None:
    assert models_in(ModelList(data=None)) == ()


async def test_the_api_key_is_in_no_representation() -> None:
    provider = OpenAICompatibleProvider("http://127.0.0.1:1/v1/", api_key="sk-secret")
    assert "sk-secret" not in repr(provider)
    await provider.close()


@pytest.mark.parametrize("url", ["", "127.0.0.1:1", "ftp://x", "http://"])
def test_an_address_must_be_an_http_url(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        OpenAICompatibleProvider(url)


def test_a_key_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        OpenAICompatibleProvider("http://x", api_key="a\nb")


def test_what_follows_the_end_in_the_same_read_is_not_read() -> None:
    decoder = OpenAIDecoder(None)
    late = json.dumps(chunk(content="late")).encode()
    assert decoder.feed(b"data: [DONE]\n\ndata: " + late + b"\n\n") is None
    assert decoder.complete


def test_half_a_message_after_the_finish_reason_is_only_the_end() -> None:
    decoder = OpenAIDecoder(None)
    decoder.feed(b"data: " + json.dumps(chunk("stop", content="a")).encode() + b'\n\ndata: {"usage":')
    decoder.close()
    assert decoder.ended
    assert decoder.error is None


async def test_a_server_without_a_page_for_its_health_is_well_if_it_lists_its_models() -> None:
    async def play(peer: Peer) -> None:
        if peer.request.path == "/v1/models":
            await peer.reply(200, b'{"object": "list", "data": []}')
        else:
            await peer.reply(404, b'{"error": {"code": 404, "message": "File Not Found"}}')

    async with running_upstream(play) as upstream:
        provider = OpenAICompatibleProvider(upstream.url)
        await provider.check_health()
        await provider.close()
    assert [request.path for request in upstream.requests] == ["/health", "/v1/models"]
