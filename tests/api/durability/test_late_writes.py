"""Statements that a frozen database runs when it goes on, after those by which they were done again."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import psycopg
import pytest
from msgspec import Struct

from deeper_api.chat.frames import Done, Numbered, Piece
from deeper_api.chat.readers import Reader
from deeper_api.chat.reapers import Reaper
from deeper_api.store.generation_rows import NewGeneration, Run
from deeper_api.store.generations import GenerationStore
from deeper_api.store.journals import Chunk, End, JournalStore
from deeper_api.store.runners import RunnerStore
from deeper_api.store.users import UserStore
from deeper_auth import parse_email
from deeper_core import GenerationId, RunnerId, Timings, UserId, new_id
from tests.api.stores import open_pool


class Place(Struct, frozen=True):
    """A generation that runs, and what writes it."""

    database_url: str
    generation_id: GenerationId
    generations: GenerationStore
    journal: JournalStore
    reader: Reader
    reaper: Reaper
    live: set[GenerationId]

    async def write(self, position: int, body: str) -> None:
        """Write a chunk of content, with a token for each character."""
        chunk = Chunk(generation_id=self.generation_id, position=position, kind="content", body=body, tokens=len(body))
        await self.journal.write([chunk], [self.generation_id])

    async def end(self, position: int, rest: str) -> None:
        """End it with what has come after ``position``."""
        length = position + len(rest)
        end = End(
            id=self.generation_id,
            state="complete",
            position=position,
            length=length,
            runs=(Run(kind="content", length=length),),
            content=rest,
            thinking="",
            tool_calls=(),
            finish_reason="stop",
            error=None,
            prompt_tokens=0,
            completion_tokens=length,
            estimated=True,
            timings=Timings(),
        )
        assert await self.journal.end([end]) == {self.generation_id: "complete"}

    async def read(self, after: int) -> list[Numbered]:
        """Return all that there is after a position."""
        frames: list[Numbered] = []
        while more := await self.reader.next(after):
            frames += more
            if isinstance(more[-1][1], Done):
                break
            after = more[-1][0] or after
        return frames


@pytest.fixture
async def place(database_url: str) -> AsyncGenerator[Place]:
    async with open_pool(database_url, max_size=2) as pool:
        user_id, generation_id, runner_id = UserId(new_id()), GenerationId(new_id()), RunnerId(new_id())
        await UserStore(pool).create(user_id, parse_email("someone@example.com"), "hash")
        generations = GenerationStore(pool)
        new = NewGeneration(id=generation_id, user_id=user_id, model="dictated", created_at=datetime.now(UTC))
        assert await generations.begin(runner_id, [new]) == {generation_id}
        journal, reader = JournalStore(pool, runner_id), Reader(generations, generation_id, user_id)
        live = {generation_id}
        reaper = Reaper(
            runners=RunnerStore(pool),
            generations=generations,
            journal=journal,
            runner_id=runner_id,
            is_live=live.__contains__,
        )
        yield Place(database_url, generation_id, generations, journal, reader, reaper, live)


async def test_a_write_that_comes_late_does_not_shorten_what_was_written_again(place: Place):
    await place.write(0, "abcdef")
    await place.write(6, "gh")
    await place.write(0, "abc")  # late
    chunks = await place.generations.chunks_after(place.generation_id, 0)
    assert [(chunk.position, chunk.body, chunk.tokens) for chunk in chunks] == [(0, "abcdef", 6), (6, "gh", 2)]


async def test_a_write_that_comes_after_the_end_leaves_no_gap_for_viewers(place: Place):
    await place.write(0, "abc")
    assert await place.read(0) == [(3, Piece(content="abc"))]
    await place.end(3, "defgh")
    # Its statement had seen that the generation ran, and went on when that had ended.
    with psycopg.connect(place.database_url) as database:
        database.execute("insert into generation_chunks values (%s, 5, 'content', 'fg', 2)", [place.generation_id])
    assert [frame for _, frame in await place.read(3)][:-1] == [Piece(content="defgh")]


async def test_what_is_taken_on_when_its_asker_has_given_up_is_ended(place: Place):
    await place.reaper.look()
    row = await place.reader.look()
    assert row is not None
    assert row.state == "running"
    place.live.clear()  # as the engine does when the database did not answer
    await place.reaper.look()
    row = await place.reader.look()
    assert row is not None
    assert (row.state, row.completion_tokens) == ("interrupted", 0)
