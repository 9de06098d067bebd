"""What one statement of the journal takes on."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import pytest

from deeper_api.chat import journals
from deeper_api.chat.frames import Done, Start
from deeper_api.chat.generations import Generation
from deeper_api.chat.journals import Ending, Journal
from deeper_api.store.generation_rows import State
from deeper_api.store.journals import Chunk, End, JournalStore
from deeper_core import DatabaseUnavailable, Delta, FinishReason, GenerationId, Timings, Usage, UserId, new_id


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


def beginning() -> Generation:
    start = Start(generation_id=GenerationId(new_id()), model="scripted", created_at=datetime.now(UTC))
    return Generation(start, user_id=UserId(new_id()), abandon_after=None)


async def test_after_an_outage_what_gathered_is_written_in_portions(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "_HEAVIEST", 10)
    store = Statements()
    journal = Journal(cast("JournalStore", store), tick=0)
    answers = []
    for letter in "abc":
        answers.append(beginning())
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


class Failing(Statements):
    """One that cannot be written while it ``fails``."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = True

    async def write(
        self,
        chunks: Sequence[Chunk],
        ids: Sequence[GenerationId],
        *,
        waiting: Mapping[GenerationId, int] | None = None,
    ) -> set[GenerationId]:
        if self.fails:
            raise DatabaseUnavailable
        return await super().write(chunks, ids, waiting=waiting)

    async def end(self, ends: Sequence[End]) -> dict[GenerationId, State]:
        if self.fails:
            raise DatabaseUnavailable
        return {end.id: "complete" for end in ends}


async def test_that_it_cannot_be_written_is_known_until_it_can(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "_RETRY_SECONDS", 0)
    store = Failing()
    journal = Journal(cast("JournalStore", store), tick=0)
    answer = beginning()
    answer.add(Delta(content="text"))
    async with journal.writing():
        assert not journal.failing
        journal.opened(answer)
        while not journal.failing:  # noqa: ASYNC110  - nothing tells
            await asyncio.sleep(0)
        store.fails = False
        async with store.changed:
            await store.changed.wait_for(lambda: any(store.written))
        while journal.failing:  # noqa: ASYNC110  - nothing tells
            await asyncio.sleep(0)


async def test_that_an_end_can_be_written_is_enough_if_nothing_else_is_to_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "_RETRY_SECONDS", 0)
    store = Failing()
    journal = Journal(cast("JournalStore", store), tick=0)
    last = Done(finish_reason=FinishReason.STOP, usage=Usage(), timings=Timings())
    ending = Ending(state="complete", last=last, usage=Usage(), timings=Timings())
    ended = asyncio.create_task(journal.ended(beginning(), ending))
    while not journal.failing:  # noqa: ASYNC110  - nothing tells
        await asyncio.sleep(0)
    store.fails = False
    assert await ended == "complete"
    assert not journal.failing


async def test_an_answer_that_says_much_waits_until_it_is_written(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "FREE", 10)
    monkeypatch.setattr(journals, "_HELD", 40)
    monkeypatch.setattr(journals, "_HEAVIEST", 30)
    journal = Journal(cast("JournalStore", Statements()), tick=0)
    first, second = beginning(), beginning()
    for answer in (first, second):
        answer.add(Delta(content="a" * 11))
    waiting = asyncio.create_task(journal.room(second))
    await asyncio.sleep(0)
    assert not waiting.done()  # whether it is taken on at all is not known
    journal.opened(second)
    await waiting
    journal.opened(first)
    second.add(Delta(content="a" * 10))  # 21 of the 20 that are its part
    waiting = asyncio.create_task(journal.room(second))
    await journal.room(first)
    assert not waiting.done()
    async with journal.writing():
        await waiting
    assert second.unwritten_length <= 20


async def test_the_part_of_an_answer_shrinks_with_those_that_wait_to_be_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "FREE", 10)
    monkeypatch.setattr(journals, "_HELD", 40)
    journal = Journal(cast("JournalStore", Failing()), tick=0)
    answer, ended = beginning(), beginning()
    journal.opened(answer)
    answer.add(Delta(content="a" * 30))
    await journal.room(answer)
    last = Done(finish_reason=FinishReason.STOP, usage=Usage(), timings=Timings())
    ending = Ending(state="complete", last=last, usage=Usage(), timings=Timings())
    saving = asyncio.create_task(journal.ended(ended, ending))
    while not journal.failing:  # noqa: ASYNC110  - nothing tells
        await asyncio.sleep(0)
    waiting = asyncio.create_task(journal.room(answer))
    await asyncio.sleep(0)
    assert not waiting.done()
    for task in (saving, waiting):
        task.cancel()
    await asyncio.wait({saving, waiting})


async def test_one_who_says_much_holds_up_the_journal_of_nobody(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(journals, "_HEAVIEST", 10)
    store = Statements()
    journal = Journal(cast("JournalStore", store), tick=0)
    loud, quiet = beginning(), beginning()
    for _ in range(10):
        loud.add(Delta(content="a" * 10))
    quiet.add(Delta(content="b"))
    for answer in (loud, quiet):
        journal.opened(answer)
    async with journal.writing(), store.changed:
        await store.changed.wait_for(lambda: len(store.written) == 1)
    assert [chunk.body for chunk in store.written[0]] == ["b", "a" * 10]
