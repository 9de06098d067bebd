"""The harness of providers that have their model inside the process."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
from msgspec import Struct

from deeper_core import AnswerIncomplete, ChatEvent, ChatRequest, DeeperError, Finish
from deeper_model.conformance.harnesses import Need, Script, Stage, close_soon
from deeper_model.provider import ModelProvider


class Engine:
    """A model inside the process, for providers that wrap one: `answer` plays the scripts and raises their errors.

    ``requests`` are those that came.
    """

    def __init__(self, scripts: Sequence[Script]) -> None:
        self.requests: list[ChatRequest] = []
        self._open = 0
        self._scripts = list(scripts)
        self._changed = asyncio.Condition()

    async def answer(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Say what the next script says."""
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        self.requests.append(request)
        self._open += 1
        await self._tell()
        try:
            for step in script:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif isinstance(step, DeeperError):
                    raise step
                else:
                    yield step
            if not script or not isinstance(script[-1], Finish):
                raise AnswerIncomplete
        finally:
            self._open -= 1
            await self._tell()

    async def until(self, *, asked: int = 0, idle: bool = False) -> None:
        """Return once ``asked`` answers were asked for and, if ``idle``, none is being given."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.requests) >= asked and not (idle and self._open))

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class _EngineStage:
    def __init__(self, provider: ModelProvider, engine: Engine) -> None:
        self.provider = provider
        self._engine = engine

    @property
    def asked(self) -> int:
        return len(self._engine.requests)

    @property
    def heard(self) -> bytes:
        return msgspec.json.encode(self._engine.requests[-1])

    async def until_asked(self, times: int = 1) -> None:
        await self._engine.until(asked=times)

    async def until_left(self) -> None:
        await self._engine.until(idle=True)


class EngineHarness(Struct, frozen=True):
    """The `Harness` of a provider that has its model inside the process.

    ``make`` returns a new provider whose model is the `Engine`. ``without`` names `Ability.WIRE`, since there is none.
    """

    make: Callable[[Engine], ModelProvider]
    without: Mapping[Need, str]
    soon: float = 1.0

    @asynccontextmanager
    async def stage(self, *scripts: Script) -> AsyncGenerator[Stage, None]:
        """Make a provider and an engine that plays ``scripts``."""
        engine = Engine(scripts)
        provider = self.make(engine)
        try:
            yield _EngineStage(provider, engine)
        finally:
            await close_soon(provider, self.soon)
