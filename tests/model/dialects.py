"""The two dialects, so that one test speaks both."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from deeper_core import ChatEvent, ChatMessage, ChatOptions, ChatRequest, ChatRole, DeeperError, Delta, Finish
from deeper_model import (
    ModelProvider,
    OllamaProvider,
    OllamaSettings,
    OpenAICompatibleProvider,
    OpenAISettings,
    WireLimits,
)
from tests.fakes.upstream import Peer

SHORT = WireLimits(connect=2.0, first_byte=20.0, idle=20.0, ending=0.2, reply=5.0)


@dataclass(frozen=True)
class Dialect:
    """How one kind of model server writes an answer."""

    name: str
    media_type: str

    def provider(self, url: str, limits: WireLimits = SHORT) -> OllamaProvider | OpenAICompatibleProvider:
        if self.name == "ollama":
            return OllamaProvider(url, settings=OllamaSettings(limits=limits))
        return OpenAICompatibleProvider(url, settings=OpenAISettings(limits=limits))

    def frame(self, message: object) -> bytes:
        text = message if isinstance(message, bytes) else json.dumps(message).encode()
        return text + b"\n" if self.name == "ollama" else b"data: " + text + b"\n\n"

    def content(self, text: str) -> bytes:
        return self.frame(self.content_message(text))

    def content_message(self, text: str) -> dict[str, Any]:
        if self.name == "ollama":
            return {"message": {"role": "assistant", "content": text}, "done": False}
        return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}

    def end(self) -> bytes:
        if self.name == "ollama":
            return self.frame({
                "message": {"content": ""}, "done": True, "done_reason": "stop",
                "prompt_eval_count": 3, "eval_count": 2,
            })  # fmt: skip
        return (
            self.frame({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            + self.frame({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
            + self.frame(b"[DONE]")
        )

    async def begin(self, peer: Peer, *texts: str) -> None:
        """Send the head and a chunk for each of ``texts``."""
        await peer.stream_head(self.media_type)
        for text in texts:
            await peer.chunk(self.content(text))


OLLAMA = Dialect("ollama", "application/x-ndjson")
OPENAI = Dialect("openai", "text/event-stream")
DIALECTS = (OLLAMA, OPENAI)


def ask(text: str = "Hello", **options: Any) -> ChatRequest:
    """A request of one question."""
    messages = (ChatMessage(role=ChatRole.USER, content=text),)
    return ChatRequest(model="tiny", messages=messages, options=ChatOptions(**options))


@dataclass
class Outcome:
    """All that came of a request."""

    deltas: list[Delta]
    finish: Finish | None
    error: DeeperError | None

    @property
    def content(self) -> str:
        return "".join(delta.content for delta in self.deltas)

    @property
    def thinking(self) -> str:
        return "".join(delta.thinking for delta in self.deltas)


async def outcome(provider: ModelProvider, request: ChatRequest | None = None) -> Outcome:
    """Ask and collect everything, the error included; any other exception is let through."""
    return await collect(provider.chat_stream(request or ask()))


async def collect(events: AsyncGenerator[ChatEvent, None]) -> Outcome:
    """Collect everything that ``events`` bring."""
    found = Outcome([], None, None)
    try:
        async for event in events:
            assert found.finish is None
            if isinstance(event, Finish):
                found.finish = event
            else:
                found.deltas.append(event)
    except DeeperError as error:
        found.error = error
    assert (found.finish is None) != (found.error is None)
    return found
