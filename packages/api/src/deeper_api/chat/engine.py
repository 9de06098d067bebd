"""The engine: runs generations as tasks of the application, whoever watches them."""

import asyncio
import logging
import time
from contextlib import aclosing
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from deeper_api.chat.frames import Done, Failed, Piece, Start
from deeper_api.chat.generations import Generation
from deeper_api.errors import error_body
from deeper_core import (
    ChatRequest,
    DeeperError,
    Delta,
    Finish,
    FinishReason,
    GenerationId,
    InternalError,
    ShuttingDown,
    Timings,
    Usage,
    UserId,
    new_id,
)
from deeper_model import ModelProvider

_log = logging.getLogger("deeper.generations")


class Engine:
    """Starts generations and ends them all when it is closed.

    A context manager: on leaving, every generation that still runs ends with a last frame.
    """

    def __init__(self, provider: ModelProvider, *, drain_seconds: float) -> None:
        self._provider = provider
        self._drain_seconds = drain_seconds
        self._running: dict[asyncio.Task[Done], Generation] = {}
        self._closing = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def running(self) -> int:
        """How many generations run now."""
        return len(self._running)

    def start(self, request: ChatRequest, *, user_id: UserId, request_id: str | None) -> Generation:
        """Start answering ``request`` and return at once.

        Raises:
            ShuttingDown: if the engine is closing.
        """
        if self._closing:
            raise ShuttingDown(retry_after=1)
        generation = Generation(generation_id=GenerationId(new_id()), user_id=user_id)
        generation.add(Start(generation_id=generation.id, model=request.model, created_at=datetime.now(UTC)))
        run = _Run(generation, self._provider, request, request_id)
        task = asyncio.create_task(run.follow(), name=f"generation {generation.id}")
        generation.run_as(task)
        self._running[task] = generation
        task.add_done_callback(run.end)
        task.add_done_callback(self._running.pop)
        return generation

    async def close(self) -> None:
        """Start nothing new, let what runs go on for the drain time, then end it with a last frame each."""
        self._closing = True
        if self._running:
            await asyncio.wait(self._running, timeout=self._drain_seconds)
        for generation in list(self._running.values()):
            generation.cancel("shutdown")
        if self._running:
            await asyncio.wait(self._running)


class _Run:
    """The making of one generation, from its request to its last frame."""

    def __init__(
        self, generation: Generation, provider: ModelProvider, request: ChatRequest, request_id: str | None
    ) -> None:
        self._generation = generation
        self._provider = provider
        self._request = request
        self._request_id = request_id
        self._started = time.perf_counter()
        self._first: float | None = None
        self._pieces = 0

    async def follow(self) -> Done:
        """Add a frame for each delta and return the last frame; raises what the provider raises."""
        async with aclosing(self._provider.chat_stream(self._request)) as events:
            async for event in events:
                match event:
                    case Delta():
                        self._add(event)
                    case Finish():
                        usage = event.usage or self._estimate()
                        return Done(finish_reason=event.reason, usage=usage, timings=_rounded(event.timings))
        raise InternalError  # a provider ends with a Finish or raises

    def end(self, task: asyncio.Task[Done]) -> None:
        """Add the last frame, once ``task`` is over.

        A callback and not a ``finally``: a task may be cancelled before its first step, and nobody who waits for the
        last frame may be left waiting.
        """
        last = self._last_frame(task)
        self._generation.add(last)
        self._report(last)

    def _last_frame(self, task: asyncio.Task[Done]) -> Done | Failed:
        if task.cancelled():
            return self._interrupted()
        error = task.exception()
        if error is None:
            return task.result()
        if not isinstance(error, DeeperError):
            _log.error("generation failed", exc_info=error, extra={"fields": {"request_id": self._request_id}})
            error = InternalError()
        if self._generation.cancelled:
            return self._interrupted()  # what a provider makes of its cancellation does not make it a failure
        return self._failed(error)

    def _add(self, delta: Delta) -> None:
        if self._first is None:
            self._first = time.perf_counter()
        self._pieces += delta.pieces
        self._generation.add(Piece(content=delta.content, thinking=delta.thinking, tool_calls=delta.tool_calls))

    def _interrupted(self) -> Done | Failed:
        if self._generation.cancelled == "shutdown":
            return self._failed(ShuttingDown(retry_after=1))
        return Done(finish_reason=FinishReason.CANCELLED, usage=self._estimate(), timings=_rounded(self._timings()))

    def _failed(self, error: DeeperError) -> Failed:
        return Failed(error=error_body(error, self._request_id))

    def _estimate(self) -> Usage:
        return Usage(completion_tokens=self._pieces, estimated=True)

    def _timings(self) -> Timings:
        return Timings(
            first_token_ms=None if self._first is None else (self._first - self._started) * 1_000,
            total_ms=(time.perf_counter() - self._started) * 1_000,
        )

    def _report(self, last: Done | Failed) -> None:
        outcome = last.error.code if isinstance(last, Failed) else last.finish_reason
        timings = _rounded(self._timings())
        _log.info(
            "generation ended",
            extra={
                "fields": {
                    "request_id": self._request_id,
                    "generation_id": str(self._generation.id),
                    "user_id": str(self._generation.user_id),
                    "model": self._request.model,
                    "outcome": outcome.value,
                    "pieces": self._pieces,
                    "first_token_ms": timings.first_token_ms,
                    "total_ms": timings.total_ms,
                }
            },
        )


def _rounded(timings: Timings) -> Timings:
    """Return ``timings`` to the microsecond, which is more than anybody measures."""
    values = {name: getattr(timings, name) for name in timings.__struct_fields__}
    return Timings(**{name: None if value is None else round(value, 3) for name, value in values.items()})
