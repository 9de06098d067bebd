"""What comes out is read by a parser of CommonMark, which knows nothing of how it was made."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from deeper_api.conversations.markdown import contained, markdown_message, markdown_title
from deeper_api.store.conversations import Conversation
from deeper_api.store.message_rows import Message, MessageState
from deeper_core import ChatRole, ConversationId, FunctionCall, MessageId, ToolCall, new_id

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CONVERSATION = ConversationId(new_id())
# What the structure of Markdown is made of.
MARKS = ["#", "##", "```", "````", "~~~", "~~~~", "`", "---", "===", "-", "=", ">", "|", "![", "](", "[a]:", "\\"]
HTML = ["<div>", "</div>", "<!--", "-->", "<pre>", "<script>", "<?", "<a", "&nbsp;"]
BLANKS = ["- ", "* ", "1. ", "> ", "[a]: /b", "| a |", " ", "  ", "    ", "\t", "\x0b", "\u2028"]
LINES = ["\n", "\n\n", "\n  ", "\n   ", "\n    ", "\r", "\r\n"]
PIECES = st.sampled_from([*MARKS, *HTML, *BLANKS, *LINES, "a", "b c", "user"])
HOSTILE = st.lists(PIECES, max_size=25).map("".join)


def message(role: ChatRole = ChatRole.USER, content: str = "", **more: Any) -> Message:
    given: dict[str, Any] = {"state": MessageState.COMPLETE, "parent_id": None} | more
    return Message(
        id=MessageId(new_id()), conversation_id=CONVERSATION, role=role, content=content, created_at=NOW, **given
    )


def headings(text: str) -> list[tuple[str, str]]:
    """The headings of the first two levels that are in nothing else."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return [
        (token.tag, inline.content)
        for token, inline in itertools.pairwise(tokens)
        if token.type == "heading_open" and token.level == 0 and token.tag in {"h1", "h2"}
    ]


def document(*messages: Message) -> str:
    title = markdown_title(Conversation(id=CONVERSATION, title="T", created_at=NOW, active_at=NOW))
    return title + "".join(map(markdown_message, messages))


@given(st.lists(HOSTILE, max_size=3), HOSTILE)
def test_no_message_can_pass_for_another(contents: list[str], thinking: str):
    asked = [message(content=each) for each in contents]
    answer = message(ChatRole.ASSISTANT, contents[0] if contents else "", thinking=thinking)
    found = headings(document(*asked, answer, message()))
    assert found == [("h1", "T"), *[("h2", "User")] * len(asked), ("h2", "Assistant"), ("h2", "User")]


@given(HOSTILE)
def test_the_answer_of_a_tool_and_a_call_of_one_stay_code(text: str):
    call = ToolCall(id="1", function=FunctionCall(name=text, arguments=text))
    found = document(message(ChatRole.ASSISTANT, tool_calls=(call,)), message(ChatRole.TOOL, text), message())
    assert headings(found) == [("h1", "T"), ("h2", "Assistant"), ("h2", "Tool"), ("h2", "User")]


@given(HOSTILE)
def test_names_mean_nothing_but_themselves(text: str):
    shown = document(message(ChatRole.ASSISTANT, model=text), message(ChatRole.TOOL, tool_name=text))
    assert [tag for tag, _ in headings(shown)] == ["h1", "h2", "h2"]
    title = markdown_title(Conversation(id=CONVERSATION, title=text, created_at=NOW, active_at=NOW))
    assert [tag for tag, _ in headings(title)] == ["h1"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Hello *you*", "Hello *you*"),
        ("# One\ntext\n###### Six", "### One\ntext\n###### Six"),
        ("text\n---\nmore", "text\n\n---\nmore"),
        ("text\n\n---\nmore", "text\n\n---\nmore"),
        ("```py\n# no heading\n```\n# one", "```py\n# no heading\n```\n### one"),
        ("```py\ncut", "```py\ncut\n```"),
        ("1. Do\n   ```sh\n   x\n   ```\n2. Go", "1. Do\n   ```sh\n   x\n   ```\n2. Go"),
        ("1. Do\n   ```sh\n   x", "> 1. Do\n>    ```sh\n>    x"),
        ("<b>x</b>", "> <b>x</b>"),
        ("a < b", "a < b"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("| a |\n|---|\n| 1 |", "| a |\n|---|\n| 1 |"),
    ],
)
def test_markdown_stays_what_it_is_where_it_can(text: str, kept: str):
    assert contained(text) == kept


def test_a_conversation_is_shown_by_speaker():
    call = ToolCall(id="1", function=FunctionCall(name="add", arguments='{"a": 1}'))
    shown = document(
        message(ChatRole.SYSTEM, "Be brief."),
        message(content="What is this?", images=(b"1", b"2")),
        message(ChatRole.ASSISTANT, thinking="Hm.\n\nLet me add.", tool_calls=(call,), model="llama3:8b_x"),
        message(ChatRole.TOOL, "a ``` b", tool_name="add"),
        message(ChatRole.ASSISTANT, "It is", state=MessageState.CANCELLED),
    )
    assert shown == (
        "# T\n"
        "\n## System\n\nBe brief.\n"
        "\n## User\n\n*2 images*\n\nWhat is this?\n"
        "\n## Assistant · llama3\\:8b\\_x\n\n> Hm.\n>\n> Let me add.\n\n"
        '```json\n{\n  "name": "add",\n  "arguments": "{\\"a\\": 1}"\n}\n```\n'
        "\n## Tool · add\n\n````\na ``` b\n````\n"
        "\n## Assistant\n\nIt is\n\n*This answer was stopped.*\n"
    )


def test_a_conversation_without_a_title_has_a_heading():
    shown = markdown_title(Conversation(id=CONVERSATION, title="", created_at=NOW, active_at=NOW))
    assert shown == "# Conversation\n"
