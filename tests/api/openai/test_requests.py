"""What OpenAI's clients send, and what the model is asked for it."""

import json
from typing import Any, cast

import msgspec
import pytest

from deeper_api.middleware.bodies import decode_body
from deeper_api.openai.requests import CompletionBody
from deeper_core import ChatMessage, ChatOptions, ChatRequest, ChatRole, FunctionCall, Tool, ToolCall, ValidationFailed

HELLO: Any = [{"role": "user", "content": "Hello"}]
F: Any = {"type": "function", "function": {"name": "f", "parameters": {}, "strict": True}}
G: Any = {"type": "function", "function": {"name": "g"}}
NAMED_G: Any = {"type": "function", "function": {"name": "g"}}


def asked(**sent: Any) -> ChatRequest:
    """What is asked for a body."""
    body = {"model": "tiny", "messages": HELLO} | sent
    return cast("CompletionBody", decode_body(json.dumps(body).encode(), CompletionBody)).request()


def names(tools: tuple[Tool, ...]) -> list[str]:
    return [tool.function.name for tool in tools]


def test_the_least_that_can_be_asked():
    assert asked() == ChatRequest(model="tiny", messages=(ChatMessage(role=ChatRole.USER, content="Hello"),))


def test_what_is_not_known_is_ignored_and_null_is_nothing():
    nulls = dict.fromkeys(field for field in CompletionBody.__struct_fields__ if field not in {"model", "messages"})
    unknown = {"user": "u", "store": True, "service_tier": "auto", "metadata": {}, "x": [1], "logit_bias": {}}
    assert asked(**nulls) == asked(**unknown) == asked()


@pytest.mark.parametrize(
    ("sent", "options"),
    [
        ({"max_tokens": 3}, ChatOptions(max_tokens=3)),
        ({"max_tokens": 3, "max_completion_tokens": 4}, ChatOptions(max_tokens=4)),
        ({"stop": "x"}, ChatOptions(stop=("x",))),
        ({"stop": ["x", "y"]}, ChatOptions(stop=("x", "y"))),
        ({"temperature": 1, "top_p": 0.5, "top_k": 5}, ChatOptions(temperature=1, top_p=0.5, top_k=5)),
        ({"seed": 1, "presence_penalty": -1}, ChatOptions(seed=1, presence_penalty=-1)),
        ({"frequency_penalty": 2}, ChatOptions(frequency_penalty=2)),
    ],
)
def test_options_are_options(sent: Any, options: ChatOptions):
    assert asked(**sent).options == options


@pytest.mark.parametrize("seed", [-(2**63), -1, 0, 2**31 - 1, 2**31, 2**63 - 1])
def test_any_seed_of_openais_is_one_of_ours_and_ours_stay_as_they_are(seed: int):
    meant = asked(seed=seed).options.seed
    assert meant == seed if 0 <= seed < 2**31 else meant in range(2**31)


def test_a_part_that_is_not_known_is_refused_with_those_that_are():
    with pytest.raises(ValidationFailed) as caught:
        asked(messages=[{"role": "user", "content": [{"type": "file"}]}])
    assert caught.value.details[0].message == "Expected one of 'image_url', 'refusal', 'text'"


@pytest.mark.parametrize(
    ("effort", "think"),
    [
        ("none", False),
        ("minimal", "low"),
        ("low", "low"),
        ("medium", "medium"),
        ("high", "high"),
        ("xhigh", "high"),
        ("max", "high"),
    ],
)
def test_an_effort_is_the_nearest_of_ours(effort: str, think: object):
    assert asked(reasoning_effort=effort).think == think


@pytest.mark.parametrize(
    ("wanted", "format_"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, "json"),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}, {"type": "object"}),
        ({"type": "json_schema", "json_schema": {"name": "x", "strict": True}}, "json"),
    ],
)
def test_the_form_of_the_answer(wanted: Any, format_: object):
    assert asked(response_format=wanted).format == format_


@pytest.mark.parametrize(
    ("choice", "offered", "meant"),
    [
        (None, ["f", "g"], "auto"),
        ("auto", ["f", "g"], "auto"),
        ("none", [], "auto"),
        ("required", ["f", "g"], "required"),
        (NAMED_G, ["g"], "required"),
    ],
)
def test_which_tools_are_offered_and_whether_one_has_to_be_called(choice: Any, offered: list[str], meant: str):
    request = asked(tools=[F, G], tool_choice=choice)
    assert (names(request.tools), request.tool_choice) == (offered, meant)


