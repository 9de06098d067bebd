"""How the two kinds of model servers write, and what the tests ask of them."""

import json
from collections.abc import Sequence
from typing import Any

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
    ModelNotFound,
    ModelOutOfMemory,
    ModelServerFailed,
    ModelServerOverloaded,
    ModelServerRejected,
    Usage,
)
from deeper_model import (
    ModelProvider,
    OllamaProvider,
    OllamaSettings,
    OpenAICompatibleProvider,
    OpenAISettings,
    WireLimits,
)
from deeper_model.conformance import PATIENT, HttpReply, Outcome, Peer, Request, collect

# The words of real servers; llama.cpp, Ollama and vLLM share enough of them.
_REFUSALS: dict[type[DeeperError], tuple[int, str]] = {
    ModelNotFound: (404, "model 'tiny' not found"),
    ModelServerRejected: (400, "tiny does not support tools"),
    ContextTooLong: (400, "the input length exceeds the context length"),
    ModelOutOfMemory: (500, "model requires more system memory (9 GiB) than is available (1 GiB)"),
    ModelServerOverloaded: (503, "server busy, please try again.  maximum pending requests exceeded"),
    ModelServerFailed: (500, "something broke"),
}
_END = Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2))


class _Shared:
    """What both dialects have: errors as an object, and answers in frames."""

    name: str
    media_type: str

    def frame(self, message: object) -> bytes:
        raise NotImplementedError

    def message(self, delta: Delta) -> dict[str, object]:
        raise NotImplementedError

    def delta(self, delta: Delta) -> bytes:
        return self.frame(self.message(delta))

    def finish(self, finish: Finish) -> bytes:
        raise NotImplementedError

    def failure(self, error: DeeperError, words: str) -> bytes:
        return self.frame({"error": f"{_REFUSALS[type(error)][1]} {words}"})

    def refusal(self, error: DeeperError, words: str) -> HttpReply:
        status, text = _REFUSALS[type(error)]
        return HttpReply(status=status, body=json.dumps({"error": f"{text} {words}"}).encode())

    def nonsense(self) -> bytes:
        return self.frame(b'{"choices": 7, "message": 7}')

    def content(self, text: str) -> bytes:
        return self.delta(Delta(content=text))

    def end(self) -> bytes:
        return self.finish(_END)

    async def begin(self, peer: Peer, *texts: str) -> None:
        """Send the head and a chunk for each of ``texts``."""
        await peer.stream_head(self.media_type)
        for text in texts:
            await peer.chunk(self.content(text))


def _json(message: object) -> bytes:
    """Return JSON with its characters as they are, but for halves of surrogate pairs, which need escapes."""
    try:
        return json.dumps(message, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(message).encode()


class OllamaDialect(_Shared):
    """Ollama's newline-delimited JSON."""

    name = "ollama"
    media_type = "application/x-ndjson"

    def provider(self, url: str, limits: WireLimits = PATIENT) -> OllamaProvider:
        return OllamaProvider(url, settings=OllamaSettings(limits=limits))

    def frame(self, message: object) -> bytes:
        return (message if isinstance(message, bytes) else _json(message)) + b"\n"

    def message(self, delta: Delta) -> dict[str, object]:
        message: dict[str, object] = {"role": "assistant", "content": delta.content}
        if delta.thinking:
            message["thinking"] = delta.thinking
        if delta.tool_calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "function": {"name": call.function.name, "arguments": json.loads(call.function.arguments)},
                }
                for call in delta.tool_calls
            ]
        return {"message": message, "done": False}

    def finish(self, finish: Finish) -> bytes:
        reason = "length" if finish.reason is FinishReason.LENGTH else "stop"
        last: dict[str, object] = {"message": {"content": ""}, "done": True, "done_reason": reason}
        if finish.usage is not None:
            last |= {"prompt_eval_count": finish.usage.prompt_tokens, "eval_count": finish.usage.completion_tokens}
        return self.frame(last)

    def blank(self) -> bytes:
        return b"\n"

    def reply(self, request: Request, models: Sequence[str]) -> HttpReply | None:
        if request.path == "/api/chat":
            return None
        listed = {"models": [{"name": name} for name in models]}
        return HttpReply(body=_json({"version": "1"} if request.path == "/api/version" else listed))


class OpenAIDialect(_Shared):
    """Chat completions as server-sent events."""

    name = "openai"
    media_type = "text/event-stream"

    def provider(self, url: str, limits: WireLimits = PATIENT) -> OpenAICompatibleProvider:
        return OpenAICompatibleProvider(url, settings=OpenAISettings(limits=limits))

    def frame(self, message: object) -> bytes:
        return b"data: " + (message if isinstance(message, bytes) else _json(message)) + b"\n\n"

    def message(self, delta: Delta) -> dict[str, object]:
        piece: dict[str, object] = {"content": delta.content}
        if delta.thinking:
            piece["reasoning_content"] = delta.thinking
        if delta.tool_calls:
            piece["tool_calls"] = [
                {
                    "index": call.index,
                    "id": call.id,
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
                for call in delta.tool_calls
            ]
        return self._choice(piece, None)

    def finish(self, finish: Finish) -> bytes:
        frames = self.frame(self._choice({}, finish.reason.value))
        if finish.usage is not None:
            counted = {
                "prompt_tokens": finish.usage.prompt_tokens,
                "completion_tokens": finish.usage.completion_tokens,
            }
            frames += self.frame({"choices": [], "usage": counted})
        return frames + self.frame(b"[DONE]")

    def blank(self) -> bytes:
        return b": ping\n\n"

    def reply(self, request: Request, models: Sequence[str]) -> HttpReply | None:
        if request.path == "/v1/chat/completions":
            return None
        return HttpReply(body=_json({"data": [{"id": name, "max_model_len": 4_096} for name in models]}))

    def _choice(self, delta: dict[str, object], reason: str | None) -> dict[str, object]:
        return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


Dialect = OllamaDialect | OpenAIDialect
OLLAMA = OllamaDialect()
OPENAI = OpenAIDialect()
DIALECTS: tuple[Dialect, ...] = (OLLAMA, OPENAI)


def ask(text: str = "Hello", **options: Any) -> ChatRequest:
    """A request of one question."""
    messages = (ChatMessage(role=ChatRole.USER, content=text),)
    return ChatRequest(model="tiny", messages=messages, options=ChatOptions(**options))


async def outcome(provider: ModelProvider, request: ChatRequest | None = None) -> Outcome:
    """Ask and collect everything, the error included; any other exception is let through."""
    return await collect(provider.chat_stream(request or ask()))
