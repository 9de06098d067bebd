"""Everything that serves chat in one process, put together."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from msgspec import Struct
from opentelemetry.metrics import Meter

from deeper_api.chat.admission import Admission
from deeper_api.chat.engine import Engine
from deeper_api.chat.journals import Journal
from deeper_api.chat.model_clients import ModelClient
from deeper_api.chat.model_servers import ModelServers
from deeper_api.chat.questions import Questions
from deeper_api.chat.reapers import Reaper
from deeper_api.chat.titles import Titles
from deeper_api.config import AppConfig
from deeper_api.limits.services import Limits
from deeper_api.store.conversations import ConversationStore
from deeper_api.store.generations import GenerationStore
from deeper_api.store.histories import HistoryStore
from deeper_api.store.journals import JournalStore
from deeper_api.store.leftovers import LeftoverStore
from deeper_api.store.listeners import listening
from deeper_api.store.pool import Pool
from deeper_api.store.runners import RunnerStore
from deeper_api.tasks import regularly
from deeper_api.telemetry.answers import AnswerMetrics, Answers
from deeper_api.telemetry.services import Telemetry
from deeper_api.telemetry.tallies import gauge
from deeper_core import DatabaseUnavailable, RunnerId, new_id
from deeper_model import RetryPolicy
from deeper_model.pool import ModelPool, PoolMember

_FORGET_SECONDS: Final = 3_600.0
# As many answers at once as all processes together will ever have.
_ANY_NUMBER: Final = 10**9


class Chat(Struct, frozen=True, kw_only=True):
    """What routes ask for, and what runs beside them."""

    engine: Engine
    questions: Questions
    generations: GenerationStore
    leftovers: LeftoverStore
    models: ModelPool
    titles: Titles
    reaper: Reaper
    runners: RunnerStore
    runner_id: RunnerId
    url: str

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run all of it for as long as the context lasts; the pool has to be open."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._leave)
            heard, connected = self.engine.hear, self.engine.catch_up
            await stack.enter_async_context(listening(self.url, self.runner_id, heard=heard, connected=connected))
            await stack.enter_async_context(self.reaper.watching())
            forget = regularly(self.leftovers.forget_old, pause=_FORGET_SECONDS, name="forget old generations")
            await stack.enter_async_context(forget)
            await stack.enter_async_context(self.engine.open())
            await stack.enter_async_context(self.titles)
            yield

    async def _leave(self) -> None:
        with suppress(DatabaseUnavailable):
            await self.runners.leave(self.runner_id)


def create_chat(
    config: AppConfig, pool: Pool, clients: Sequence[ModelClient], limits: Limits, telemetry: Telemetry
) -> Chat:
    """Return chat over ``pool`` and the model servers of ``clients``, as one runner among others."""
    runner_id = RunnerId(new_id())
    generations, runners = GenerationStore(pool), RunnerStore(pool)
    kept = JournalStore(pool, runner_id)
    journal = Journal(kept)
    servers = _model_servers(config, clients, limits, telemetry.meter, holder=str(runner_id))
    # Whether a model is listed is asked of the model servers, for nothing if nobody wants to know.
    metrics = AnswerMetrics(telemetry.meter, servers.pool.lists) if telemetry.meters else None
    answers = Answers(metrics, telemetry.tracing)
    engine = Engine(
        servers=servers,
        store=generations,
        journal=journal,
        spend=limits.spend,
        answers=answers,
        runner_id=runner_id,
        drain_seconds=config.server.drain_seconds,
    )
    _observe(engine, journal, telemetry.meter)
    titles = Titles(engine, ConversationStore(pool))
    return Chat(
        engine=engine,
        questions=Questions(
            engine=engine,
            generations=generations,
            histories=HistoryStore(pool),
            models=servers.pool,
            titles=titles if config.model.titles == "model" else None,
        ),
        generations=generations,
        leftovers=LeftoverStore(pool),
        models=servers.pool,
        titles=titles,
        reaper=Reaper(
            runners=runners,
            generations=generations,
            journal=kept,
            runner_id=runner_id,
            is_live=engine.is_live,
            answers=answers,
        ),
        runners=runners,
        runner_id=runner_id,
        url=config.db.url,
    )


def _model_servers(
    config: AppConfig, clients: Sequence[ModelClient], limits: Limits, meter: Meter, *, holder: str
) -> ModelServers:
    """Return the model servers with a line in front of each, and one in front of all where there are several."""
    pool = ModelPool(
        [PoolMember(name=each.name, provider=each.provider, weight=each.weight * each.parallel) for each in clients],
        retries=RetryPolicy(attempts=config.model.attempts),
    )

    def admission(address: str, parallel: int, queue: int) -> Admission:
        lines = limits.lines(address, holder=holder, parallel=parallel, queue=queue)
        return Admission(lines.own, lines.shared)

    house = admission("\n".join(sorted(each.address for each in clients)), _ANY_NUMBER, 0) if len(clients) > 1 else None
    return ModelServers(
        pool,
        {each.name: admission(each.address, each.parallel, config.model.queue) for each in clients},
        house,
        meter=meter,
    )


def _observe(engine: Engine, journal: Journal, meter: Meter) -> None:
    """Tell how many generations there are now, and whether they are written down."""
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
    gauge(
        meter,
        "deeper.journal.failing",
        lambda: int(journal.failing),
        unit="{process}",
        description="Processes that cannot write down what their generations say.",
    )
