"""The running of one generation, from the question to the last frame and its saving."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from deeper_api.chat.allowances import Allowance
from deeper_api.chat.frames import Context, Done, Failed, Start
from deeper_api.chat.generations import Generation
from deeper_api.chat.journals import FREE, Ending, Journal
from deeper_api.chat.model_servers import Visit
from deeper_api.chat.paces import Pace
from deeper_api.errors import error_body
from deeper_api.store.generation_rows import NewGeneration, State
from deeper_api.telemetry.answers import Outcome, WatchedAnswer
from deeper_core import (
    ApiKeyId,
    ChatRequest,
    DeeperError,
    Finish,
    FinishReason,
    InternalError,
    Interrupted,
    MessageId,
    ShuttingDown,
    Timings,
    Usage,
    UserId,
)

_log = logging.getLogger("deeper.generations")

# The last frame says that the answer has been saved. While the database does not answer it still comes, after this.
_SAVE_SECONDS: Final = 2.0
# A thousand times the largest context.
_MOST_TOKENS: Final = 10**10


class Question(Struct, frozen=True, kw_only=True):
    """What is to be answered: ``new`` is how it is kept, ``request`` what the model gets, ``key_id`` by which API key.

    ``abandon_after`` is the number of seconds without a viewer after which the answer is given up; None for never.
    """

    new: NewGeneration
    request: ChatRequest
    parent_id: MessageId | None = None
    abandon_after: float | None = 0.0
    allowance: Allowance = Allowance()
    key_id: ApiKeyId | None = None


Spend = Callable[[UserId, ApiKeyId | None, int, int | None], Awaitable[None]]
"""Takes tokens that a model has read and written for a user, and maybe for an API key; last, the user's own quota."""


