from itertools import pairwise
from typing import get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import Struct

from deeper_core import (
    ChatMessage,
    ChatOptions,
    ChatRequest,
    ChatRole,
    Delta,
    Finish,
    FunctionCall,
    FunctionCallDelta,
    FunctionDefinition,
    Timings,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
    join_tool_calls,
)

# What JSON can say: no lone surrogates, no numbers that are none.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text("abcXYZ019_.-", min_size=1, max_size=64)
floats = st.floats(allow_nan=False, allow_infinity=False)
objects = st.dictionaries(
    texts, st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts, st.lists)
)
calls = st.builds(ToolCall, id=texts, function=st.builds(FunctionCall, name=texts, arguments=texts))
messages = st.builds(
    ChatMessage,
    content=texts,
    thinking=st.none() | texts,
    images=st.lists(st.binary(max_size=20), max_size=3).map(tuple),
    tool_calls=st.lists(calls, max_size=3).map(tuple),
    tool_call_id=st.none() | texts,
    tool_name=st.none() | texts,
)
options = st.builds(
    ChatOptions,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    top_k=st.none() | st.integers(0, 1_000),
    max_tokens=st.none() | st.integers(1, 1_000_000),
    stop=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9), max_size=16).map(tuple),
    seed=st.none() | st.integers(0, 2**31 - 1),
    presence_penalty=st.none() | st.floats(-2, 2),
    frequency_penalty=st.none() | st.floats(-2, 2),
)
tools = st.builds(
    Tool,
    function=st.builds(FunctionDefinition, name=names, description=st.none() | texts, parameters=st.none() | objects),
)
requests = st.builds(
    ChatRequest,
    model=names,
    messages=st.lists(messages, max_size=3).map(tuple),
    options=options,
    tools=st.lists(tools, max_size=2).map(tuple),
    format=st.none() | st.just("json") | objects,
    think=st.none() | st.booleans() | st.sampled_from(["low", "medium", "high"]),
)
pieces = st.builds(
    ToolCallDelta,
    index=st.integers(0, 5),
    id=st.none() | texts,
    function=st.builds(FunctionCallDelta, name=st.none() | texts, arguments=texts),
)
deltas = st.builds(Delta, content=texts, thinking=texts, tool_calls=st.lists(pieces, max_size=3).map(tuple))
usages = st.builds(Usage, prompt_tokens=st.integers(0, 2**53), completion_tokens=st.integers(0, 2**53))
finishes = st.builds(
    Finish,
    usage=st.none() | usages,
    timings=st.builds(Timings, queue_ms=st.none() | floats, total_ms=st.none() | floats),
)

VALUES: list[SearchStrategy[Struct]] = [messages, options, tools, requests, deltas, finishes]


@given(st.one_of(VALUES))
def test_what_is_written_as_json_is_read_back_the_same(value):
    assert msgspec.json.decode(msgspec.json.encode(value), type=type(value)) == value


@given(st.one_of(VALUES))
def test_values_never_change(value):
    with pytest.raises(AttributeError):
        setattr(value, value.__struct_fields__[0], None)


def test_what_is_not_said_is_not_written():
    assert msgspec.json.encode(ChatMessage(role=ChatRole.USER, content="hi")) == b'{"role":"user","content":"hi"}'
    assert msgspec.json.encode(ChatOptions()) == b"{}"


def accepts(text: str, kind: type) -> bool:
    try:
        msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        return False
    return True


BOUNDS = [
    ("temperature", ["0", "2", "0.7"], ["-0.01", "2.01", '"1"', "true"]),
    ("top_p", ["0", "1"], ["-0.1", "1.1"]),
    ("top_k", ["0", "1000"], ["-1", "1001", "1.5"]),
    ("max_tokens", ["1", "1000000"], ["0", "1000001", "-1"]),
    ("seed", ["0", "2147483647"], ["-1", "2147483648"]),
    ("presence_penalty", ["-2", "2"], ["-2.1", "2.1"]),
    ("frequency_penalty", ["-2", "2"], ["-2.1", "2.1"]),
    ("stop", ["[]", '["x"]', str(["x"] * 16).replace("'", '"')], ['[""]', '"x"', str(["x"] * 17).replace("'", '"')]),
]


