"""What one statement of the journal takes on."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import pytest

from deeper_api.chat import journals
from deeper_api.chat.frames import Start
from deeper_api.chat.generations import Generation
from deeper_api.chat.journals import Journal
from deeper_api.store.journals import Chunk, JournalStore
from deeper_core import Delta, GenerationId, UserId, new_id


class Statements:
    """A journal that keeps what it is told, in portions as it was told."""

    def __init__(self) -> None:
        self.written: list[Sequence[Chunk]] = []
        self.changed = asyncio.Condition()

    async def write(
        self,
        chunks: Sequence[Chunk],
        ids: Sequence[GenerationId],
        *,
        waiting: Mapping[GenerationId, int] | None = None,
    ) -> set[GenerationId]:
        del waiting
        async with self.changed:
            self.written.append(chunks)
            self.changed.notify_all()
        return set(ids)


async def test_after_an_outage_what_gathered_is_written_in_portions(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "_HEAVIEST", 10)
    store = Statements()
    journal = Journal(cast("JournalStore", store), tick=0)
    answers = []
    for letter in "abc":
        start = Start(generation_id=GenerationId(new_id()), model="scripted", created_at=datetime.now(UTC))
        answers.append(Generation(start, user_id=UserId(new_id()), abandon_after=None))
        for _ in range(12):
            answers[-1].add(Delta(content=letter * 2))
        journal.opened(answers[-1])
    async with journal.writing(), store.changed:
        await store.changed.wait_for(lambda: sum(len(chunk.body) for part in store.written for chunk in part) == 72)
    assert max(sum(len(chunk.body) for chunk in part) for part in store.written) <= 10
    for answer, letter in zip(answers, "abc", strict=True):
        chunks = [chunk for part in store.written for chunk in part if chunk.generation_id == answer.id]
        assert "".join(chunk.body for chunk in chunks) == letter * 24
        assert [chunk.position for chunk in chunks] == [
            sum(len(before.body) for before in chunks[:index]) for index in range(len(chunks))
        ]
        assert sum(chunk.tokens for chunk in chunks) == 12
