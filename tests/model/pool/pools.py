"""Members of pools that do what a test says."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from deeper_core import ChatEvent, ChatRequest, Model, ModelServerUnreachable
from deeper_model.conformance import MODEL, Engine


class EngineProvider:
    """A provider that has the engine of the conformance suite for a model."""

    name = "engine"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._closed = False

    async def list_models(self) -> Sequence[Model]:
        self._check()
        return [Model(name=MODEL)]

    async def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        self._check()
        async with aclosing(self._engine.answer(request)) as events:
            async for event in events:
                yield event

    async def check_health(self) -> None:
        self._check()

    async def close(self) -> None:
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise ModelServerUnreachable