@pytest.mark.parametrize(("field", "allowed", "refused"), BOUNDS)
def test_options_keep_their_bounds(field, allowed, refused):
    assert [value for value in allowed if not accepts(f'{{"{field}": {value}}}', ChatOptions)] == []
    assert [value for value in refused if accepts(f'{{"{field}": {value}}}', ChatOptions)] == []


def test_every_option_has_bounds_that_are_tested():
    assert {row[0] for row in BOUNDS} == set(get_type_hints(ChatOptions))


@pytest.mark.parametrize("kind", [ChatMessage, ToolCall, FunctionCall, Tool, FunctionDefinition, ChatOptions])
def test_a_field_nobody_knows_is_refused(kind):
    example = {"role": "user", "id": "1", "name": "f", "function": {"name": "f"}}
    known = {name: value for name, value in example.items() if name in kind.__struct_fields__}
    assert accepts(msgspec.json.encode(known).decode(), kind)
    assert not accepts(msgspec.json.encode(known | {"surprise": 1}).decode(), kind)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"role": "robot"}', ChatMessage),
        ('{"content": "nobody speaks"}', ChatMessage),
        ('{"role": "user", "images": ["not base64!"]}', ChatMessage),
        ('{"role": "user", "images": [' + ",".join(['""'] * 17) + "]}", ChatMessage),
        ('{"role": "tool", "tool_call_id": "' + "x" * 257 + '"}', ChatMessage),
        ('{"name": ""}', FunctionDefinition),
        ('{"name": "two words"}', FunctionDefinition),
        ('{"name": "' + "x" * 65 + '"}', FunctionDefinition),
        ('{"name": "f", "parameters": []}', FunctionDefinition),
        ('{"type": "retrieval", "function": {"name": "f"}}', Tool),
        ('{"model": "", "messages": []}', ChatRequest),
        ('{"model": "' + "x" * 257 + '", "messages": []}', ChatRequest),
        ('{"model": "m", "messages": [], "format": "xml"}', ChatRequest),
        ('{"model": "m", "messages": [], "think": "hard"}', ChatRequest),
    ],
)
def test_values_out_of_bounds_are_refused(text, kind):
    assert not accepts(text, kind)


@st.composite
def split_calls(draw) -> tuple[tuple[ToolCall, ...], list[ToolCallDelta]]:
    """Whole tool calls, and pieces that they may arrive in: cut anywhere, the calls interleaved."""
    whole = tuple(draw(st.lists(calls, max_size=4)))
    streams: list[list[ToolCallDelta]] = []
    for index, call in enumerate(whole):
        text = call.function.arguments
        cuts = [0, *sorted(draw(st.lists(st.integers(0, len(text)), max_size=4))), len(text)]
        parts = [text[start:end] for start, end in pairwise(cuts)]
        first = FunctionCallDelta(name=call.function.name, arguments=parts[0])
        rest = [ToolCallDelta(index=index, function=FunctionCallDelta(arguments=part)) for part in parts[1:]]
        streams.append([ToolCallDelta(index=index, id=call.id, function=first), *rest])
    arrived: list[ToolCallDelta] = []
    while any(streams):
        arrived.append(draw(st.sampled_from([stream for stream in streams if stream])).pop(0))
    return whole, arrived


@given(split_calls())
def test_tool_calls_are_joined_however_they_were_cut_and_mixed(case):
    whole, arrived = case
    assert join_tool_calls(arrived) == whole


@given(st.lists(pieces))
def test_any_pieces_make_one_call_for_each_index_in_order(arrived):
    joined = join_tool_calls(arrived)
    assert len(joined) == len({piece.index for piece in arrived})
    assert sum(len(call.function.arguments) for call in joined) == sum(len(p.function.arguments) for p in arrived)


def test_nothing_joined_is_nothing():
    assert join_tool_calls([]) == ()


def test_ids_and_names_that_no_tool_has_are_cut_to_what_a_message_may_hold():
    endless = ToolCallDelta(index=0, id="i" * 1_000, function=FunctionCallDelta(name="n" * 1_000, arguments="{}"))
    [call] = join_tool_calls([endless])
    assert msgspec.json.decode(msgspec.json.encode(call), type=ToolCall) == call
    assert (len(call.id), len(call.function.name)) == (256, 256)
