"""The engine: takes generations on, finds them again on any process, and ends them all when it is closed."""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from deeper_api.chat.batches import Batches
from deeper_api.chat.bells import Bells
from deeper_api.chat.feeds import Feed
from deeper_api.chat.generations import Generation
from deeper_api.chat.journals import Journal
from deeper_api.chat.model_servers import ModelServers
from deeper_api.chat.paces import Pace
from deeper_api.chat.readers import Reader
from deeper_api.chat.running import Question, Running, Spend
from deeper_api.limits.lines import ROUND, Ticket
from deeper_api.store.generation_rows import NewGeneration
from deeper_api.store.generations import GenerationStore
from deeper_api.tasks import background, unbroken
from deeper_api.telemetry.answers import UNCOUNTED, Answers
from deeper_core import Conflict, DatabaseUnavailable, GenerationId, NotFound, RunnerId, ShuttingDown, UserId

_log = logging.getLogger("deeper.generations")

# Requests that are taken on by one statement, at most.
_BEGIN_AT_ONCE: Final = 200
# A process that ends waits for its answers to be saved, until none was for so long: more than one attempt takes, see
# `deeper_api.store.pool.ANSWER_WITHIN`. What is not saved then is for others to take over.
_CLOSE_SECONDS: Final = 5.0
# How long whoever cancels waits for the end.
_CANCEL_SECONDS: Final = 2.0
# Somebody who follows a generation by another process says so every few seconds; this is how long it counts.
_TOLD_EVERY_SECONDS: Final = 5.0
_WATCHED_SECONDS: Final = 15.0
# Behind every position.
_END: Final = 2**62


class KeyTaken(Conflict):
    """A request with the same idempotency key was first; its generation is to be found by the key."""


