"""The stores of generations over a database in memory: as true to the real ones as an engine can tell."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal, cast

import msgspec
from msgspec.structs import replace

from deeper_api.store.generation_rows import (
    KnownKey,
    NewGeneration,
    State,
    StoredChunk,
    StoredGeneration,
)
from deeper_api.store.generations import GenerationStore
from deeper_api.store.journals import Chunk, End, JournalStore
from deeper_api.store.pool import Pool
from deeper_core import ConversationId, GenerationId, RunnerId, Timings, UserId, new_id

_NO_POOL = cast("Pool", None)


class Row:
    """A generation: what it was taken on with, and how it ended."""

    def __init__(self, new: NewGeneration, runner_id: RunnerId) -> None:
        self.new = new
        self.runner_id = runner_id
        self.end: End | None = None
        self.ends = 0
        self.content = ""
        self.thinking = ""
        self.cancel_requested = False

    @property
    def state(self) -> State:
        return "running" if self.end is None else self.end.state

    def stored(self) -> StoredGeneration:
        new, end = self.new, self.end
        return StoredGeneration(
            id=new.id,
            state=self.state,
            model=new.model,
            created_at=new.created_at,
            conversation_id=new.conversation_id,
            message_id=new.message_id,
            parent_id=None,
            finish_reason=end and end.finish_reason,
            error=end and msgspec.to_builtins(end.error),
            prompt_tokens=new.prompt_tokens if end is None or end.prompt_tokens is None else end.prompt_tokens,
            completion_tokens=0 if end is None else end.completion_tokens,
            estimated=end is None or end.estimated,
            timings={} if end is None else msgspec.to_builtins(end.timings),
            dropped=list(new.dropped),
            length=0 if end is None else end.length,
            runs=[] if end is None else msgspec.to_builtins(end.runs),
            kept=True,
        )


class Database:
    """Rows and chunks. ``fault``, where there is one, is raised by every statement before it does anything, and
    ``deafness`` after it has done its work: whoever asked never learns of it. ``gate`` holds back what writes.
    """

    def __init__(self) -> None:
        self.rows: dict[GenerationId, Row] = {}
        self.chunks: dict[GenerationId, dict[int, Chunk]] = {}
        self.keys: dict[tuple[UserId, str], KnownKey] = {}
        self.conversations: set[ConversationId] = set()
        self.writes = 0
        self.told: list[str] = []
        self.fault: Exception | None = None
        self.deafness: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    def before(self) -> None:
        if self.fault is not None:
            raise self.fault

    def after(self) -> None:
        if self.deafness is not None:
            raise self.deafness


class MemoryGenerations(GenerationStore):
    """`GenerationStore` over a `Database`."""

    def __init__(self, database: Database) -> None:
        super().__init__(_NO_POOL)
        self._database = database

    async def begin(self, runner_id: RunnerId, new: Sequence[NewGeneration]) -> set[GenerationId]:
        await self._database.gate.wait()
        self._database.before()
        taken = {one.id for one in new if self._begin(runner_id, one)}
        self._database.after()
        return taken

    def _begin(self, runner_id: RunnerId, one: NewGeneration) -> bool:
        database = self._database
        if one.conversation_id is not None and not one.opens and one.conversation_id not in database.conversations:
            return False
        if one.idempotency_key is not None:
            key = one.user_id, one.idempotency_key
            if key in database.keys:
                return False
            database.keys[key] = KnownKey(body_hash=bytes.fromhex(one.body_hash or ""), generation_id=one.id)
        database.rows[one.id] = Row(one, runner_id)
        database.chunks[one.id] = {}
        return True

    async def find_key(self, user_id: UserId, key: str) -> KnownKey | None:
        self._database.before()
        return self._database.keys.get((user_id, key))

    async def find(self, generation_id: GenerationId, user_id: UserId) -> StoredGeneration | None:
        self._database.before()
        row = self._database.rows.get(generation_id)
        return None if row is None or row.new.user_id != user_id or row.new.purpose != "chat" else row.stored()

    async def chunks_after(self, generation_id: GenerationId, after: int, *, limit: int = 100) -> list[StoredChunk]:
        self._database.before()
        chunks = self._database.chunks.get(generation_id, {})
        first = max((position for position in chunks if position <= after), default=0)
        found = sorted((position, chunk) for position, chunk in chunks.items() if position >= first)
        return [
            StoredChunk(position=position, kind=chunk.kind, body=chunk.body, tokens=chunk.tokens)
            for position, chunk in found[:limit]
        ]

    async def slice(
        self, generation_id: GenerationId, kind: Literal["content", "thinking"], first: int, count: int
    ) -> str:
        self._database.before()
        row = self._database.rows.get(generation_id)
        text = "" if row is None else row.content if kind == "content" else row.thinking
        return text[first : first + count]

    async def request_cancel(self, generation_id: GenerationId, user_id: UserId) -> None:
        self._database.before()
        row = self._database.rows.get(generation_id)
        if row is not None and row.new.user_id == user_id and row.state == "running":
            row.cancel_requested = True
            self._database.told.append(f"c:{generation_id}")

    async def cancel_requested(self, runner_id: RunnerId) -> list[GenerationId]:
        self._database.before()
        rows = self._database.rows.items()
        return [each for each, row in rows if row.runner_id == runner_id and row.cancel_requested and row.end is None]

    async def tell_watched(self, generation_ids: Sequence[GenerationId]) -> None:
        self._database.before()
        if generation_ids:
            self._database.told.append("w:" + ",".join(map(str, generation_ids)))


class MemoryJournal(JournalStore):
    """`JournalStore` over a `Database`."""

    def __init__(self, database: Database, runner_id: RunnerId | None = None) -> None:
        super().__init__(_NO_POOL, runner_id or RunnerId(new_id()))
        self._database = database

    async def write(
        self,
        chunks: Sequence[Chunk],
        ids: Sequence[GenerationId],
        *,
        waiting: Mapping[GenerationId, int] | None = None,
    ) -> set[GenerationId]:
        del waiting
        await self._database.gate.wait()
        self._database.before()
        ours = set(filter(self._is_ours, ids))
        for chunk in chunks:
            assert chunk.generation_id in ids
            if chunk.generation_id in ours:
                self._database.chunks[chunk.generation_id][chunk.position] = chunk
        self._database.writes += 1
        self._database.after()
        return ours

    async def end(self, ends: Sequence[End]) -> dict[GenerationId, State]:
        await self._database.gate.wait()
        self._database.before()
        for end in ends:
            if self._is_ours(end.id):
                self._end(self._database.rows[end.id], end)
        rows = self._database.rows
        self._database.after()
        return {end.id: rows[end.id].state for end in ends if end.id in rows}

    def _end(self, row: Row, end: End) -> None:
        chunks = self._database.chunks.pop(end.id)
        before = [chunk for position, chunk in sorted(chunks.items()) if position < end.position]
        row.content = "".join(chunk.body for chunk in before if chunk.kind == "content") + end.content
        row.thinking = "".join(chunk.body for chunk in before if chunk.kind == "thinking") + end.thinking
        row.end = end
        row.ends += 1

    def _is_ours(self, generation_id: GenerationId) -> bool:
        row = self._database.rows.get(generation_id)
        return row is not None and row.runner_id == self._runner_id and row.state == "running"


def take_over(database: Database, generation_id: GenerationId) -> None:
    """End a generation as another process does that took its own for dead."""
    row = database.rows[generation_id]
    database.chunks.pop(generation_id)
    row.end, row.runner_id = replace(_INTERRUPTED, id=generation_id), RunnerId(new_id())


_INTERRUPTED = End(
    id=GenerationId(new_id()),
    state="interrupted",
    position=0,
    length=0,
    runs=(),
    content="",
    thinking="",
    tool_calls=(),
    finish_reason=None,
    error={"code": "interrupted", "message": "The answer was interrupted."},
    prompt_tokens=None,
    completion_tokens=0,
    estimated=True,
    timings=Timings(),
)