@pytest.mark.parametrize(("said", "meant"), [(None, True), (True, True), (False, False)])
def test_whether_several_tools_may_be_called_at_once(said: object, meant: bool):
    assert asked(tools=[F], parallel_tool_calls=said).parallel_tool_calls is meant


def test_messages_of_every_role():
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    request = asked(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "system", "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "kind."}]},
            {"role": "user", "content": "Hello", "name": "ada"},
            {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "Hm.", "refusal": None},
            {"role": "tool", "content": "1", "tool_call_id": "c1"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        ]
    )
    called = ToolCall(id="c1", function=FunctionCall(name="f", arguments='{"a": 1}'))
    assert request.messages == (
        ChatMessage(role=ChatRole.SYSTEM, content="Be brief."),
        ChatMessage(role=ChatRole.SYSTEM, content="Be\nkind."),
        ChatMessage(role=ChatRole.USER, content="Hello"),
        ChatMessage(role=ChatRole.ASSISTANT, thinking="Hm.", tool_calls=(called,)),
        ChatMessage(role=ChatRole.TOOL, content="1", tool_call_id="c1", tool_name="f"),
        ChatMessage(role=ChatRole.ASSISTANT, content="No."),
    )


def parts(*urls: str) -> Any:
    images = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}} for url in urls]
    return [{"role": "user", "content": [{"type": "text", "text": "Look"}, *images]}]


def test_images_are_taken_out_of_data_urls():
    (message,) = asked(messages=parts("data:image/png;base64,AAEC", "DATA:image/jpeg;x=y;base64,/9g=")).messages
    assert (message.content, message.images) == ("Look", (b"\x00\x01\x02", b"\xff\xd8"))


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"messages": []}, "$.messages"),
        ({"messages": [{"role": "function", "content": "x"}]}, "$.messages[0].role"),
        ({"messages": parts("https://example.com/x.png")}, "$.messages[0].content[1].image_url.url"),
        ({"messages": parts("data:image/png,x")}, "$.messages[0].content[1].image_url.url"),
        ({"messages": parts("data:image/png;base64,!")}, "$.messages[0].content[1].image_url.url"),
        ({"messages": parts(*["data:;base64,AAAA"] * 17)}, "$.messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "$.messages[0].content[0].type"),
        ({"n": 2}, "$.n"),
        ({"max_tokens": 0}, "$.max_tokens"),
        ({"temperature": 3}, "$.temperature"),
        ({"logprobs": True}, "$.logprobs"),
        ({"top_logprobs": 2}, "$.top_logprobs"),
        ({"logit_bias": {"1": 2}}, "$.logit_bias"),
        ({"modalities": ["text", "audio"]}, "$.modalities[1]"),
        ({"audio": {"voice": "x"}}, "$.audio"),
        ({"functions": [{"name": "f"}]}, "$.functions"),
        ({"function_call": "auto"}, "$.function_call"),
        ({"web_search_options": {"x": 1}}, "$.web_search_options"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "$.tools[0].type"),
        ({"tools": [F], "tool_choice": "any"}, "$.tool_choice"),
        ({"tools": [F], "tool_choice": NAMED_G}, "$.tool_choice"),
        ({"tool_choice": "required"}, "$.tool_choice"),
        ({"response_format": {"type": "xml"}}, "$.response_format.type"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(sent: Any, field: str):
    with pytest.raises(ValidationFailed) as caught:
        asked(**sent)
    (detail,) = caught.value.details
    assert (detail.field or "").replace("[...]", "[0]") == field
    assert detail.message


def test_the_same_body_is_the_same_again():
    body = {"model": "tiny", "messages": HELLO, "stop": ["a"], "tools": [F], "response_format": {"type": "text"}}
    encoded = [
        msgspec.json.encode(decode_body(json.dumps(each).encode(), CompletionBody), order="deterministic")
        for each in (body, dict(reversed(body.items())))
    ]
    assert encoded[0] == encoded[1]
