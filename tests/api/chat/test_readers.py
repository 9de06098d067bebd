"""Reading an answer from the database, from any position on."""

import asyncio
import itertools
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deeper_api.chat import readers
from deeper_api.chat.frames import Context, Done, Failed, Numbered, Start
from deeper_api.chat.generations import Generation
from deeper_api.chat.journals import Ending, _chunks, _end
from deeper_api.chat.readers import Reader, first_frames
from deeper_api.errors import ErrorBody
from deeper_api.store.generation_rows import NewGeneration
from deeper_core import (
    Delta,
    ErrorCode,
    FinishReason,
    FunctionCallDelta,
    GenerationId,
    MessageId,
    RunnerId,
    Timings,
    ToolCallDelta,
    Usage,
    UserId,
    new_id,
)
from tests.api.chat.answering import DELTAS, Unit, received, units
from tests.api.chat.databases import Database, MemoryGenerations, MemoryJournal

USER = UserId(new_id())
DONE = Done(
    finish_reason=FinishReason.LENGTH,
    usage=Usage(prompt_tokens=3, completion_tokens=4, estimated=True),
    timings=Timings(total_ms=1.5),
)
FAILED = Failed(error=ErrorBody(code=ErrorCode.INTERRUPTED, message="m", request_id="r1"))
SMALL = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Written:
    """An answer as its journal leaves it in a database."""

    def __init__(self, dropped: tuple[MessageId, ...] = ()) -> None:
        runner_id = RunnerId(new_id())
        self.database = Database()
        self.journal = MemoryJournal(self.database, runner_id)
        self.store = MemoryGenerations(self.database)
        self.new = NewGeneration(
            id=GenerationId(new_id()), user_id=USER, model="m", created_at=datetime.now(UTC), dropped=dropped
        )
        start = Start(generation_id=self.new.id, model="m", created_at=self.new.created_at)
        self.generation = Generation(start, user_id=USER)
        self._runner_id = runner_id

    async def begin(self) -> None:
        await self.store.begin(self._runner_id, [self.new])

    async def say(self, deltas: list[Delta], cuts: list[int] = []) -> None:  # noqa: B006  - only read
        """Say all of it; the journal is written at each of ``cuts``."""
        for index, delta in enumerate(deltas):
            self.generation.add(delta)
            if index in cuts:
                bodies, tokens = self.generation.unwritten(), self.generation.tokens
                await self.journal.write(_chunks(self.generation, bodies, tokens), [self.new.id])
                self.generation.note_written(bodies, tokens)

    async def end(self, last: Done | Failed = DONE) -> None:
        usage = last.usage if isinstance(last, Done) else Usage()
        state = "complete" if isinstance(last, Done) else "interrupted"
        await self.journal.end(
            [_end(self.generation, Ending(state=state, last=last, usage=usage, timings=DONE.timings))]
        )

    def reader(self) -> Reader:
        return Reader(self.store, self.new.id, USER)

    async def read(self, after: int) -> tuple[list[Numbered], Done | Failed | None]:
        """What comes after a position until there is nothing new, and the last frame if it is there."""
        reader, position, pieces = self.reader(), after, list[Numbered]()
        while portion := await reader.next(position):
            number, frame = portion[-1]
            if isinstance(frame, Done | Failed):
                assert number == max(self.generation.position, 0) + 1
                return pieces, frame
            pieces += portion
            position = number or 0
        return pieces, None


async def written(deltas: list[Delta], cuts: list[int]) -> Written:
    answer = Written()
    await answer.begin()
    await answer.say(deltas, cuts)
    return answer


ANSWERS = st.lists(DELTAS, max_size=10)
CUTS = st.lists(st.integers(0, 10))


@given(ANSWERS, CUTS, st.data())
def test_of_a_running_answer_what_the_journal_has_is_read_wherever_it_was_cut(
    deltas: list[Delta], cuts: list[int], data: st.DataObject
):
    async def check() -> None:
        answer = await written(deltas, cuts)
        there = units(deltas)[: answer.generation.written]
        after = data.draw(st.integers(0, len(there)))
        pieces, last = await answer.read(after)
        assert (received(pieces, after), last) == (there[after:], None)

    asyncio.run(check())


@SMALL
@given(ANSWERS, CUTS, st.integers(1, 5), st.data())
def test_of_an_ended_answer_everything_is_read_in_the_order_in_which_it_came(
    monkeypatch: pytest.MonkeyPatch, deltas: list[Delta], cuts: list[int], batch: int, data: st.DataObject
):
    async def check() -> None:
        answer = await written(deltas, cuts)
        await answer.end()
        said = units(deltas)
        after = data.draw(st.integers(0, len(said)))
        pieces, last = await answer.read(after)
        assert (received(pieces, after), last) == (said[after:], DONE)

    with monkeypatch.context() as patch:
        patch.setattr(readers, "BATCH", batch)
        asyncio.run(check())


@given(ANSWERS, CUTS, st.integers(0, 10))
def test_it_may_end_between_two_readings(deltas: list[Delta], cuts: list[int], count: int):
    async def check() -> None:
        answer = await written(deltas, cuts)
        reader, position, seen = answer.reader(), 0, list[Unit]()
        for _ in itertools.repeat(None, count):
            portion = await reader.next(position)
            seen += received(portion, position)
            position = len(seen)
        await answer.end()
        pieces, last = await answer.read(position)
        assert seen + received(pieces, position) == units(deltas)
        assert last == DONE

    asyncio.run(check())


@given(ANSWERS, CUTS)
def test_a_chunk_behind_a_gap_is_not_read(deltas: list[Delta], cuts: list[int]):
    async def check() -> None:
        answer = await written(deltas, [*cuts, len(deltas) - 1])
        chunks = answer.database.chunks[answer.new.id]
        first = min(chunks, default=None)
        if first is None or len(chunks) == 1:
            return
        del chunks[first]
        assert await answer.reader().next(0) == []

    asyncio.run(check())


async def test_an_error_is_the_last_frame_of_what_failed():
    answer = await written([Delta(content="half")], [0])
    await answer.end(FAILED)
    assert (await answer.read(4)) == ([], FAILED)


async def test_what_is_gone_is_not_found():
    answer = await written([Delta(content="ab")], [])
    await answer.end()
    reader = answer.reader()
    await reader.next(0)
    answer.database.rows.clear()
    [(position, last)] = await reader.next(0)
    assert isinstance(last, Failed)
    assert (position, last.error.code) == (1, ErrorCode.NOT_FOUND)
    [(_, last)] = await answer.reader().next(0)
    assert isinstance(last, Failed)


async def test_before_the_first_piece_is_what_the_stream_began_with():
    dropped = (MessageId(new_id()),)
    answer = Written(dropped)
    await answer.begin()
    row = await answer.reader().look()
    assert row is not None
    assert first_frames(row) == [(0, answer.generation.start), (None, Context(dropped=dropped))]


async def test_nobody_reads_what_is_not_his():
    answer = await written([Delta(content="ab")], [])
    await answer.end()
    assert await Reader(answer.store, answer.new.id, UserId(new_id())).look() is None


def test_pieces_of_tool_calls_are_kept_as_they_came():
    call = ToolCallDelta(index=1, id="c", function=FunctionCallDelta(name="f", arguments='{"'))

    async def read() -> list[Numbered]:
        answer = await written([Delta(tool_calls=(call, call))], [0])
        assert answer.database.chunks[answer.new.id][0].body == msgspec.json.encode((call, call)).decode()
        await answer.end()
        return (await answer.read(1))[0]

    assert received(asyncio.run(read()), 1) == [("tool_calls", call)]
