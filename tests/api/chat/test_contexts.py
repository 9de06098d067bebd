"""What of a conversation fits into a context."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deeper_api.chat.contexts import (
    Fitted,
    Turn,
    estimate_overhead,
    estimate_prompt,
    estimate_text,
    estimate_tokens,
    fit,
    reserve,
)
from deeper_core import (
    ChatMessage,
    ChatRequest,
    ChatRole,
    FunctionCall,
    FunctionDefinition,
    JsonObject,
    MessageId,
    Tool,
    ToolCall,
    new_id,
)

SYSTEM, USER, ASSISTANT, TOOL = ChatRole
WORDS = 30  # bytes of each message here, so that it takes 8 + 10 tokens
SIZE = 18


def message(role: ChatRole, name: str = "", **fields: object) -> ChatMessage:
    return ChatMessage(role=role, content=name.ljust(WORDS), **fields)  # pyright: ignore[reportArgumentType]  - the fields are those of a message


def history(roles: str, unread: int = 0) -> list[Turn]:
    """A conversation of messages named by their place; of the first ``unread`` the text was not read."""
    kinds = {"s": SYSTEM, "u": USER, "a": ASSISTANT, "t": TOOL}
    return [
        Turn(
            message_id=MessageId(new_id()),
            role=kinds[letter],
            message=None if index < unread else message(kinds[letter], f"m{letter}"),
        )
        for index, letter in enumerate(roles)
    ]


def roles(fitted: Fitted) -> str:
    return "".join(message.role.value[0] for message in fitted.messages)


def squeeze(turns: list[Turn], new: list[ChatMessage], tokens: int | None) -> Fitted:
    """Fit what takes ``tokens`` besides the answer, for which as many are reserved."""
    length = None if tokens is None else 2 * tokens
    return fit(turns, new, context_length=length, max_tokens=10**6, overhead=0)


QUESTION = [message(USER, "new")]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("abc", 1),
        ("abcd", 2),
        ("漢", 1),
        ("漢字", 2),
        ("😀", 2),
        ("1234", 4),
        ("{}!", 2),
        ("\ud800", 1),
    ],
)
def test_letters_are_counted_by_three_bytes_digits_singly_and_marks_by_one_and_a_half(text: str, tokens: int):
    assert estimate_text(text) == tokens


# Counted with the vocabularies of Gemma 3, Qwen 3, Llama 3 and gpt-oss: the lowest and the highest of the four.
COUNTED = [
    (
        "The old harbour master kept a ledger of every ship that came in, with its name, its cargo and the weather.",
        24,
        24,
    ),
    (
        "def total(prices: list[float]) -> float:\n    return sum(price * 1.19 for price in prices if price > 0)\n",
        30,
        35,
    ),
    ('{"id": 17, "name": "user17", "active": true, "score": 0.7364, "tags": ["a", "b"]}', 36, 40),
    ("Вчера вечером в городе прошёл сильный дождь, и многие улицы оказались затоплены.", 20, 31),
    ("昨天晚上城里下了一场大雨，许多街道被水淹没。", 13, 20),  # noqa: RUF001  - it is Chinese
]


@pytest.mark.parametrize(("text", "least", "most"), COUNTED)
def test_ordinary_text_is_estimated_above_what_tokenizers_count_but_not_far(text: str, least: int, most: int):
    assert most <= estimate_text(text) <= 2.5 * least


@given(st.text(), st.text())
def test_an_estimate_is_at_least_a_third_of_the_bytes_and_never_less_for_more_text(text: str, more: str):
    assert estimate_text(text) * 3 >= len(text.encode())
    assert estimate_text(text) <= estimate_text(text + more) <= estimate_text(text) + estimate_text(more)


def test_everything_that_a_message_sends_to_the_model_counts():
    plain = estimate_tokens(message(ASSISTANT))
    call = ToolCall(id="1", function=FunctionCall(name="look", arguments='{"city": "Rome"}'))
    assert plain == SIZE
    assert estimate_tokens(message(ASSISTANT, thinking="hm " * 10)) == plain + 10
    assert estimate_tokens(message(USER, images=(b"x", b"y"))) == plain + 2 * 1_024
    assert estimate_tokens(message(TOOL, tool_name="look")) == plain + 2
    called = 16 + estimate_text("look") + estimate_text('{"city": "Rome"}')
    assert estimate_tokens(message(ASSISTANT, tool_calls=(call, call))) == plain + 2 * called


def test_a_request_takes_its_messages_its_tools_and_its_schema():
    bare = ChatRequest(model="m", messages=(message(USER), message(USER)))
    tool = Tool(function=FunctionDefinition(name="look", description="Look something up." * 10))
    with_tool = ChatRequest(model="m", messages=bare.messages, tools=(tool,))
    with_schema = ChatRequest(model="m", messages=bare.messages, format={"type": "object"})
    with_json = ChatRequest(model="m", messages=bare.messages, format="json")
    assert estimate_prompt(bare) == estimate_overhead(bare) + 2 * SIZE
    assert estimate_overhead(with_tool) == 8 + 160 + estimate_text(msgspec.json.encode([tool]).decode())
    assert estimate_overhead(with_schema) == 8 + estimate_text('{"type":"object"}')
    assert estimate_overhead(with_json) == estimate_overhead(bare) == 8


def test_a_schema_too_deep_to_be_written_is_no_error_here():
    schema: JsonObject = {}
    for _ in range(200_000):
        schema = {"properties": schema}
    assert estimate_overhead(ChatRequest(model="m", messages=(), format=schema)) == 8


@pytest.mark.parametrize(
    ("context_length", "max_tokens", "tokens"),
    [
        (4_096, None, 1_024),
        (8_192, None, 2_048),
        (131_072, None, 4_096),
        (4_096, 100, 100),
        (4_096, 3_000, 2_048),
        (5, 3_000, 2),
        (1, None, 0),
    ],
)
def test_room_for_the_answer(context_length: int, max_tokens: int | None, tokens: int):
    assert reserve(context_length, max_tokens) == tokens


# The history, what is new, the room in messages, and what is sent.
CASES = [
    pytest.param("suaua", "u", None, "suauau", id="without a known context nothing is dropped"),
    pytest.param("suaua", "u", 6, "suauau", id="what fits exactly is sent whole"),
    pytest.param("suaua", "u", 5, "suau", id="questions go with their answers"),
    pytest.param("suaua", "u", 4, "suau", id="the rest stays while it fits"),
    pytest.param("suaua", "u", 3, "su", id="an answer never comes without its question"),
    pytest.param("suaua", "u", 0, "su", id="system and new are sent whatever the context"),
    pytest.param("ssua", "u", 0, "ssu", id="all leading system messages stay"),
    pytest.param("suasua", "u", 4, "suau", id="a later system message is dropped like any other"),
    pytest.param("ua", "su", 0, "su", id="a question after a new system message stands for itself"),
    pytest.param("uatau", "", 0, "u", id="to answer again, the question is sent"),
    pytest.param("uaua", "", 0, "ua", id="to go on, the last question is sent with its answer"),
    pytest.param("uauat", "t", 0, "uatt", id="results are sent with the question that led to them"),
    pytest.param("uauat", "tu", 0, "uattu", id="also when a question follows them"),
    pytest.param("uatauatauata", "u", 8, "uatau", id="calls and results stay together"),
    pytest.param("auau", "a", 5, "auaua", id="a conversation that the assistant opened can be whole"),
    pytest.param("auau", "a", 3, "ua", id="but is not cut at an answer"),
    pytest.param("aua", "u", 3, "uau", id="nor keeps the opening when a question can be first"),
    pytest.param("", "u", 0, "u", id="a new conversation"),
    pytest.param("", "", 0, "", id="nothing at all"),
    pytest.param("s", "", 0, "s", id="only instructions"),
    pytest.param("a", "", 0, "a", id="only a greeting"),
]


@pytest.mark.parametrize(("past", "new", "room", "sent"), CASES)
def test_what_is_sent(past: str, new: str, room: int | None, sent: str):
    coming = [turn.message for turn in history(new) if turn.message is not None]
    fitted = squeeze(history(past), coming, None if room is None else room * SIZE)
    assert roles(fitted) == sent
    assert len(fitted.messages) + len(fitted.dropped) == len(past) + len(new)


@pytest.mark.parametrize(
    ("past", "unread", "new", "sent"),
    [
        pytest.param("uauaua", 1, "u", "uauau", id="what was not read is dropped with the answer to it"),
        pytest.param("uauaua", 6, "u", "u", id="all of it"),
        pytest.param("uaua", 3, "u", "u", id="an answer whose question was not read is dropped, too"),
        pytest.param("uatat", 2, "t", "att", id="without its question, a result at least has its call"),
        pytest.param("ua", 1, "t", "at", id="also one that is the first to be read"),
        pytest.param("uat", 2, "", "", id="a result whose call was not read is nothing"),
    ],
)
def test_what_was_not_read_is_dropped_even_if_the_context_is_unknown(past: str, unread: int, new: str, sent: str):
    coming = [turn.message for turn in history(new) if turn.message is not None]
    assert roles(squeeze(history(past, unread), coming, None)) == sent


def test_the_dropped_are_named_oldest_first():
    turns = history("suauaua")
    fitted = squeeze(turns, QUESTION, 4 * SIZE)
    assert fitted.dropped == tuple(turn.message_id for turn in turns[1:5])


def test_tools_and_the_answer_take_room_from_the_history():
    turns = history("uaua")
    everything = 5 * SIZE
    assert not fit(turns, QUESTION, context_length=everything + 50, max_tokens=30, overhead=20).dropped
    assert fit(turns, QUESTION, context_length=everything + 49, max_tokens=30, overhead=20).dropped
    assert fit(turns, QUESTION, context_length=everything + 50, max_tokens=31, overhead=20).dropped
    assert fit(turns, QUESTION, context_length=everything + 50, max_tokens=30, overhead=21).dropped


def test_old_thoughts_are_neither_sent_nor_counted():
    thinking = [
        Turn(message_id=turn.message_id, role=turn.role, message=message(turn.role, thinking="hm " * 1_000))
        for turn in history("uaua")
    ]
    fitted = squeeze(thinking, QUESTION, 5 * SIZE)
    assert not fitted.dropped
    assert [sent.thinking for sent in fitted.messages] == [None] * 5


def test_the_thoughts_since_the_last_question_are_sent():
    turns = [
        Turn(message_id=turn.message_id, role=turn.role, message=message(turn.role, thinking="hm"))
        for turn in history("uaua")
    ]
    fitted = squeeze(turns, [message(TOOL, "result")], None)
    assert [sent.thinking for sent in fitted.messages] == [None, None, "hm", "hm", None]


def test_what_was_thought_before_anybody_asked_is_sent():
    [greeting] = history("a")
    thought = Turn(message_id=greeting.message_id, role=ASSISTANT, message=message(ASSISTANT, thinking="hm"))
    assert [sent.thinking for sent in squeeze([thought], [], None).messages] == ["hm"]


def calls(name: str) -> tuple[ToolCall, ...]:
    return (ToolCall(id=name, function=FunctionCall(name="look")),)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[Turn], list[ChatMessage]]:
    """A well-formed conversation, cut somewhere into what is stored and what is new."""
    spoken = [ChatMessage(role=SYSTEM, content="be brief")] * draw(st.integers(0, 2))
    for number in range(draw(st.integers(1, 6))):
        spoken.append(ChatMessage(role=USER, content="q" * draw(st.integers(0, 60))))
        for step in range(draw(st.integers(0, 2))):
            spoken.append(ChatMessage(role=ASSISTANT, tool_calls=calls(f"{number}.{step}")))
            spoken.append(
                ChatMessage(role=TOOL, tool_call_id=f"{number}.{step}", content="r" * draw(st.integers(0, 60)))
            )
        spoken.append(ChatMessage(role=ASSISTANT, content="a" * draw(st.integers(0, 60))))
    cut = draw(st.integers(0, len(spoken)))
    read = draw(st.integers(0, cut))
    turns = [
        Turn(
            message_id=MessageId(new_id()),
            role=said.role,
            message=said if index >= read or said.role is SYSTEM else None,
        )
        for index, said in enumerate(spoken[:cut])
    ]
    return turns, spoken[cut:]


@given(conversations(), st.none() | st.integers(0, 1_000), st.none() | st.integers(1, 600), st.integers(0, 100))
def test_what_is_sent_is_one_piece_up_to_the_end(
    conversation: tuple[list[Turn], list[ChatMessage]],
    context_length: int | None,
    max_tokens: int | None,
    overhead: int,
):
    turns, new = conversation
    fitted = fit(turns, new, context_length=context_length, max_tokens=max_tokens, overhead=overhead)
    lead = sum(turn.role is SYSTEM for turn in turns)
    rest = turns[lead:]
    kept = rest[len(fitted.dropped) :]
    assert fitted.dropped == tuple(turn.message_id for turn in rest[: len(fitted.dropped)])
    assert list(fitted.messages) == [turn.message for turn in (*turns[:lead], *kept)] + new
    assert None not in fitted.messages


@given(conversations(), st.none() | st.integers(0, 1_000))
def test_no_result_is_sent_without_its_call_and_no_answer_without_its_question(
    conversation: tuple[list[Turn], list[ChatMessage]], context_length: int | None
):
    turns, new = conversation
    fitted = fit(turns, new, context_length=context_length, max_tokens=None, overhead=0)
    started = [said for said in fitted.messages if said.role is not SYSTEM]
    unread = any(turn.message is None for turn in turns)
    called: set[str | None] = set()
    for said in started:
        # Where the last question itself was not read, there may be nothing else to send.
        assert said.role is not TOOL or said.tool_call_id in called or unread
        called |= {call.id for call in said.tool_calls}
    assert not started or started[0].role is USER or unread


@given(conversations(), st.integers(0, 1_000), st.integers(0, 1_000))
def test_a_larger_context_never_holds_less(
    conversation: tuple[list[Turn], list[ChatMessage]], context_length: int, more: int
):
    turns, new = conversation
    small = fit(turns, new, context_length=context_length, max_tokens=None, overhead=0)
    large = fit(turns, new, context_length=context_length + more, max_tokens=None, overhead=0)
    assert len(large.dropped) <= len(small.dropped)


@given(conversations(), st.integers(0, 1_000))
def test_more_than_fits_is_sent_only_when_there_is_nothing_left_to_drop(
    conversation: tuple[list[Turn], list[ChatMessage]], context_length: int
):
    turns, new = conversation
    fitted = fit(turns, new, context_length=context_length, max_tokens=None, overhead=0)
    least = fit(turns, new, context_length=0, max_tokens=None, overhead=0)
    taken = sum(map(estimate_tokens, fitted.messages))
    assert taken <= context_length - reserve(context_length, None) or fitted == least
