"""Everything that serves chat in one process, put together."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from msgspec import Struct
from opentelemetry.metrics import Meter

from deeper_api.chat.admission import Admission
from deeper_api.chat.context_lengths import ContextLengths
from deeper_api.chat.engine import Engine
from deeper_api.chat.journals import Journal
from deeper_api.chat.questions import Questions
from deeper_api.chat.reapers import Reaper
from deeper_api.chat.titles import Titles
from deeper_api.config import AppConfig
from deeper_api.limits.services import Limits
from deeper_api.store.conversations import ConversationStore
from deeper_api.store.generations import GenerationStore
from deeper_api.store.histories import HistoryStore
from deeper_api.store.journals import JournalStore
from deeper_api.store.listeners import listening
from deeper_api.store.pool import Pool
from deeper_api.store.runners import RunnerStore
from deeper_api.tasks import regularly
from deeper_api.telemetry.answers import AnswerMetrics, Answers
from deeper_api.telemetry.services import Telemetry
from deeper_api.telemetry.tallies import gauge
from deeper_core import DatabaseUnavailable, RunnerId, new_id
from deeper_model import ModelProvider

_FORGET_SECONDS: Final = 3_600.0


class Chat(Struct, frozen=True, kw_only=True):
    """What routes ask for, and what runs beside them."""

    engine: Engine
    questions: Questions
    generations: GenerationStore
    contexts: ContextLengths
    titles: Titles
    reaper: Reaper
    runners: RunnerStore
    runner_id: RunnerId
    url: str

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run all of it for as long as the context lasts; the pool has to be open."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.contexts)
            stack.push_async_callback(self._leave)
            heard, connected = self.engine.hear, self.engine.catch_up
            await stack.enter_async_context(listening(self.url, self.runner_id, heard=heard, connected=connected))
            await stack.enter_async_context(self.reaper.watching())
            forget = regularly(self.generations.forget_old, pause=_FORGET_SECONDS, name="forget old generations")
            await stack.enter_async_context(forget)
            await stack.enter_async_context(self.engine.open())
            await stack.enter_async_context(self.titles)
            yield

    async def _leave(self) -> None:
        with suppress(DatabaseUnavailable):
            await self.runners.leave(self.runner_id)


def create_chat(config: AppConfig, pool: Pool, provider: ModelProvider, limits: Limits, telemetry: Telemetry) -> Chat:
    """Return chat over ``pool`` and ``provider``, as one runner among others."""
    runner_id = RunnerId(new_id())
    generations, runners = GenerationStore(pool), RunnerStore(pool)
    journal = JournalStore(pool, runner_id)
    contexts = ContextLengths(provider)
    model = config.model
    lines = limits.lines(_model_server(config), holder=str(runner_id), parallel=model.parallel, queue=model.queue)
    # Whether a model is listed is asked of the model server, for nothing if nobody wants to know.
    metrics = AnswerMetrics(telemetry.meter, provider.name, contexts.is_listed) if telemetry.meters else None
    answers = Answers(metrics, provider.name, telemetry.tracing)
    engine = Engine(
        provider=provider,
        store=generations,
        journal=Journal(journal),
        admission=Admission(lines.own, lines.shared),
        spend=limits.spend,
        answers=answers,
        runner_id=runner_id,
        drain_seconds=config.server.drain_seconds,
    )
    _observe(engine, telemetry.meter)
    titles = Titles(engine, ConversationStore(pool))
    return Chat(
        engine=engine,
        questions=Questions(
            engine=engine,
            generations=generations,
            histories=HistoryStore(pool),
            contexts=contexts,
            titles=titles if config.model.titles == "model" else None,
        ),
        generations=generations,
        contexts=contexts,
        titles=titles,
        reaper=Reaper(
            runners=runners,
            generations=generations,
            journal=journal,
            runner_id=runner_id,
            is_live=engine.is_live,
            answers=answers,
        ),
        runners=runners,
        runner_id=runner_id,
        url=config.db.url,
    )


def _observe(engine: Engine, meter: Meter) -> None:
    """Tell how many generations there are now."""
    gauge(
        meter,
        "deeper.generations.active",
        lambda: engine.running,
        unit="{generation}",
        description="Generations that run, wait for their turn, or are being saved.",
    )
    gauge(
        meter,
        "deeper.queue.depth",
        lambda: engine.waiting,
        unit="{generation}",
        description="Generations that wait for their turn at the model server.",
    )


def _model_server(config: AppConfig) -> str:
    """Return what tells the model server from others, for whoever else asks it."""
    return {"ollama": config.ollama.url, "openai": config.openai.url}.get(config.model.provider, config.model.provider)
