r"""A conversation as Markdown, in which no message can pass for another.

The title is the one heading of the first level, and the speakers are all those of the second. A message goes in as the
Markdown that it mostly is, with three changes: its own headings come below those, a fence that it left open is closed,
and the line that would make a heading of the text above it is set apart. Where that is not certain to be enough, as
with HTML or with fences whose end depends on how lists are read, all of the message is quoted: nothing gets out of a
quotation. The rules are those of CommonMark 0.31.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from deeper_api.store.conversations import Conversation
from deeper_api.store.message_rows import Message, MessageState
from deeper_core import ChatRole, ToolCall

_SPEAKERS: Final = {
    ChatRole.SYSTEM: "System",
    ChatRole.USER: "User",
    ChatRole.ASSISTANT: "Assistant",
    ChatRole.TOOL: "Tool",
}
_NOTES: Final = {
    MessageState.RUNNING: "This answer was still being written.",
    MessageState.CANCELLED: "This answer was stopped.",
    MessageState.FAILED: "This answer failed.",
    MessageState.INTERRUPTED: "This answer was interrupted.",
}

_LINE_END: Final = re.compile(r"\r\n|\r|\n")  # no other character ends a line there
_FENCE: Final = re.compile(r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)$")
_HEADING: Final = re.compile(r"(?P<indent> {0,3})(?P<marks>#{1,6})(?=[ \t]|$)")
_UNDERLINE: Final = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
_TICKS: Final = re.compile(r"`+")
_MARKS: Final = re.compile(r"([!-/:-@\[-`{-~])")  # all punctuation of ASCII
# The deepest level of a heading.
_DEEPEST: Final = 6


def markdown_title(conversation: Conversation) -> str:
    """Return the beginning of the document."""
    return f"# {_inline(conversation.title) or 'Conversation'}\n"


def markdown_message(message: Message) -> str:
    """Return a message with the heading that says who speaks."""
    parts = [f"## {_speaker(message)}"]
    if message.thinking:
        parts.append(_quoted(message.thinking))
    if message.images:
        count = len(message.images)
        parts.append(f"*{count} image{'s' if count > 1 else ''}*")
    if message.content:
        parts.append(_fenced(message.content, "") if message.role is ChatRole.TOOL else contained(message.content))
    parts += map(_call, message.tool_calls)
    if message.state in _NOTES:
        parts.append(f"*{_NOTES[message.state]}*")
    return "\n" + "\n\n".join(parts) + "\n"


def contained(text: str) -> str:
    """Return ``text`` as Markdown that ends where it ends, and has no headings of the first two levels."""
    lines = _LINE_END.split(text)
    try:
        return "\n".join(_contained(lines))
    except _Uncertain:
        return _quoted(text)


class _Uncertain(Exception):
    """How far a part of the text reaches depends on what is around it."""


def _contained(lines: list[str]) -> Iterator[str]:
    """Yield the lines with the changes that keep them in their place.

    Raises:
        _Uncertain: that cannot be told from the lines one by one.
    """
    fence: tuple[int, str] | None = None  # how far it is indented, and the fence itself
    before = ""
    for line in lines:
        indent, rest = _indent(line)
        if fence is not None:
            if _closes(fence, indent, rest):
                fence = None
            yield line
        elif rest.startswith("<"):
            raise _Uncertain  # HTML ends in seven ways
        elif opening := _FENCE.match(rest):
            fence = indent, opening["fence"]
            yield line
        elif heading := _HEADING.match(line):
            deeper = "#" * min(len(heading["marks"]) + 2, _DEEPEST)
            yield f"{heading['indent']}{deeper}{line[heading.end() :]}"
        else:
            if before.strip(" \t") and _UNDERLINE.match(line):
                yield ""
            yield line
        before = line
    if fence is not None:
        indent, marks = fence
        if indent:
            raise _Uncertain
        yield marks


def _closes(fence: tuple[int, str], indent: int, rest: str) -> bool:
    """Return whether a line closes ``fence``, however what is around it is read.

    A fence that is indented may belong to an item of a list, which a line that is indented less would end.

    Raises:
        _Uncertain: it does or does not, depending on that.
    """
    at, marks = fence
    closes = rest.startswith(marks) and not rest.lstrip(marks[0]).strip(" \t")
    if at == 0:
        return closes and indent < 4
    if (rest.strip(" \t") and indent < at) or (closes and indent != at):
        raise _Uncertain
    return closes


def _indent(line: str) -> tuple[int, str]:
    """Return how far ``line`` is indented, a tab reaching to the next multiple of four, and the rest of it."""
    rest = line.lstrip(" \t")
    return len(line[: len(line) - len(rest)].expandtabs(4)), rest


def _speaker(message: Message) -> str:
    name = message.tool_name if message.role is ChatRole.TOOL else message.model
    return _SPEAKERS[message.role] + (f" · {_inline(name)}" if name else "")


def _call(call: ToolCall) -> str:
    body = msgspec.json.encode({"name": call.function.name, "arguments": call.function.arguments})
    return _fenced(msgspec.json.format(body).decode(), "json")


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in _LINE_END.split(text))


def _fenced(text: str, language: str) -> str:
    longest = max(map(len, _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence + language, *_LINE_END.split(text), fence])


def _inline(text: str) -> str:
    """Return ``text`` as one line that means nothing but itself."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))
