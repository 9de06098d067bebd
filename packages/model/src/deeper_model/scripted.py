"""A provider without a model server: for tests, for demos, and for working on everything around a model."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence

from msgspec.structs import replace

from deeper_core import (
    AnswerIncomplete,
    ChatEvent,
    ChatRequest,
    ContextTooLong,
    Delta,
    Finish,
    Model,
    ModelNotFound,
    ModelServerError,
    ModelServerUnreachable,
    Timings,
)
from deeper_model import demo

Step = Delta | Finish | ModelServerError | ModelNotFound | asyncio.Event
"""One step of a script: an event is streamed, an error is raised, and an `asyncio.Event` is waited for."""

SCRIPTED_MODEL = Model(
    name="scripted",
    family="scripted",
    context_length=8_192,
    loaded=True,
    capabilities=("completion", "tools", "vision", "thinking"),
)


class ScriptedProvider:
    """A deterministic `ModelProvider`.

    Left alone it is a demo: it says that it is a script, repeats the question word by word, ``delay`` seconds apart,
    and honours ``max_tokens``, ``stop``, ``seed``, ``think``, ``tools`` and ``format``. A test scripts the next answer
    with `play` and paces it with `asyncio.Event` gates.

    ``requests`` are the requests so far; ``open_streams`` how many answers are being streamed now; ``fault``, when set,
    is raised by everything that is asked.
    """

    def __init__(
        self, *, name: str = "scripted", models: Sequence[Model] = (SCRIPTED_MODEL,), delay: float = 0.0
    ) -> None:
        self.requests: list[ChatRequest] = []
        self.open_streams = 0
        self.fault: ModelServerError | None = None
        self._name = name
        self._models = {model.name: model for model in models}
        self._delay = delay
        self._scripts: deque[tuple[Step, ...]] = deque()
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def name(self) -> str:
        """The name given at construction."""
        return self._name

    def play(self, *steps: Step) -> None:
        """Answer the next request, and only that, with ``steps``.

        A script that ends without a `Finish` or an error breaks off: it raises `AnswerIncomplete`. Scripts queue up;
        when none is left, the demo answers.
        """
        self._scripts.append(steps)

    async def wait_for_streams(self, count: int) -> None:
        """Return once exactly ``count`` answers are being streamed."""
        while self.open_streams != count:
            await self._changed.wait()

    async def list_models(self) -> Sequence[Model]:
        """Return the models given at construction."""
        self._check()
        return tuple(self._models.values())

    async def check_health(self) -> None:
        """Raise ``fault``, if there is one."""
        self._check()

    async def close(self) -> None:
        """Refuse everything from now on."""
        self._closed = True

    async def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer from the next script, or from the demo."""
        self._check()
        self.requests.append(request)
        model = self._models.get(request.model)
        if model is None:
            raise ModelNotFound
        script = self._scripts.popleft() if self._scripts else None
        if script is None and model.context_length and demo.count_prompt(request.messages) > model.context_length:
            raise ContextTooLong
        events = self._play(script) if script is not None else self._demonstrate(request)
        self._count(1)
        try:
            started, first = time.perf_counter(), None
            async for event in events:
                elapsed = (time.perf_counter() - started) * 1_000
                if isinstance(event, Finish):
                    if event.timings == Timings():
                        event = replace(event, timings=Timings(first_token_ms=first, total_ms=elapsed))  # noqa: PLW2901  - the same event, with its timings
                    yield event
                    return
                first = elapsed if first is None else first
                yield event
            raise AnswerIncomplete
        finally:
            await events.aclose()
            self._count(-1)

    async def _play(self, script: Iterable[Step]) -> AsyncGenerator[ChatEvent, None]:
        for step in script:
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif isinstance(step, Delta | Finish):
                yield step
            else:
                raise step

    async def _demonstrate(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        for event in demo.answer(request):  # pragma: no branch  - its Finish is the last that anybody asks for
            # Sleeping for nothing still lets other tasks run, as every step of a real stream does.
            await asyncio.sleep(self._delay)
            yield event

    def _check(self) -> None:
        if self._closed:
            raise ModelServerUnreachable
        if self.fault is not None:
            raise self.fault

    def _count(self, step: int) -> None:
        self.open_streams += step
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