class Engine:
    """Runs generations as tasks of the application, whoever watches them."""

    def __init__(
        self,
        *,
        servers: ModelServers,
        store: GenerationStore,
        journal: Journal,
        spend: Spend,
        answers: Answers = UNCOUNTED,
        runner_id: RunnerId,
        drain_seconds: float,
    ) -> None:
        self._servers = servers
        self._store = store
        self._journal = journal
        self._spend = spend
        self._answers = answers
        self._runner_id = runner_id
        self._drain_seconds = drain_seconds
        self._bells = Bells()
        self._pace = Pace()
        self._begins = Batches(self._begin, at_once=_BEGIN_AT_ONCE, weigh=_weigh)
        self._live: dict[GenerationId, Generation] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def running(self) -> int:
        """How many generations run now, or wait for being saved."""
        return len(self._tasks)

    @property
    def waiting(self) -> int:
        """How many of them wait for their turn at the model server."""
        places = [live.place for live in list(self._live.values())]
        return sum(place is not None and place.position > 0 for place in places)

    @property
    def closing(self) -> bool:
        """Whether it starts nothing new any more."""
        return self._closing

    def is_live(self, generation_id: GenerationId) -> bool:
        """Whether this process runs it, or has yet to save it."""
        return generation_id in self._live

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Run generations for as long as the context lasts, then end those that still run."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._journal.writing())
            await stack.enter_async_context(self._servers.open())
            await stack.enter_async_context(self._telling_who_is_followed())
            stack.push_async_callback(self.close)
            yield

    async def answer(self, question: Question) -> Feed:
        """Start answering and return the feed of the answer, from its beginning.

        When its turn has come, the model is asked at the same time as the question is kept, but not before when there
        is an idempotency key. What is refused leaves no trace.

        Raises:
            ShuttingDown: the engine is closing.
            Overloaded: too many wait for the model server already.
            RateLimited: this user has too many answers in the making.
            KeyTaken: a request with the same idempotency key was first.
            NotFound: the conversation is gone.
            DatabaseUnavailable: it cannot be kept.
        """
        if self._closing:
            raise ShuttingDown(retry_after=1)
        visit = await self._servers.enter(_ticket(question), question.request.model)
        if self._closing:
            visit.leave()
            raise ShuttingDown(retry_after=1)
        watch = self._answers.begin(str(question.new.id), question.request)
        begun = asyncio.ensure_future(self._begins.put(replace(question.new, traceparent=watch.traceparent)))
        run = Running(question, visit, self._journal, begun=begun, spend=self._spend, watch=watch, pace=self._pace)
        generation = run.generation
        self._live[generation.id] = generation
        if question.new.idempotency_key is None:
            run.start()
        task = asyncio.create_task(run.live(), name=f"generation {generation.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: self._live.pop(generation.id))
        # Whoever asks may leave in this moment: that it was taken on has to be known all the same.
        if not await asyncio.shield(begun):
            raise KeyTaken if question.new.idempotency_key is not None else NotFound
        return self._feed(generation, None)

    async def find(self, generation_id: GenerationId, user_id: UserId, *, after: int | None = None) -> Feed:
        """Return the feed of a generation of this user after a position.

        Raises:
            NotFound: there is none, or its text is gone.
            DatabaseUnavailable: the database does not answer.
        """
        live = self._live.get(generation_id)
        if live is not None and live.user_id == user_id and live.purpose == "chat":
            return self._feed(live, after)
        reader = Reader(self._store, generation_id, user_id)
        row = await reader.look()
        if row is None:
            raise NotFound
        return Feed(reader=reader, bells=self._bells, after=after, row=row)

    async def cancel(self, generation_id: GenerationId, user_id: UserId) -> None:
        """Stop a generation of this user, on whichever process it runs, and wait a moment for its end.

        Raises:
            NotFound: there is none.
            DatabaseUnavailable: the database does not answer.
        """
        feed = await self.find(generation_id, user_id, after=_END)
        live = self._live.get(generation_id)
        if live is not None:
            live.cancel("stopped")
        else:
            await self._store.request_cancel(generation_id, user_id)
        leaving = asyncio.get_running_loop().create_future()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CANCEL_SECONDS):
                async for _ in feed.tail(_CANCEL_SECONDS, leaving):
                    pass

    async def close(self) -> None:
        """Start nothing new, let what runs go on for the drain time, then end it with a last frame each."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._drain_seconds)
        for generation in list(self._live.values()):
            generation.cancel("shutdown")
        left = math.inf
        while self._tasks and len(self._tasks) < left:  # a busy machine may take its time, if it gets on
            left = len(self._tasks)
            await asyncio.wait(self._tasks, timeout=_CLOSE_SECONDS)
        if unsaved := set(self._tasks):
            for task in unsaved:
                task.cancel()
            _log.error("answers were not saved", extra={"fields": {"count": len(unsaved)}})
            await asyncio.wait(unsaved)

    # -- news from other processes ---------------------------------------------------------------------------------

    def hear(self, notification: str) -> None:
        """Take note of what another process says, or this one; see `deeper_api.store.generations.CHANNEL`."""
        kind, _, text = notification.partition(":")
        try:
            ids = [GenerationId(UUID(part)) for part in text.split(",")]
        except ValueError:
            _log.warning("a notification that cannot be understood")
            return
        if kind == "g":
            self._bells.ring(ids)
            return
        for live in filter(None, map(self._live.get, ids)):
            if kind == "c":
                live.cancel("stopped")
            elif kind == "w":
                live.watched_elsewhere(_WATCHED_SECONDS)

    async def catch_up(self) -> None:
        """Ask for what may have been missed while nothing was heard of other processes."""
        self._bells.ring_all()
        for generation_id in await self._store.cancel_requested(self._runner_id):
            live = self._live.get(generation_id)
            if live is not None:
                live.cancel("stopped")

    # --------------------------------------------------------------------------------------------------------------

    def _feed(self, live: Generation, after: int | None) -> Feed:
        reader = Reader(self._store, live.id, live.user_id)
        return Feed(reader=reader, bells=self._bells, after=after, live=live)

    async def _begin(self, new: Sequence[NewGeneration]) -> list[bool]:
        taken = await self._store.begin(self._runner_id, new)
        return [one.id in taken for one in new]

    @asynccontextmanager
    async def _telling_who_is_followed(self) -> AsyncGenerator[None]:
        async with background(self._tell_for_ever(), name="tell who is followed"):
            yield

    async def _tell_for_ever(self) -> None:
        """Tell other processes which of their generations are followed here: at once, and again and again."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_TOLD_EVERY_SECONDS if self._bells.followed else None):
                    await self._bells.joined.wait()
            self._bells.joined.clear()
            try:
                await unbroken(self._store.tell_watched(self._bells.followed))
            except DatabaseUnavailable:
                pass  # the next time will do
            except Exception:  # noqa: BLE001  - whatever it is, the next time may succeed
                _log.exception("cannot tell who is followed")


def _ticket(question: Question) -> Ticket:
    new, allowance = question.new, question.allowance
    user, most = str(new.user_id), allowance.most
    if new.purpose == "title":
        user, most = f"{user} {new.purpose}", 0  # nobody asked for it, so it must not stand in anybody's way
    return Ticket(id=str(new.id), user=user, stride=ROUND // allowance.weight, most=most)


def _weigh(new: NewGeneration) -> int:
    return sum(len(message.content) + sum(map(len, message.images)) for message in new.messages)
