"""Answers as OpenAI has them: a completion, or a stream of chunks of one."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from deeper_api.chat.answers import Answer
from deeper_api.chat.frames import Context, Done, Failed, Frame, Numbered, Piece, Queued, Start
from deeper_api.chat.wire import SSE, Wire
from deeper_api.openai.errors import openai_envelope
from deeper_core import FinishReason, GenerationId, ToolCall, ToolCallDelta, Usage

_encode = msgspec.json.Encoder().encode
_AFTER_CONTENT = b'},"finish_reason":null}]}\n\n'
_END = b"data: [DONE]\n\n"


class TokenCounts(Struct, frozen=True, kw_only=True):
    """Tokens of one answer."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class FunctionPiece(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a function call; the name comes once, ``arguments`` in fragments to be joined."""

    arguments: str
    name: str | None = None


class ToolCallPiece(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of the tool call at ``index``; ``id`` and ``type`` come with its first piece."""

    index: int
    function: FunctionPiece
    id: str | None = None
    type: str | None = None


class ChunkDelta(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a chunk adds to the message. ``reasoning_content`` is what the model thinks before it answers."""

    role: str | None = None
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: tuple[ToolCallPiece, ...] = ()


class ChunkChoice(Struct, frozen=True, kw_only=True):
    """The one answer that there is."""

    index: int
    delta: ChunkDelta
    finish_reason: str | None


class Chunk(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="object", tag="chat.completion.chunk"):
    """One event of a stream. The one with the ``usage``, if that was asked for, has no choices."""

    id: str
    created: int
    model: str
    choices: tuple[ChunkChoice, ...]
    usage: TokenCounts | None = None


class CompletionMessage(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="role", tag="assistant"):
    """A whole answer; ``content`` is null where there are only tool calls."""

    content: str | None
    refusal: None
    reasoning_content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()


class CompletionChoice(Struct, frozen=True, kw_only=True):
    """The one answer that there is."""

    index: int
    message: CompletionMessage
    finish_reason: str
    logprobs: None


class Completion(Struct, frozen=True, kw_only=True, tag_field="object", tag="chat.completion"):
    """A whole answer, and what is known of it."""

    id: str
    created: int
    model: str
    choices: tuple[CompletionChoice, ...]
    usage: TokenCounts


def completion_of(answer: Answer) -> Completion:
    """Return ``answer`` as a completion."""
    said = answer.message
    message = CompletionMessage(
        content=None if said.tool_calls and not said.content else said.content,
        refusal=None,
        reasoning_content=said.thinking,
        tool_calls=said.tool_calls,
    )
    reason = _reason(answer.finish_reason)
    return Completion(
        id=_name(answer.generation_id),
        created=_seconds(answer.created_at),
        model=answer.model,
        choices=(CompletionChoice(index=0, message=message, finish_reason=reason, logprobs=None),),
        usage=_counts(answer.usage),
    )


def chunk_wire(*, include_usage: bool) -> Wire:
    """Return the form in which one stream of frames goes out, from its beginning: as chunks, which have no ids."""
    return Wire(media_type=SSE.media_type, encode=_Chunks(include_usage=include_usage).encode, heartbeat=SSE.heartbeat)


class _Chunks:
    """Makes chunks of the frames of one answer. What all of them have in common is encoded once."""

    def __init__(self, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._head = self._content = b""

    def encode(self, frames: Sequence[Numbered]) -> bytes:
        """Return the events for the next frames."""
        return b"".join([self._event(frame) for _, frame in frames])

    def _event(self, frame: Frame) -> bytes:
        match frame:
            case Piece(content=content) if content:  # almost all of them; so without a detour by structs
                return self._content + _encode(content) + _AFTER_CONTENT
            case Piece():
                return self._chunk(_delta(frame))
            case Start():
                return self._begin(frame)
            case Done():
                return self._end(frame)
            case Failed():
                return b"data: %b\n\n" % _encode(openai_envelope(frame.error))
            case Queued() | Context():
                return _comment(frame)

    def _begin(self, start: Start) -> bytes:
        common = {"id": _name(start.generation_id), "object": "chat.completion.chunk"}
        common |= {"created": _seconds(start.created_at), "model": start.model}
        self._head = b"data: %b," % _encode(common)[:-1]
        self._content = self._head + b'"choices":[{"index":0,"delta":{"content":'
        # Without content: some clients begin an empty text with an empty one, even where tool calls are all that comes.
        return self._chunk(ChunkDelta(role="assistant"))

    def _end(self, done: Done) -> bytes:
        last = self._chunk(ChunkDelta(), _reason(done.finish_reason))
        if self._include_usage:
            last += b'%b"choices":[],"usage":%b}\n\n' % (self._head, _encode(_counts(done.usage)))
        return last + _END

    def _chunk(self, delta: ChunkDelta, reason: str | None = None) -> bytes:
        return b'%b"choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n' % (
            self._head,
            _encode(delta),
            _encode(reason),
        )


def _comment(frame: Queued | Context) -> bytes:
    if isinstance(frame, Queued):
        return b": queued %d\n\n" % frame.position
    return b": without the oldest %d\n\n" % len(frame.dropped)


def _delta(piece: Piece) -> ChunkDelta:
    return ChunkDelta(
        reasoning_content=piece.thinking or None,
        tool_calls=tuple(map(_call, piece.tool_calls)),
    )


def _call(delta: ToolCallDelta) -> ToolCallPiece:
    return ToolCallPiece(
        index=delta.index,
        id=delta.id,
        type="function" if delta.id is not None else None,
        function=FunctionPiece(name=delta.function.name, arguments=delta.function.arguments),
    )


def _reason(reason: FinishReason) -> str:
    # OpenAI knows no answers that were stopped from outside.
    return FinishReason.STOP.value if reason is FinishReason.CANCELLED else reason.value


def _counts(usage: Usage) -> TokenCounts:
    return TokenCounts(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
    )


def _name(generation_id: GenerationId) -> str:
    return f"chatcmpl-{generation_id}"


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
