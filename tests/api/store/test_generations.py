import asyncio

import psycopg
import pytest
from msgspec.structs import replace

from deeper_api.store.generation_rows import NewGeneration
from deeper_api.store.generations import GenerationStore
from deeper_api.store.journals import JournalStore
from deeper_api.store.people import PeopleStore
from deeper_api.store.pool import Pool
from deeper_api.store.users import UserStore
from deeper_core import ChatRole, ConversationId, GenerationId, UserId, new_id
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
    stored,
    unstored,
)


@pytest.fixture
def store(pool: Pool) -> GenerationStore:
    return GenerationStore(pool)


def ids(*news: NewGeneration) -> set[GenerationId]:
    return {new.id for new in news}


async def require_together_or_not_at_all(store: GenerationStore, bad: NewGeneration, good: NewGeneration) -> None:
    """Fail unless both are refused together, so that each is tried alone, and then only the good one is taken on."""
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await store.begin(RUNNER, [bad, good])
    assert await store.begin(RUNNER, [bad]) == set()
    assert await store.begin(RUNNER, [good]) == ids(good)


class TestTakingOn:
    async def test_what_is_not_kept_is_a_row_and_nothing_more(
        self, pool: Pool, store: GenerationStore, user_id: UserId
    ):
        new = unstored(user_id)
        assert await store.begin(RUNNER, [new]) == ids(new)
        row = await one(pool, new)
        assert (row["user_id"], row["runner_id"], row["state"], row["prompt_tokens"]) == (user_id, RUNNER, "running", 7)
        assert (row["created_at"], row["conversation_id"], row["message_id"]) == (new.created_at, None, None)
        assert await count(pool, "conversations") == await count(pool, "messages") == 0
        assert await rows(pool, "select id from runners") == [{"id": RUNNER}]

    async def test_a_new_conversation_has_its_title_the_question_and_an_answer_that_runs(
        self, pool: Pool, store: GenerationStore, user_id: UserId
    ):
        new = stored(user_id, text="Hello 😀\n")
        assert await store.begin(RUNNER, [new]) == ids(new)
        [conversation] = await rows(pool, "select * from conversations")
        assert (conversation["id"], conversation["user_id"], conversation["title"]) == (
            new.conversation_id,
            user_id,
            "A title",
        )
        said = await rows(pool, "select id, parent_id, role, state, content, model from messages order by id")
        question, answer = new.messages
        assert said == [
            {
                "id": question.id,
                "parent_id": None,
                "role": "user",
                "state": "complete",
                "content": "Hello 😀\n",
                "model": None,
            },
            {
                "id": answer.id,
                "parent_id": question.id,
                "role": "assistant",
                "state": "running",
                "content": "",
                "model": "m",
            },
        ]

    async def test_a_message_is_kept_with_all_that_came_with_it(
        self, pool: Pool, store: GenerationStore, user_id: UserId
    ):
        new = stored(user_id)
        question = replace(
            new.messages[0],
            role=ChatRole.TOOL,
            images=("\\x00ff", "\\x"),
            tool_call_id="c1",
            tool_name="look",
            thinking="hm",
        )
        await store.begin(RUNNER, [replace(new, messages=(question, new.messages[1]))])
        [row] = await rows(pool, "select * from messages where id = %(id)s", id=question.id)
        assert [bytes(image) for image in row["images"]] == [b"\x00\xff", b""]
        assert (row["role"], row["tool_call_id"], row["tool_name"], row["thinking"]) == ("tool", "c1", "look", "hm")

    async def test_a_conversation_goes_on_and_is_the_newest_again(
        self, pool: Pool, store: GenerationStore, user_id: UserId
    ):
        first = stored(user_id, title="first")
        await store.begin(RUNNER, [first])
        await change(pool, "update conversations set active_at = now() - interval '1 day'")
        second = stored(user_id, first.conversation_id, first.message_id, title="second")
        assert await store.begin(RUNNER, [second]) == ids(second)
        [found] = await rows(pool, "select title, active_at > now() - interval '1 hour' as newest from conversations")
        assert found == {"title": "first", "newest": True}
        assert (await answer_of(pool, second))["parent_id"] == second.messages[0].id

    async def test_a_conversation_without_a_title_gets_one(self, pool: Pool, store: GenerationStore, user_id: UserId):
        first = stored(user_id, title="")
        await store.begin(RUNNER, [first])
        await store.begin(RUNNER, [stored(user_id, first.conversation_id, first.message_id, title="at last")])
        assert await rows(pool, "select title from conversations") == [{"title": "at last"}]

    async def test_of_many_at_once_only_those_are_left_out_that_have_no_conversation(
        self, pool: Pool, store: GenerationStore, user_id: UserId, stranger: UserId
    ):
        known = stored(user_id)
        await store.begin(RUNNER, [known])
        before = await rows(pool, "select active_at from conversations")
        good = [unstored(user_id), stored(user_id), stored(stranger)]
        unknown, foreign = stored(user_id, ConversationId(new_id())), stored(stranger, known.conversation_id)
        assert await store.begin(RUNNER, [unknown, *good, foreign]) == ids(*good)
        assert await count(pool, "messages") == 3 * 2
        [active] = await rows(pool, "select active_at from conversations where id = %(id)s", id=known.conversation_id)
        assert [active] == before

    async def test_a_stranger_gets_in_with_nobody_who_belongs_there(
        self, pool: Pool, store: GenerationStore, user_id: UserId, stranger: UserId
    ):
        known = stored(user_id)
        await store.begin(RUNNER, [known])
        mine = stored(user_id, known.conversation_id, known.messages[0].id)
        foreign = stored(stranger, known.conversation_id, known.messages[0].id)
        assert await store.begin(RUNNER, [mine, foreign]) == ids(mine)
        assert {row["user_id"] for row in await rows(pool, "select user_id from messages")} == {user_id}

    async def test_a_stranger_gets_in_with_nothing_to_say_neither(
        self, store: GenerationStore, user_id: UserId, stranger: UserId
    ):
        known = stored(user_id)
        await store.begin(RUNNER, [known])
        mine = stored(user_id, known.conversation_id, known.messages[0].id)
        foreign = replace(stored(stranger, known.conversation_id), messages=(), message_id=None)
        assert await store.begin(RUNNER, [foreign]) == set()
        assert await store.begin(RUNNER, [mine, foreign]) == ids(mine)

    async def test_two_branches_may_begin_at_once(self, pool: Pool, store: GenerationStore, user_id: UserId):
        known = stored(user_id)
        await store.begin(RUNNER, [known])
        branches = [stored(user_id, known.conversation_id, known.messages[0].id) for _ in range(2)]
        assert await store.begin(RUNNER, branches) == ids(*branches)
        assert await count(pool, "messages") == 6

    async def test_a_parent_that_is_not_in_the_conversation_is_none(
        self, pool: Pool, store: GenerationStore, user_id: UserId
    ):
        first, second = stored(user_id), stored(user_id)
        await store.begin(RUNNER, [first, second])
        astray, good = stored(user_id, first.conversation_id, second.message_id), unstored(user_id)
        await require_together_or_not_at_all(store, astray, good)
        assert await count(pool, "messages") == 4

    async def test_what_belongs_to_an_account_that_is_deleted_in_this_moment_is_not_taken_on(
        self, pool: Pool, store: GenerationStore, user_id: UserId, stranger: UserId
    ):
        await PeopleStore(pool).remove(stranger)
        gone, stays = stored(stranger, key="k"), stored(user_id, key="k")
        assert await store.begin(RUNNER, [gone]) == set()
        assert await store.begin(RUNNER, [gone, stays]) == ids(stays)

    async def test_what_belongs_to_an_account_that_was_disabled_in_this_moment_is_not_taken_on(
        self, pool: Pool, store: GenerationStore, user_id: UserId, stranger: UserId
    ):
        first = stored(stranger)
        await store.begin(RUNNER, [first])
        await UserStore(pool).disable(stranger)
        late = stored(stranger), stored(stranger, first.conversation_id), unstored(stranger), stored(stranger, key="k")
        stays = stored(user_id)
        assert await store.begin(RUNNER, [*late, stays]) == ids(stays)
        assert await store.find_key(stranger, "k") is None

    async def test_what_comes_while_an_account_is_being_disabled_waits_for_that(
        self, pool: Pool, store: GenerationStore, user_id: UserId
    ):
        waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        async with pool.connection() as busy, pool.connection() as looking:
            async with busy.transaction():
                await busy.execute("update users set disabled_at = now() where id = %s", [user_id])
                beginning = asyncio.create_task(store.begin(RUNNER, [stored(user_id)]))
                while not (await looking.execute(waiting)).rowcount:  # noqa: ASYNC110  - no event tells
                    await asyncio.sleep(0.01)
            assert await beginning == set()

    async def test_with_an_account_goes_everything_even_what_runs(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = stored(user_id, key="k")
        await store.begin(RUNNER, [new])
        await journal.write([chunk(new, 0, "a")], [new.id])
        await PeopleStore(pool).remove(user_id)
        for table in ("conversations", "messages", "generations", "generation_chunks", "idempotency_keys"):
            assert await count(pool, table) == 0
        assert await journal.write([chunk(new, 1, "b")], [new.id]) == set()
        assert await journal.end([end(new, "ab")]) == {}


class TestKeys:
    async def test_of_one_key_the_first_counts(self, store: GenerationStore, user_id: UserId):
        first, second = unstored(user_id, key="k"), unstored(user_id, key="k", body_hash="cd" * 32)
        assert await store.begin(RUNNER, [first]) == ids(first)
        assert await store.begin(RUNNER, [second]) == set()
        known = await store.find_key(user_id, "k")
        assert known is not None
        assert (known.generation_id, known.body_hash) == (first.id, bytes.fromhex("ab" * 32))

    async def test_of_one_key_twice_at_once_one_counts(self, pool: Pool, store: GenerationStore, user_id: UserId):
        first, second, other = stored(user_id, key="k"), stored(user_id, key="k"), unstored(user_id, key="l")
        assert await store.begin(RUNNER, [second, first, other]) == ids(first, other)
        assert await count(pool, "conversations") == 1

    async def test_of_one_key_in_many_statements_at_once_one_counts(
        self, pool: Pool, store: GenerationStore, user_id: UserId
    ):
        news = [stored(user_id, key="k") for _ in range(8)]
        taken = await asyncio.gather(*(store.begin(RUNNER, [new]) for new in news))
        assert sorted(map(len, taken)) == [0] * 7 + [1]
        assert await count(pool, "conversations") == 1
        known = await store.find_key(user_id, "k")
        assert known is not None
        assert {known.generation_id} in taken

    async def test_the_same_key_of_two_users_are_two(self, store: GenerationStore, user_id: UserId, stranger: UserId):
        mine, theirs = unstored(user_id, key="k"), unstored(stranger, key="k")
        assert await store.begin(RUNNER, [mine, theirs]) == ids(mine, theirs)
        assert await store.find_key(user_id, "other") is None

    async def test_a_key_is_free_again_after_a_day(self, pool: Pool, store: GenerationStore, user_id: UserId):
        first, second = unstored(user_id, key="k"), unstored(user_id, key="k")
        await store.begin(RUNNER, [first])
        await change(pool, "update idempotency_keys set created_at = now() - interval '24 hours'")
        assert await store.find_key(user_id, "k") is None
        assert await store.begin(RUNNER, [second]) == ids(second)
        known = await store.find_key(user_id, "k")
        assert known is not None
        assert known.generation_id == second.id

    async def test_who_has_no_conversation_uses_up_no_key(self, pool: Pool, store: GenerationStore, user_id: UserId):
        await store.begin(RUNNER, [stored(user_id, ConversationId(new_id()), key="k")])
        assert await count(pool, "idempotency_keys") == 0


class TestFinding:
    async def test_a_generation_is_found_by_its_user_only(
        self, store: GenerationStore, user_id: UserId, stranger: UserId
    ):
        new = stored(user_id)
        await store.begin(RUNNER, [new])
        found = await store.find(new.id, user_id)
        assert found is not None
        assert (found.id, found.state, found.kept, found.conversation_id) == (
            new.id,
            "running",
            True,
            new.conversation_id,
        )
        assert (found.message_id, found.parent_id) == (new.message_id, new.messages[0].id)
        assert await store.find(new.id, stranger) is None
        assert await store.find(GenerationId(new_id()), user_id) is None

    async def test_titles_are_found_by_nobody(self, store: GenerationStore, user_id: UserId):
        title = replace(unstored(user_id), purpose="title")
        await store.begin(RUNNER, [title])
        assert await store.find(title.id, user_id) is None
        assert await store.list_running(user_id, limit=10) == []

    async def test_running_ones_are_listed_newest_first_in_pages(
        self, store: GenerationStore, journal: JournalStore, user_id: UserId, stranger: UserId
    ):
        news = [unstored(user_id) for _ in range(5)]
        await store.begin(RUNNER, [*news, unstored(stranger)])
        await journal.end([end(news[2])])
        listed = [row.id for row in await store.list_running(user_id, limit=10)]
        assert listed == [news[4].id, news[3].id, news[1].id, news[0].id]
        assert [row.id for row in await store.list_running(user_id, limit=2)] == listed[:2]
        assert [row.id for row in await store.list_running(user_id, limit=9, before=listed[1])] == listed[2:]

    @pytest.mark.parametrize(
        ("after", "found"),
        [
            (0, ["ab", "cde", "f"]),
            (1, ["ab", "cde", "f"]),
            (2, ["cde", "f"]),
            (4, ["cde", "f"]),
            (5, ["f"]),
            (99, ["f"]),
        ],
    )
    async def test_the_journal_is_read_from_the_chunk_on_in_which_a_position_lies(
        self, store: GenerationStore, journal: JournalStore, user_id: UserId, after: int, found: list[str]
    ):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        await journal.write([chunk(new, 0, "ab"), chunk(new, 2, "cde"), chunk(new, 5, "f")], [new.id])
        assert [each.body for each in await store.chunks_after(new.id, after)] == found
        assert [each.body for each in await store.chunks_after(new.id, after, limit=1)] == found[:1]

    async def test_slices_are_of_characters(self, store: GenerationStore, journal: JournalStore, user_id: UserId):
        kept, unkept = stored(user_id), unstored(user_id)
        await store.begin(RUNNER, [kept, unkept])
        text = "a😀é\n\\漢"
        await journal.end([end(kept, text, thinking="hm😀"), end(unkept, text, thinking="hm😀")])
        for new in (kept, unkept):
            assert [await store.slice(new.id, "content", i, 2) for i in range(7)] == [text[i : i + 2] for i in range(7)]
            assert await store.slice(new.id, "thinking", 1, 100) == "m😀"

    async def test_an_answer_goes_with_its_conversation_and_the_row_stays(
        self, pool: Pool, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = stored(user_id)
        await store.begin(RUNNER, [new])
        await journal.end([end(new, "text")])
        await change(pool, "delete from conversations where id = %(id)s", id=conversation_of(new))
        found = await store.find(new.id, user_id)
        assert found is not None
        assert (found.kept, found.message_id, found.completion_tokens) == (False, None, 4)
        assert await store.slice(new.id, "content", 0, 9) == ""


class TestWishes:
    async def test_a_wish_to_stop_is_kept_and_told(
        self, store: GenerationStore, user_id: UserId, stranger: UserId, database_url: str
    ):
        new, other = unstored(user_id), unstored(user_id)
        await store.begin(RUNNER, [new, other])
        with psycopg.connect(database_url, autocommit=True) as listener:
            listener.execute("listen deeper")
            await store.request_cancel(new.id, stranger)
            await store.request_cancel(new.id, user_id)
            await store.request_cancel(GenerationId(new_id()), user_id)
            await store.tell_watched([other.id])
            told = [notify.payload for notify in listener.notifies(timeout=5, stop_after=2)]
        assert told == [f"c:{new.id}", f"w:{other.id}"]
        assert await store.cancel_requested(RUNNER) == [new.id]

    async def test_any_number_of_followed_ones_is_told_in_bounded_notifications(
        self, store: GenerationStore, database_url: str
    ):
        followed = [GenerationId(new_id()) for _ in range(450)]
        with psycopg.connect(database_url, autocommit=True) as listener:
            listener.execute("listen deeper")
            await store.tell_watched([])
            await store.tell_watched(followed)
            told = [notify.payload for notify in listener.notifies(timeout=5, stop_after=3)]
        assert all(payload.startswith("w:") for payload in told)
        assert {each for payload in told for each in payload[2:].split(",")} == set(map(str, followed))

    async def test_what_has_ended_cannot_be_stopped(
        self, store: GenerationStore, journal: JournalStore, user_id: UserId
    ):
        new = unstored(user_id)
        await store.begin(RUNNER, [new])
        await journal.end([end(new)])
        await store.request_cancel(new.id, user_id)
        assert await store.cancel_requested(RUNNER) == []
