"""The tries of one answer: whom to ask next, when, and when to stop."""

import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from typing import Protocol

from deeper_core import ChatEvent, ChatRequest, DeeperError, Finish, ModelNotFound, ModelServerError
from deeper_model.pool.choices import may_pass_on
from deeper_model.pool.members import Lease
from deeper_model.retries import RetryPolicy, retry_delay


class Choosing(Protocol):
    """What chooses: a pool."""

    async def choose(self, model: str, besides: Collection[str] = ()) -> Lease:
        """Choose a member that is none of ``besides``."""
        ...

    def can_choose(self, model: str, besides: Collection[str]) -> bool:
        """Tell whether there is one."""
        ...

    def seconds_to_rest(self, model: str) -> float:
        """Return how long those who have the model rest."""
        ...


class Attempts:
    """Asks until somebody has an answer, and says after each failure who is next.

    Another member is asked at once, and whatever the error, unless the request itself is to blame. Nobody is asked
    twice while another can be asked; then it is as with one server: asking again has to make sense, and waits.
    ``policy`` counts all tries together. ``failed`` is told of each that failed, as soon as it has.
    """

    def __init__(
        self,
        pool: Choosing,
        model: str,
        policy: RetryPolicy,
        *,
        draw: Callable[[], float] = random.random,
        failed: Callable[[DeeperError], None] | None = None,
    ) -> None:
        self.error: DeeperError | None = None
        self._pool = pool
        self._model = model
        self._policy = policy
        self._draw = draw
        self._tell = failed
        self._failed: set[str] = set()
        self._made = 0
        self._elapsed = 0.0  # in tries and between them, but not in lines

    async def stream(
        self, request: ChatRequest, come: Callable[[], Awaitable[Lease]], pause: Callable[[float], Awaitable[None]]
    ) -> AsyncGenerator[ChatEvent, None]:
        """Stream the answer of the first try that gets as far as to have one.

        ``come`` returns whom to ask, before each try: it is `choose`, or calls that and waits for its turn. ``pause``
        waits between two tries, so many seconds.

        Raises:
            ModelNotFound: nobody has the model.
            ModelServerError: what the last try failed with.
        """
        while True:
            lease = await come()
            began, started = False, time.monotonic()
            try:
                async with aclosing(lease.provider.chat_stream(request)) as events:
                    async for event in events:
                        if isinstance(event, Finish):
                            lease.succeeded()
                        elif not began:
                            lease.begun()
                        began = True
                        yield event
            except (ModelServerError, ModelNotFound) as error:
                self._elapsed += time.monotonic() - started
                delay = self._take_note(lease, error, began=began)
                if delay is None:
                    if self.error is error or self.error is None:
                        raise
                    raise self.error from None
            else:
                return
            finally:
                lease.leave()
            self._elapsed += delay
            await pause(delay)

    async def choose(self) -> Lease:
        """Return the one to ask now.

        Raises:
            ModelNotFound: nobody has the model.
            ModelServerError: nobody can be asked now; the last error, if there was one.
        """
        try:
            return await self._pool.choose(self._model, self._failed)
        except (ModelServerError, ModelNotFound):
            if self.error is None:
                raise
            raise self.error from None

    def _take_note(self, lease: Lease, error: DeeperError, *, began: bool) -> float | None:
        """Return after how many seconds to come again; None if ``self.error`` is final."""
        lease.failed(error)
        if self._tell is not None:
            self._tell(error)
        self._made += 1
        self._failed.add(lease.name)
        # That one of several does not have the model says less than what another said that has it.
        self.error = (self.error or error) if isinstance(error, ModelNotFound) else error
        if began or self._made >= self._policy.attempts:
            return None
        if may_pass_on(error) and self._pool.can_choose(self._model, self._failed):
            return 0.0
        delay = self._delay(self.error)
        if delay is not None:
            self._failed.clear()
        return delay

    def _delay(self, error: DeeperError) -> float | None:
        rest = self._pool.seconds_to_rest(self._model)
        if error.retry_after is not None and rest < error.retry_after:
            error = type(error)(retry_after=rest or None)  # somebody else is ready before that
        return retry_delay(self._policy, error, attempt=self._made, elapsed=self._elapsed, chance=self._draw())
