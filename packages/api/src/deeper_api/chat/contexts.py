"""What of a conversation is sent to a model whose context is too small for all of it. Pure.

Nobody but the model server knows its tokenizer, so tokens are estimated here, and rather too many than too few: one
that is counted too much costs an old message, one too little may cost the answer.
"""

from collections.abc import Sequence
from itertools import takewhile
from math import ceil
from string import digits, punctuation

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from deeper_core import ChatMessage, ChatRequest, ChatRole, MessageId

_DIGITS = digits.encode()
_MARKS = punctuation.encode()
# What chat templates put around a message: five tokens in ChatML (Qwen), Llama 3 and Gemma, seven in Harmony (gpt-oss).
_MESSAGE_TOKENS = 8
# `{"name": …, "arguments": …}` between two tags, in the templates of Qwen and Hermes.
_CALL_TOKENS = 16
# Gemma 3 takes 256 for an image, LLaVA 1.5 576, MiniCPM-V up to 640, Qwen2.5-VL 1,337 for one of 1,024 pixels each way.
_IMAGE_TOKENS = 1_024
# The start of the text, and the head of the answer that is to come.
_PROMPT_TOKENS = 8
# How the templates of Qwen, Hermes and Llama 3.1 explain to the model what tools are: 80 to 150 tokens.
_TOOLS_TOKENS = 160
_LONGEST_RESERVE = 4_096


class Turn(Struct, frozen=True, kw_only=True):
    """A message of the history; ``message`` is None if it is so far back that its text was not even read."""

    message_id: MessageId
    role: ChatRole
    message: ChatMessage | None


class Fitted(Struct, frozen=True, kw_only=True):
    """The messages to send, and the ids of those of the history that are not among them, oldest first."""

    messages: tuple[ChatMessage, ...]
    dropped: tuple[MessageId, ...]


def estimate_text(text: str) -> int:
    """Return how many tokens ``text`` may have: one for a digit, two for three marks, one for three other bytes.

    Bytes are those of UTF-8, marks ASCII's punctuation. No text has fewer tokens by this than a third of its bytes.
    Measured with the vocabularies of Gemma 3, Qwen 3, Llama 3 and gpt-oss, it is 1.2 to 1.7 times the true count for
    English and for code, 1.1 to 1.4 for JSON, 1.2 to 1.7 for Chinese, Japanese and Korean, 1.8 to 2.5 for Russian. It
    is too low for what is random (digits 0.9, base64 0.6) and where a vocabulary lacks a script (Greek for Qwen 3 0.7,
    Hebrew for Llama 3 0.6).
    """
    data = text.encode("utf-8", "surrogatepass")
    rest = data.translate(None, _DIGITS)
    others = len(rest.translate(None, _MARKS))
    figures, marks = len(data) - len(rest), len(rest) - others
    return ceil((3 * figures + 2 * marks + others) / 3)


def estimate_tokens(message: ChatMessage) -> int:
    """Return how many tokens ``message`` may take of a context, with what the chat template puts around it.

    Thinking counts, because it is sent to Ollama; the ids of tool calls do not, because hardly a template shows them.
    """
    calls = sum(
        _CALL_TOKENS + estimate_text(call.function.name) + estimate_text(call.function.arguments)
        for call in message.tool_calls
    )
    texts = estimate_text(message.content) + estimate_text(message.thinking or "")
    return (
        _MESSAGE_TOKENS + texts + calls + estimate_text(message.tool_name or "") + _IMAGE_TOKENS * len(message.images)
    )


def estimate_overhead(request: ChatRequest) -> int:
    """Return how many tokens ``request`` may take beside its messages: for its tools and its format.

    Most servers only constrain the answer by a schema, but some show it to the model, too.
    """
    tools = _TOOLS_TOKENS + _estimate_json(request.tools) if request.tools else 0
    schema = _estimate_json(request.format) if isinstance(request.format, dict) else 0
    return _PROMPT_TOKENS + tools + schema


def estimate_prompt(request: ChatRequest) -> int:
    """Return how many tokens all of ``request`` may take of a context."""
    return estimate_overhead(request) + sum(map(estimate_tokens, request.messages))