class Running:
    """Makes one generation by a ``visit`` to model servers, which is left as soon as they are done with it.

    ``begun`` tells whether it was taken on; until then nothing of it is written.
    """

    def __init__(
        self,
        question: Question,
        visit: Visit,
        journal: Journal,
        *,
        begun: asyncio.Future[bool],
        spend: Spend,
        watch: WatchedAnswer,
        pace: Pace,
    ) -> None:
        new = question.new
        start = Start(
            generation_id=new.id,
            model=new.model,
            created_at=new.created_at,
            conversation_id=new.conversation_id,
            message_id=new.message_id,
            parent_id=question.parent_id,
        )
        self.generation = Generation(
            start,
            user_id=new.user_id,
            purpose=new.purpose,
            context=Context(dropped=new.dropped) if new.dropped else None,
            abandon_after=question.abandon_after,
        )
        self._question = question
        self._visit = visit
        self._journal = journal
        self._begun = begun
        self._spend = spend
        self._watch = watch
        self._pace = pace
        self._model: asyncio.Task[Finish] | None = None
        self._started = time.perf_counter()
        self._first: float | None = None

    def start(self) -> None:
        """Ask the model, when its turn has come."""
        self._model = asyncio.create_task(self._follow(), name=f"model of {self.generation.id}")
        self.generation.run_as(self._model)

    async def live(self) -> None:
        """Bring the generation to its end, and return when the end is saved.

        Whoever cancels this, because the server ends, gives up saving. Who follows is told the end all the same.
        """
        with self._watch.running():
            try:
                await self._live()
            except asyncio.CancelledError:
                if self.generation.last is None:
                    self.generation.finish(self._failed(ShuttingDown(retry_after=1)))
                raise

    async def _live(self) -> None:
        await asyncio.wait({self._begun})
        failed = self._begun.exception() is not None
        if failed or not self._begun.result():
            self.generation.cancel("refused")
        else:
            if self._model is None:
                self.start()
            self.generation.expect_viewers()
            self._journal.opened(self.generation)
        if self._model is not None:
            await asyncio.wait({self._model})
            if not self._model.cancelled():
                self._model.exception()  # looked at: asyncio would log its text where the model was stopped
        self._visit.leave()  # a task that is cancelled before its first step runs nothing, not even what is final
        if failed or self._begun.result():
            # What failed may have been kept all the same, if the database fell silent after it had done its work.
            await self._end()

    async def _end(self) -> None:
        ending = self._ending()
        self._report(ending)
        self._watch.ended(_outcome(ending))
        spending = asyncio.create_task(self._spend_tokens(ending.usage))
        saving = asyncio.create_task(self._journal.ended(self.generation, ending))
        try:
            await asyncio.wait({saving}, timeout=_SAVE_SECONDS)
            self.generation.finish(self._last(ending, saving))
            await asyncio.wait({saving})
            if not saving.cancelled() and (error := saving.exception()) is not None:
                self._known(error)
        finally:
            saving.cancel()
            await asyncio.wait({spending})

    async def _spend_tokens(self, usage: Usage) -> None:
        tokens, per_day = usage.prompt_tokens + usage.completion_tokens, self._question.allowance.tokens_per_day
        await self._spend(self.generation.user_id, self._question.key_id, tokens, per_day)

    def _last(self, ending: Ending, saving: asyncio.Task[State | None]) -> Done | Failed:
        """Return the last frame, as far as ``saving`` has come."""
        if not saving.done():
            return ending.last
        if saving.exception() is not None:
            return self._failed(InternalError())
        if saving.result() == "interrupted" and ending.state != "interrupted":
            return self._failed(
                Interrupted(retry_after=1)
            )  # somebody took this process for dead, and may have shown this
        return ending.last

    async def _follow(self) -> Finish:
        """Add all that the model says and return how it finished; raises what the provider raises."""
        try:
            answer = self._visit.answer(self._question.request, self.generation.wait_at, self._watch)
            async with aclosing(answer) as events:
                async for event in events:
                    if isinstance(event, Finish):
                        return event
                    self.generation.add(event)
                    if self._first is None:
                        self._first = time.perf_counter()
                        self._pace.begin()
                    else:
                        await self._pace.rest()
                    if self.generation.unwritten_length > FREE:
                        await self._journal.room(self.generation)
        finally:
            if self._first is not None:
                self._pace.end()
            self._visit.leave()
        raise InternalError  # a provider ends with a Finish or raises

    def _ending(self) -> Ending:
        cancelled, model = self.generation.cancelled, self._model
        if cancelled is None and model is not None and not model.cancelled():
            error = model.exception()
            if error is None:
                return self._complete(model.result())
            return self._ending_by(self._known(error), "failed")
        # What a provider makes of its cancellation does not make it a failure.
        if cancelled == "shutdown":
            return self._ending_by(ShuttingDown(retry_after=1), "interrupted")
        if cancelled in {"stopped", "abandoned"}:
            done = self._done(FinishReason.CANCELLED, self._estimate(), self._timings())
            return Ending(state="cancelled", last=done, usage=done.usage, timings=done.timings)
        return self._ending_by(Interrupted(retry_after=1), "interrupted")

    def _complete(self, finish: Finish) -> Ending:
        usage = finish.usage if finish.usage is not None and _can_be(finish.usage) else self._estimate()
        done = self._done(finish.reason, usage, self._with_wait(finish.timings))
        return Ending(state="complete", last=done, usage=done.usage, timings=done.timings)

    def _ending_by(self, error: DeeperError, state: State) -> Ending:
        return Ending(state=state, last=self._failed(error), usage=self._estimate(), timings=_rounded(self._timings()))

    def _done(self, reason: FinishReason, usage: Usage, timings: Timings) -> Done:
        message_id = self._question.new.message_id
        return Done(finish_reason=reason, usage=usage, timings=_rounded(timings), message_id=message_id)

    def _known(self, error: BaseException) -> DeeperError:
        if isinstance(error, DeeperError):
            return error
        fields = {"request_id": self._question.new.request_id}
        _log.error("generation failed", exc_info=error, extra={"fields": fields})
        return InternalError()

    def _failed(self, error: DeeperError) -> Failed:
        return Failed(error=error_body(error, self._question.new.request_id))

    def _estimate(self) -> Usage:
        """Count what went over the wire: a model server that was cut off says nothing of it."""
        tokens = self.generation.tokens
        never_read = not self._visit.is_asked or (self.generation.cancelled is None and tokens == 0)
        prompt_tokens = 0 if never_read else self._question.new.prompt_tokens
        return Usage(prompt_tokens=prompt_tokens, completion_tokens=tokens, estimated=True)

    def _with_wait(self, timings: Timings) -> Timings:
        """Return what the provider says of the time since its own start, with what went before."""
        waited = self._visit.waited * 1_000
        first, total = timings.first_token_ms, timings.total_ms
        return replace(
            timings,
            queue_ms=waited,
            first_token_ms=None if first is None else first + waited,
            total_ms=None if total is None else total + waited,
        )

    def _timings(self) -> Timings:
        return Timings(
            queue_ms=self._visit.waited * 1_000,
            first_token_ms=None if self._first is None else (self._first - self._started) * 1_000,
            total_ms=(time.perf_counter() - self._started) * 1_000,
        )

    def _report(self, ending: Ending) -> None:
        timings, outcome = ending.timings, _outcome(ending)
        _log.info(
            "generation ended",
            extra={
                "fields": {
                    "request_id": self._question.new.request_id,
                    "generation_id": str(self.generation.id),
                    "user_id": str(self.generation.user_id),
                    "purpose": self._question.new.purpose,
                    "model": self._question.new.model,
                    "server": self._visit.server,
                    "outcome": outcome.error or outcome.finish_reason,
                    "prompt_tokens": ending.usage.prompt_tokens,
                    "completion_tokens": ending.usage.completion_tokens,
                    **{name: getattr(timings, name) for name in timings.__struct_fields__},
                }
            },
        )


def _outcome(ending: Ending) -> Outcome:
    last = ending.last
    return Outcome(
        finish_reason=last.finish_reason.value if isinstance(last, Done) else None,
        error=last.error.code.value if isinstance(last, Failed) else None,
        usage=ending.usage,
        timings=ending.timings,
    )


def _can_be(usage: Usage) -> bool:
    """Tell whether a model server's count is one, and no nonsense that no ledger holds."""
    return 0 <= usage.prompt_tokens <= _MOST_TOKENS and 0 <= usage.completion_tokens <= _MOST_TOKENS


def _rounded(timings: Timings) -> Timings:
    """Return ``timings`` to the microsecond, which is more than anybody measures."""
    values = {name: getattr(timings, name) for name in timings.__struct_fields__}
    return Timings(**{name: None if value is None else round(value, 3) for name, value in values.items()})
