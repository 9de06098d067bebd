"""Asking again: when it may help, nobody has seen anything yet, and there is time."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from msgspec import Struct

from deeper_core import ChatEvent, ChatRequest, DeeperError, Model, ModelServerError
from deeper_model.provider import ModelProvider


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """How often and how long to try.

    ``attempts`` counts the first one, too. The wait before the n-th retry is drawn at random below
    ``base * factor ** (n - 1)``, never more than ``longest``; a server that said when to come back is not asked before,
    and a tenth later at most. ``total`` bounds the time from the first attempt to the start of the last; None does not.
    All times are in seconds.
    """

    attempts: int = 3
    base: float = 0.25
    factor: float = 2.0
    longest: float = 5.0
    total: float | None = 30.0


def retry_delay(
    policy: RetryPolicy, error: DeeperError, *, attempt: int, elapsed: float, chance: float
) -> float | None:
    """Return how many seconds to wait before asking again, or None if ``error`` is final.

    ``attempt`` is the number of the attempt that failed, from 1; ``elapsed`` the seconds since the first one began;
    ``chance`` a random number from 0 to 1. Drawing from the whole range below the bound ("full jitter") keeps many
    callers that failed together from coming back together.
    """
    if not isinstance(error, ModelServerError) or not error.retryable or attempt >= policy.attempts:
        return None
    # A huge exponent would overflow a float long after it stopped to matter.
    bound = min(policy.longest, policy.base * policy.factor ** min(attempt - 1, 64))
    delay = bound * chance
    if error.retry_after is not None:
        delay = error.retry_after * (1 + chance / 10)
    if policy.total is not None and elapsed + delay > policy.total:
        return None
    return delay


class RetryingProvider:
    """A `ModelProvider` that asks ``provider`` again for an answer that failed before its first `Delta`.

    After that the error goes through, since a second answer would not continue the first. Listing models and checking
    health go straight through. ``sleep`` and ``draw`` are for tests.
    """

    def __init__(
        self,
        provider: ModelProvider,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._provider = provider
        self._policy = policy or RetryPolicy()
        self._sleep = sleep
        self._draw = draw

    @property
    def name(self) -> str:
        """The name of the provider within."""
        return self._provider.name

    async def list_models(self) -> Sequence[Model]:
        """List the models of the provider within."""
        return await self._provider.list_models()

    async def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Stream the answer of the first attempt that gets as far as to have one."""
        started = time.monotonic()
        attempt = 1
        while True:
            began = False
            try:
                async with aclosing(self._provider.chat_stream(request)) as events:
                    async for event in events:
                        began = True
                        yield event
                    return
            except ModelServerError as error:
                delay = self._delay(error, attempt, started)
                if began or delay is None:
                    raise
            await self._sleep(delay)
            attempt += 1

    async def check_health(self) -> None:
        """Check the provider within."""
        await self._provider.check_health()

    async def close(self) -> None:
        """Close the provider within."""
        await self._provider.close()

    def _delay(self, error: ModelServerError, attempt: int, started: float) -> float | None:
        elapsed = time.monotonic() - started
        return retry_delay(self._policy, error, attempt=attempt, elapsed=elapsed, chance=self._draw())