def reserve(context_length: int, max_tokens: int | None) -> int:
    """Return how many tokens of a context to leave to the answer.

    As many as it may have, but at most half of the context. Where nobody says how many those are, a quarter, and at
    most 4,096: an answer that is cut off in the middle is worse than one that has forgotten an old message.
    """
    if max_tokens is None:
        return min(_LONGEST_RESERVE, context_length // 4)
    return min(max_tokens, context_length // 2)


def fit(
    history: Sequence[Turn],
    new: Sequence[ChatMessage],
    *,
    context_length: int | None,
    max_tokens: int | None,
    overhead: int,
) -> Fitted:
    """Choose what to send of ``history``, oldest first, and of ``new``, which is all that was said since.

    System messages at the start of the history are sent, if they were read, and everything in ``new``. In between,
    what is sent has no gap, ends where the history ends, and begins at a question of the user's, so that no answer
    comes without its question and no result without its call. If ``new`` holds no question, the history's last one is
    sent with all that follows it. What was thought before the last question is not sent: the templates of reasoning
    models leave it out.

    ``context_length`` and ``overhead`` are in tokens, see `estimate_overhead`; with no context length known, all that
    was read of the history is sent. What must be sent is sent even if it does not seem to fit: the estimate is too
    high for most texts, and the model server, which is told to refuse what it would have to cut, counts for itself.
    """
    lead = list(takewhile(_is_standing_order, history))
    rest = history[len(lead) :]
    asked = _asks(new)
    kept = _messages(lead)
    spoken = _without_old_thoughts(rest, asked=asked)
    room = None
    if context_length is not None:
        taken = overhead + sum(map(estimate_tokens, (*kept, *new)))
        room = context_length - reserve(context_length, max_tokens) - taken
    start = _start(spoken, _starts(rest, asked=asked), room)
    return Fitted(
        messages=(*kept, *_messages(spoken[start:]), *new),
        dropped=tuple(turn.message_id for turn in rest[:start]),
    )


def _is_standing_order(turn: Turn) -> bool:
    return turn.role is ChatRole.SYSTEM and turn.message is not None


def _asks(new: Sequence[ChatMessage]) -> bool:
    """Tell whether ``new`` stands for itself: whether a question comes before any answer or result."""
    return next((message.role for message in new if message.role is not ChatRole.SYSTEM), None) is ChatRole.USER


def _messages(turns: Sequence[Turn]) -> tuple[ChatMessage, ...]:
    return tuple(turn.message for turn in turns if turn.message is not None)


def _questions(turns: Sequence[Turn]) -> list[int]:
    return [index for index, turn in enumerate(turns) if turn.role is ChatRole.USER]


def _without_old_thoughts(turns: Sequence[Turn], *, asked: bool) -> list[Turn]:
    """Return ``turns`` without what was thought before the last question, which is new if ``asked``."""
    last = len(turns) if asked else max(_questions(turns), default=0)
    return [
        replace(turn, message=replace(turn.message, thinking=None))
        if index < last and turn.message is not None and turn.message.thinking
        else turn
        for index, turn in enumerate(turns)
    ]


def _starts(turns: Sequence[Turn], *, asked: bool) -> list[int]:
    """Return where in ``turns`` what is sent of them may begin, the earliest first; at least one place."""
    unread = max((index for index, turn in enumerate(turns) if turn.message is None), default=-1)
    starts = [index for index in _questions(turns) if index > unread]
    if unread < 0 and 0 not in starts:
        # A conversation that the assistant opened may be sent whole.
        starts.insert(0, 0)
    if asked:
        starts.append(len(turns))
    # All that was read may have come since the last question: then begin where no result is without its call.
    return starts or [
        next((index for index in range(unread + 1, len(turns)) if _is_no_result(turns[index])), len(turns))
    ]


def _is_no_result(turn: Turn) -> bool:
    return turn.role is not ChatRole.TOOL


def _start(turns: Sequence[Turn], starts: Sequence[int], room: int | None) -> int:
    """Return the earliest of ``starts`` from which on ``turns`` take no more than ``room``, or else the last."""
    if room is None:
        return starts[0]
    best, end, size = starts[-1], len(turns), 0
    for start in reversed(starts):
        size += sum(map(estimate_tokens, _messages(turns[start:end])))
        if size > room:
            break
        best, end = start, start
    return best


def _estimate_json(value: object) -> int:
    try:
        return estimate_text(msgspec.json.encode(value).decode())
    except RecursionError:  # nested so deeply that it could just be read; no model server will be sent it
        return 0
