"""Ending what nobody runs, most of it from processes that died: what the answers had come to is saved."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from deeper_api.chat.pieces import calls_in, extend
from deeper_api.errors import error_body
from deeper_api.store.generation_rows import Run, StoredChunk
from deeper_api.store.generations import GenerationStore
from deeper_api.store.journals import End, JournalStore
from deeper_api.store.runners import Orphan, Runner, RunnerStore
from deeper_api.tasks import background, unbroken
from deeper_api.telemetry.answers import UNCOUNTED, Answers
from deeper_core import (
    DatabaseUnavailable,
    ErrorCode,
    GenerationId,
    Interrupted,
    RunnerId,
    Timings,
    ToolCallDelta,
    join_tool_calls,
)

_log = logging.getLogger("deeper.reaper")
_generation_log = logging.getLogger("deeper.generations")

_PAUSE_SECONDS: Final = 1.0
# A living process writes a heartbeat every second. One that cannot be seen to listen either is dead sooner: its
# connection ends with it. Three seconds are left to those who connect again after a short loss of their connection.
# Where the database was away for longer, each tries again at its own pace, and to be gone says nothing for a while.
_SILENT_SECONDS: Final = 9.0
_SILENT_AND_GONE_SECONDS: Final = 3.0
# More than passes between two looks, unless the database kept one waiting or this machine stood still.
_LOOK_SECONDS: Final = 2.0

_CALLS = msgspec.json.Decoder(tuple[ToolCallDelta, ...])


class Watch:
    """Decides who is dead, by what was seen with one's own eyes: no clock is compared with another's.

    A time in which the database did not answer counts for nobody, whether it refused (see `forget`) or kept a look
    waiting, so that heartbeats waited as well.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[RunnerId, tuple[Runner, float]] = {}
        self._blind = -math.inf
        self._looked = math.inf

    def look(self, runners: Sequence[Runner]) -> list[Runner]:
        """Return those of ``runners``, which are all that there are now, whose heartbeat has stood still for long."""
        now = self._clock()
        seen, self._seen = self._seen, {}
        dead: list[Runner] = []
        unseen = max(0.0, now - self._looked - _LOOK_SECONDS)
        self._looked = now
        if unseen:
            self._blind = now
        patience = _SILENT_SECONDS if now - self._blind < _SILENT_SECONDS else _SILENT_AND_GONE_SECONDS
        for runner in runners:
            before, since = seen.get(runner.id, (runner, now))
            since = now if before.heartbeat_at != runner.heartbeat_at else min(now, since + unseen)
            self._seen[runner.id] = (runner, since)
            if now - since >= (_SILENT_SECONDS if runner.connected else patience):
                dead.append(runner)
        return dead

    def forget(self) -> None:
        """Begin anew, since nobody could be seen until now."""
        self._seen.clear()
        self._blind = self._clock()


class Reaper:
    """Ends the generations that nobody runs: those of dead processes, and those of this one that are not live.

    ``is_live`` tells which are run by this process.
    """

    def __init__(
        self,
        *,
        runners: RunnerStore,
        generations: GenerationStore,
        journal: JournalStore,
        runner_id: RunnerId,
        is_live: Callable[[GenerationId], bool],
        answers: Answers = UNCOUNTED,
    ) -> None:
        self._runners = runners
        self._chunks = generations.chunks_after
        self._journal = journal
        self._runner_id = runner_id
        self._watch = Watch()
        self._is_live = is_live
        self._answers = answers

    @asynccontextmanager
    async def watching(self, *, pause: float = _PAUSE_SECONDS) -> AsyncGenerator[None]:
        """Look every ``pause`` seconds for as long as the context lasts."""
        async with background(self._watch_for_ever(pause), name="reaper"):
            yield

    async def _watch_for_ever(self, pause: float) -> None:
        while True:
            try:
                await unbroken(self.look())
            except DatabaseUnavailable:
                self._watch.forget()
            except Exception:  # noqa: BLE001  - whatever it is, the next time may succeed
                _log.exception("cannot take over from other processes")
            await asyncio.sleep(pause)

    async def look(self) -> None:
        """Look once, and take over from those who are dead.

        Raises:
            DatabaseUnavailable: the database does not answer. What was begun is finished the next time.
        """
        for dead in self._watch.look(await self._runners.others(self._runner_id)):
            inherited = await self._runners.take_over(dead, self._runner_id)
            _log.warning(
                "took over from a process that died",
                extra={"fields": {"runner_id": str(dead.id), "generations": len(inherited)}},
            )
        # Beside what was inherited: a database that was frozen may take on a generation when its asker has given up,
        # and what could not be saved still counts as running.
        for orphan in await self._runners.running(self._runner_id):
            if not self._is_live(orphan.id):
                with self._answers.orphaned(str(orphan.id), orphan.model, orphan.request_id, orphan.traceparent):
                    await self._end_alone(orphan)

    async def _end_alone(self, orphan: Orphan) -> None:
        try:
            tokens = await self._end(orphan.id)
        except DatabaseUnavailable:
            raise
        except Exception:  # noqa: BLE001  - whatever it is, this one must not keep the others from being ended
            tokens = 0
            _log.exception("an answer is lost", extra={"fields": {"generation_id": str(orphan.id)}})
            await self._journal.end([_interrupted(orphan.id, (), 0, 0)])
        _report(orphan, tokens)

    async def _end(self, generation_id: GenerationId) -> int:
        """End one with what the journal has of it; return the tokens of that."""
        runs: list[Run] = []
        length = tokens = 0
        while more := [chunk for chunk in await self._chunks(generation_id, length) if chunk.position >= length]:
            for chunk in more:
                size, calls = _measure(chunk)
                extend(runs, chunk.kind, size, calls)
                length, tokens = chunk.position + size, tokens + chunk.tokens
        await self._journal.end([_interrupted(generation_id, tuple(runs), length, tokens)])
        return tokens


def _report(orphan: Orphan, tokens: int) -> None:
    fields = {
        "generation_id": str(orphan.id),
        "model": orphan.model,
        "outcome": ErrorCode.INTERRUPTED.value,
        "completion_tokens": tokens,
    }
    _generation_log.info("generation ended", extra={"fields": fields})


def _interrupted(generation_id: GenerationId, runs: tuple[Run, ...], length: int, tokens: int) -> End:
    return End(
        id=generation_id,
        state="interrupted",
        position=length,
        length=length,
        runs=runs,
        content="",
        thinking="",
        tool_calls=join_tool_calls(calls_in(runs)),
        finish_reason=None,
        error=error_body(Interrupted(), None),
        prompt_tokens=None,
        completion_tokens=tokens,
        estimated=True,
        timings=Timings(),
    )


def _measure(chunk: StoredChunk) -> tuple[int, tuple[ToolCallDelta, ...]]:
    if chunk.kind == "tool_calls":
        calls = _CALLS.decode(chunk.body)
        return len(calls), calls
    return len(chunk.body), ()
