from collections.abc import Sequence

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deeper_api.chat.pieces import Body, join, make_piece
from deeper_api.chat.readers import Reader
from deeper_api.store.generation_rows import Kind
from deeper_api.store.generations import GenerationStore
from deeper_api.store.journals import JournalStore
from deeper_api.store.pool import Pool
from deeper_core import FunctionCall, RunnerId, ToolCall, UserId, new_id
from tests.api.chat.answering import SAID
from tests.api.store.asking import (
    RUNNER,
    answer_of,
    change,
    chunk,
    conversation_of,
    count,
    end,
    one,
    rows,
    runs_of,
    stored,
    unstored,
)

EACH = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@pytest.fixture
def store(pool: Pool) -> GenerationStore:
    return GenerationStore(pool)


@pytest.fixture
def other_runner(pool: Pool) -> JournalStore:
    return JournalStore(pool, RunnerId(new_id()))


class TestWriting:
    async def test_chunks_are_kept_in_order_and_told(
        self, store: GenerationStore, journal: JournalStore, user_id: UserId, database_url: str
    ):
        new, silent = unstored(user_id), unstored(user_id)
        await store.begin(RUNNER, [new, silent])
        with psycopg.connect(database_url, autocommit=True) as listener:
            listener.execute("listen deeper")
            written = [chunk(new, 2, "b", "thinking", 2), chunk(new, 0, "aé", tokens=3)]
            assert await journal.write(written, [new.id, silent.id]) == {new.id, silent.id}
            told = [notify.payload for notify in listener.notifies(timeout=5, stop_after=1)]
        assert told == [f"g:{new.id}"]
        found = await store.chunks_after(new.id, 0)
        assert [(each.position, each.kind, each.body, each.tokens) for each in found] == [
            (0, "content", "aé", 3),
            (2, "thinking", "b", 2),
        ]

    async def test_the_heart_beats_with_each_write_even_an_empty_one(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        await store.begin(RUNNER, [unstored(user_id)])
        await change(pool, "update runners set heartbeat_at = now() - interval '1 hour'")
        assert await journal.write([], []) == set()
        assert await rows(pool, "select heartbeat_at > now() - interval '1 minute' as beats from runners") == [
            {"beats": True}
        ]

    async def test_what_is_not_ours_is_not_written(
        self, store: GenerationStore, journal: JournalStore, other_runner: JournalStore, user_id: UserId
    ):
        ours, theirs, ended = (unstored(user_id) for _ in range(3))
        await store.begin(RUNNER, [ours, ended])
        await store.begin(other_runner._runner_id, [theirs])
        await journal.end([end(ended)])
        unknown = unstored(user_id)
        everything = [ours, theirs, ended, unknown]
        written = await journal.write([chunk(new, 0, "x") for new in everything], [new.id for new in everything])
        assert written == {ours.id}
        assert [len(await store.chunks_after(new.id, 0)) for new in everything] == [1, 0, 0, 0]

    async def test_a_position_that_is_written_again_is_written_once_and_the_longer_counts(
        self, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        await journal.write([chunk(new, 0, "a")], [new.id])
        await journal.write([chunk(new, 0, "abc", tokens=3)], [new.id])
        await journal.write([chunk(new, 0, "ab", tokens=2)], [new.id])
        [found] = await store.chunks_after(new.id, 0)
        assert (found.body, found.tokens) == ("abc", 3)

    async def test_many_are_told_of_in_bounded_notifications(
        self, store: GenerationStore, journal: JournalStore, user_id: UserId, database_url: str
    ):
        news = [unstored(user_id) for _ in range(450)]
        await store.begin(RUNNER, news)
        with psycopg.connect(database_url, autocommit=True) as listener:
            listener.execute("listen deeper")
            written = await journal.write([chunk(new, 0, "x") for new in news], [new.id for new in news])
            told = [notify.payload for notify in listener.notifies(timeout=5, stop_after=3)]
        assert written == {new.id for new in news}
        assert {each for payload in told for each in payload[2:].split(",")} == {str(new.id) for new in news}


class TestEnding:
    async def test_what_is_kept_is_in_the_message_and_the_ledger(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = stored(user_id)
        call = ToolCall(id="c", function=FunctionCall(name="f", arguments="{}"))
        await store.begin(RUNNER, [new])
        await journal.write([chunk(new, 0, "hm", "thinking"), chunk(new, 2, "Hel")], [new.id])
        ending = end(new, "lo", position=5, thinking="?", runs=[("thinking", 2)], tool_calls=(call,))
        assert await journal.end([ending]) == {new.id: "complete"}
        answer, row = await answer_of(pool, new), await one(pool, new)
        assert (answer["state"], answer["content"], answer["thinking"]) == ("complete", "Hello", "hm?")
        assert answer["tool_calls"] == [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
        assert (row["state"], row["finish_reason"], row["error"], row["length"]) == ("complete", "stop", None, 8)
        assert (row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == (3, 4, False)
        assert (row["content"], row["thinking"], row["tool_calls"]) == (None, None, None)
        assert [(run.kind, run.length) for run in runs_of(row)] == [("thinking", 2)]
        assert row["timings"] == {"total_ms": 1.5}
        assert await count(pool, "generation_chunks") == 0

    async def test_what_is_not_kept_is_in_the_row_for_a_while(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        await journal.write([chunk(new, 0, "Hel")], [new.id])
        await journal.end([end(new, "lo", position=3)])
        row = await one(pool, new)
        assert (row["content"], row["thinking"], row["tool_calls"]) == ("Hello", None, [])
        found = await store.find(new.id, user_id)
        assert found is not None
        assert found.kept

    async def test_an_answer_of_nothing_is_kept_as_one(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        kept, unkept = stored(user_id), unstored(user_id)
        await store.begin(RUNNER, [kept, unkept])
        await journal.end([end(kept, state="failed"), end(unkept, state="failed")])
        assert [(await answer_of(pool, kept))[name] for name in ("content", "thinking", "state")] == [
            "",
            None,
            "failed",
        ]
        row = await one(pool, unkept)
        assert (row["content"], row["error"]) == ("", {"code": "interrupted", "message": "m"})

    async def test_an_estimate_stays_where_nobody_counted(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        await journal.end([end(new, state="interrupted", prompt_tokens=None)])
        assert (await one(pool, new))["prompt_tokens"] == 7

    async def test_chunks_of_a_write_whose_outcome_was_not_learned_are_not_joined_twice(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = stored(user_id)
        await store.begin(RUNNER, [new])
        await journal.write([chunk(new, 0, "Hel")], [new.id])
        await journal.write([chunk(new, 3, "lo "), chunk(new, 6, "hm", "thinking")], [new.id])
        await journal.end([end(new, "lo wor", thinking="hm", position=3)])
        answer = await answer_of(pool, new)
        assert (answer["content"], answer["thinking"]) == ("Hello wor", "hm")

    async def test_it_ends_once(self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId):
        new = stored(user_id)
        await store.begin(RUNNER, [new])
        assert await journal.end([end(new, "first", state="cancelled")]) == {new.id: "cancelled"}
        before = await one(pool, new)
        assert await journal.end([end(new, "second")]) == {new.id: "cancelled"}
        assert await one(pool, new) == before
        assert (await answer_of(pool, new))["content"] == "first"

    async def test_another_runner_cannot_end_it(
        self, store: GenerationStore, journal: JournalStore, other_runner: JournalStore, user_id: UserId
    ):
        new = stored(user_id)
        await store.begin(RUNNER, [new])
        assert await other_runner.end([end(new, "theirs")]) == {new.id: "running"}
        assert await journal.end([end(new, "ours")]) == {new.id: "complete"}

    async def test_of_many_at_once_each_ends_in_its_own_way(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId, database_url: str
    ):
        kept, unkept, ended, unknown = stored(user_id), unstored(user_id), unstored(user_id), unstored(user_id)
        await store.begin(RUNNER, [kept, unkept, ended])
        await journal.end([end(ended)])
        await journal.write([chunk(kept, 0, "k"), chunk(unkept, 0, "u")], [kept.id, unkept.id])
        with psycopg.connect(database_url, autocommit=True) as listener:
            listener.execute("listen deeper")
            states = await journal.end(
                [
                    end(kept, "!", position=1),
                    end(unkept, "?", position=1, state="failed"),
                    end(ended, state="cancelled"),
                    end(unknown),
                ]
            )
            [told] = [notify.payload for notify in listener.notifies(timeout=5, stop_after=1)]
        assert states == {kept.id: "complete", unkept.id: "failed", ended.id: "complete"}
        assert (await answer_of(pool, kept))["content"] == "k!"
        assert (await one(pool, unkept))["content"] == "u?"
        assert sorted(told[2:].split(",")) == sorted([str(kept.id), str(unkept.id)])

    async def test_a_conversation_that_was_deleted_stays_deleted_and_the_ledger_is_right(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = stored(user_id)
        await store.begin(RUNNER, [new])
        await journal.write([chunk(new, 0, "a")], [new.id])
        await change(pool, "delete from conversations where id = %(id)s", id=conversation_of(new))
        assert await journal.write([chunk(new, 1, "b")], [new.id]) == {new.id}
        assert await journal.end([end(new, "c", position=2, state="cancelled")]) == {new.id: "cancelled"}
        row = await one(pool, new)
        assert (row["conversation_id"], row["message_id"], row["completion_tokens"]) == (None, None, 4)
        assert (row["content"], row["thinking"], row["tool_calls"], row["runs"]) == (None, None, None, [])
        assert await count(pool, "messages") == await count(pool, "conversations") == 0


BODIES: st.SearchStrategy[list[tuple[Kind, str]]] = st.lists(
    st.tuples(st.sampled_from(["content", "thinking"]), SAID), max_size=8
)


@EACH
@given(said=BODIES, written=st.integers(0, 8), unlearned=st.integers(0, 8), keep=st.booleans(), data=st.data())
async def test_whatever_was_written_before_the_whole_text_is_there_after_the_end(
    store: GenerationStore,
    journal: JournalStore,
    user_id: UserId,
    said: list[tuple[Kind, str]],
    written: int,
    unlearned: int,
    keep: bool,
    data: st.DataObject,
):
    new = stored(user_id) if keep else unstored(user_id)
    await store.begin(RUNNER, [new])
    chunks, position = [], 0
    for kind, text in said:
        chunks.append(chunk(new, position, text, kind))
        position += len(text)
    await journal.write(chunks[: written + unlearned], [new.id])
    rest: Sequence[tuple[Kind, str]] = said[written:]
    known = sum(len(text) for _, text in said[:written])
    runs: list[tuple[Kind, int]] = [(kind, len(body)) for kind, body in join([make_piece(*each) for each in said])]
    ending = end(
        new,
        "".join(text for kind, text in rest if kind == "content"),
        thinking="".join(text for kind, text in rest if kind == "thinking"),
        position=known,
        length=position,
        runs=runs,
    )
    assert await journal.end([ending]) == {new.id: "complete"}
    after = data.draw(st.integers(0, position))
    assert await read(Reader(store, new.id, user_id), after) == flattened(said)[after:]


def flattened(bodies: Sequence[tuple[Kind, Body]]) -> list[tuple[Kind, object]]:
    return [(kind, unit) for kind, body in bodies for unit in body]


async def read(reader: Reader, after: int) -> list[tuple[str, object]]:
    """Each position after ``after`` of an ended answer."""
    seen: list[tuple[str, object]] = []
    while True:
        [(number, frame)] = await reader.next(after + len(seen))
        if not hasattr(frame, "content"):
            return seen
        seen += [("content", unit) for unit in getattr(frame, "content", "")]
        seen += [("thinking", unit) for unit in getattr(frame, "thinking", "")]
        assert number == after + len(seen)
