"""Members of pools that do what a test says."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

from deeper_core import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    ChatRole,
    Delta,
    Finish,
    FinishReason,
    Model,
    ModelServerUnreachable,
)
from deeper_model import RetryPolicy, ScriptedProvider
from deeper_model.conformance import MODEL, Engine
from deeper_model.pool import BreakerPolicy, Lease, ModelPool, PoolMember, PoolPolicy

STOP = Finish(reason=FinishReason.STOP)
# Nobody looks again unless something happened, and nobody is in doubt for longer than the clock says.
CALM = PoolPolicy(breaker=BreakerPolicy(failures=3, pause=10.0), fresh=3_600.0, again=3_600.0, patience=3_600.0)
PROMPT = RetryPolicy(attempts=3, base=0.0)


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Server(ScriptedProvider):
    """A scripted provider whose list of models can change, fail, or wait for a gate."""

    def __init__(self, name: str = "server", *models: Model) -> None:
        super().__init__(name=name, models=models or (Model(name="m", loaded=True),))
        self.gate = asyncio.Event()
        self.gate.set()
        self.list_fault: Exception | None = None
        self.listed = 0
        self.listing = 0
        self._looked = asyncio.Event()

    def serve(self, *models: Model) -> None:
        """Have these models from now on."""
        self._models = {model.name: model for model in models}

    async def list_models(self) -> Sequence[Model]:
        self.listing += 1
        self._tell()
        try:
            await self.gate.wait()
        finally:
            self.listing -= 1
            self.listed += 1
            self._tell()
        if self.list_fault is not None:
            raise self.list_fault
        return await super().list_models()

    async def check_health(self) -> None:
        await self.gate.wait()
        await super().check_health()

    async def until(self, true: Callable[["Server"], bool]) -> None:
        """Return once ``true`` holds, looked at when somebody lists the models."""
        while not true(self):
            await self._looked.wait()

    def _tell(self) -> None:
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()


def ask(model: str = "m") -> ChatRequest:
    """A question."""
    return ChatRequest(model=model, messages=(ChatMessage(role=ChatRole.USER, content="Hi"),))


def says(text: str) -> tuple[Delta | Finish, ...]:
    """The script of an answer."""
    return Delta(content=text), STOP


@asynccontextmanager
async def pool_of(
    *servers: Server,
    policy: PoolPolicy = CALM,
    retries: RetryPolicy = PROMPT,
    clock: Callable[[], float] | None = None,
    weights: Sequence[float] = (),
) -> AsyncGenerator[ModelPool]:
    """A pool over these servers, and at its end nothing of it is left."""
    members = [
        PoolMember(name=server.name, provider=server, weight=weight)
        for server, weight in zip(servers, weights or [1.0] * len(servers), strict=True)
    ]
    before = asyncio.all_tasks()
    pool = ModelPool(members, policy=policy, retries=retries, clock=clock or Clock())
    try:
        yield pool
    finally:
        assert [member.in_flight for member in pool.members()] == [0] * len(servers)
        await pool.close()
        assert asyncio.all_tasks() <= before


async def chosen(pool: ModelPool, model: str = "m") -> Lease:
    """A member that was chosen, with all members known."""
    await pool.list_models()
    return await pool.choose(model)


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
