"""Engines over a database in memory, and those who follow their answers."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Literal

from opentelemetry.metrics import Meter

from deeper_api.chat.admission import Admission
from deeper_api.chat.allowances import Allowance
from deeper_api.chat.engine import Engine
from deeper_api.chat.feeds import Feed
from deeper_api.chat.frames import Frame, Numbered, Piece
from deeper_api.chat.generations import Generation
from deeper_api.chat.journals import Journal
from deeper_api.chat.model_servers import ModelServers
from deeper_api.chat.pieces import join, make_piece
from deeper_api.chat.running import Question, Spend
from deeper_api.limits.lines import Line
from deeper_api.limits.memory_line import MemoryLine
from deeper_api.store.generation_rows import NewGeneration
from deeper_core import (
    ApiKeyId,
    ChatMessage,
    ChatRequest,
    ChatRole,
    ConversationId,
    Finish,
    FinishReason,
    GenerationId,
    RunnerId,
    Usage,
    UserId,
    new_id,
)
from deeper_model import ModelProvider, RetryPolicy, ScriptedProvider
from deeper_model.pool import ModelPool, PoolMember, PoolPolicy
from tests.api.chat.databases import Database, MemoryGenerations, MemoryJournal

FOREVER = 3_600.0
USER = UserId(new_id())
REQUEST = ChatRequest(model="scripted", messages=(ChatMessage(role=ChatRole.USER, content="hi"),))
ANYTHING = Allowance()
STOP = Finish(reason=FinishReason.STOP, usage=Usage(prompt_tokens=3, completion_tokens=2))
# So often that no test waits for it, and seldom enough to leave the others their turns.
TICK = 0.001


def admission_for(*, parallel: int, queue: int = 100, shared: Line | None = None) -> Admission:
    """Admission by a line of its own, which lets in so many."""
    return Admission(lambda: MemoryLine(parallel=parallel, queue=queue), shared)


def servers_for(provider: ModelProvider, admission: Admission | None = None) -> ModelServers:
    """One model server, which is asked once for each answer."""
    pool = ModelPool([PoolMember(name=provider.name, provider=provider)], retries=RetryPolicy(attempts=1))
    return ModelServers(pool, {provider.name: admission or admission_for(parallel=100)})


def several_servers(
    *providers: ScriptedProvider, parallel: int = 100, queue: int = 100, attempts: int = 3, meter: Meter | None = None
) -> ModelServers:
    """Model servers with a line in front of each, which nobody looks at unless something happened."""
    pool = ModelPool(
        [PoolMember(name=each.name, provider=each, weight=parallel) for each in providers],
        retries=RetryPolicy(attempts=attempts, base=0.0),
        policy=PoolPolicy(fresh=FOREVER, again=FOREVER, patience=FOREVER),
    )
    lines = {each.name: admission_for(parallel=parallel, queue=queue) for each in providers}
    return ModelServers(pool, lines, admission_for(parallel=10**9, queue=0), meter=meter)


async def spend_nothing(user_id: UserId, key_id: ApiKeyId | None, tokens: int, per_day: int | None) -> None:
    """Take nothing from anybody."""


def engine_for(
    provider: ModelProvider | ModelServers,
    drain_seconds: float = 0,
    *,
    database: Database | None = None,
    runner_id: RunnerId | None = None,
    admission: Admission | None = None,
    spend: Spend = spend_nothing,
) -> Engine:
    """An engine that is not open: nothing is written before the end of an answer."""
    database, runner_id = database or Database(), runner_id or RunnerId(new_id())
    return Engine(
        servers=provider if isinstance(provider, ModelServers) else servers_for(provider, admission),
        store=MemoryGenerations(database),
        journal=Journal(MemoryJournal(database, runner_id), tick=TICK),
        spend=spend,
        runner_id=runner_id,
        drain_seconds=drain_seconds,
    )


@asynccontextmanager
async def running_engine(
    provider: ModelProvider | ModelServers,
    drain_seconds: float = 0,
    *,
    database: Database | None = None,
    runner_id: RunnerId | None = None,
    admission: Admission | None = None,
    spend: Spend = spend_nothing,
) -> AsyncGenerator[Engine]:
    """An open engine."""
    engine = engine_for(
        provider, drain_seconds, database=database, runner_id=runner_id, admission=admission, spend=spend
    )
    async with engine.open():
        yield engine


def question(
    request: ChatRequest = REQUEST,
    *,
    user_id: UserId = USER,
    abandon_after: float | None = 0.0,
    key: str | None = None,
    conversation_id: ConversationId | None = None,
    prompt_tokens: int = 0,
    allowance: Allowance = ANYTHING,
    purpose: Literal["chat", "title"] = "chat",
) -> Question:
    """A question, of which nothing is kept beside the answer."""
    new = NewGeneration(
        id=GenerationId(new_id()),
        user_id=user_id,
        model=request.model,
        created_at=datetime.now(UTC),
        request_id="r1",
        purpose=purpose,
        prompt_tokens=prompt_tokens,
        conversation_id=conversation_id,
        idempotency_key=key,
        body_hash=None if key is None else "00" * 32,
    )
    return Question(new=new, request=request, abandon_after=abandon_after, allowance=allowance)


def live(feed: Feed) -> Generation:
    """The generation that ``feed`` follows in memory."""
    assert feed._live is not None
    return feed._live


def never() -> asyncio.Future[None]:
    """The leaving of somebody who stays."""
    return asyncio.get_running_loop().create_future()


async def watch(
    feed: Feed, heartbeat: float = FOREVER, leaving: asyncio.Future[None] | None = None
) -> AsyncGenerator[Sequence[Numbered], None]:
    """Follow as a viewer, to the end or until ``leaving`` is done."""
    with feed.viewer():
        async with aclosing(feed.tail(heartbeat, leaving or never())) as tail:
            async for batch in tail:
                yield batch


async def numbered(feed: Feed) -> list[Numbered]:
    """All frames with their positions, as a viewer sees them."""
    return [frame async for batch in watch(feed) for frame in batch]


async def follow(feed: Feed) -> list[Frame]:
    """All frames as a viewer sees them, with neighbouring pieces of one kind joined."""
    return joined(frame for _, frame in await numbered(feed))


def joined(frames: Iterable[Frame]) -> list[Frame]:
    """These frames with neighbouring pieces of one kind joined: how they were cut is for chance to decide."""
    result: list[Frame] = []
    for frame in frames:
        before = result[-1] if result else None
        if isinstance(frame, Piece) and isinstance(before, Piece):
            result[-1:] = [make_piece(kind, body) for kind, body in join([before, frame])]
        else:
            result.append(frame)
    return result


async def grown(feed: Feed, position: int) -> None:
    """Return once the answer has come to ``position``, without being a viewer."""
    generation, more = live(feed), asyncio.Event()
    with generation.waking(more.set):
        while generation.position < position and generation.last is None:
            more.clear()
            await more.wait()
    assert generation.position >= position


async def ended(feed: Feed) -> Frame:
    """The last frame, without being a viewer."""
    generation, more = live(feed), asyncio.Event()
    with generation.waking(more.set):
        while generation.last is None:
            more.clear()
            await more.wait()
    return generation.last


async def settled(engine: Engine) -> None:
    """Return once nothing runs any more, and everything is saved."""
    while engine._tasks:
        await asyncio.wait(engine._tasks)
        await asyncio.sleep(0)
