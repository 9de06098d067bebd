import pytest

from deeper_api.store.generations import GenerationStore
from deeper_api.store.journals import JournalStore
from deeper_api.store.leftovers import LeftoverStore
from deeper_api.store.pool import Pool
from deeper_core import UserId, new_id
from tests.api.store.asking import RUNNER, change, count, end, one, rows, stored, unstored


@pytest.fixture
def leftovers(pool: Pool) -> LeftoverStore:
    return LeftoverStore(pool)


@pytest.fixture
def store(pool: Pool) -> GenerationStore:
    return GenerationStore(pool)


async def test_after_a_day_the_text_of_what_nobody_kept_is_gone_and_the_row_stays(
    pool: Pool, leftovers: LeftoverStore, store: GenerationStore, journal: JournalStore, user_id: UserId
):
    old, young, kept = unstored(user_id), unstored(user_id), stored(user_id)
    await store.begin(RUNNER, [old, young, kept])
    await journal.end([end(each, "text", thinking="hm") for each in (old, young, kept)])
    await change(
        pool,
        "update generations set ended_at = now() - interval '24 hours' where id = any(%(ids)s)",
        ids=[old.id, kept.id],
    )
    await leftovers.forget_old()
    found = {each.id: await store.find(each.id, user_id) for each in (old, young, kept)}
    assert [row is not None and row.kept for row in found.values()] == [False, True, True]
    row = await one(pool, old)
    assert (row["content"], row["thinking"], row["completion_tokens"]) == (None, None, 4)
    assert await store.slice(kept.id, "content", 0, 9) == "text"


async def test_keys_are_forgotten_after_a_day(
    pool: Pool, leftovers: LeftoverStore, store: GenerationStore, user_id: UserId
):
    await store.begin(RUNNER, [unstored(user_id, key="old"), unstored(user_id, key="young")])
    await change(pool, "update idempotency_keys set created_at = now() - interval '24 hours' where key = 'old'")
    await leftovers.forget_old()
    assert await rows(pool, "select key from idempotency_keys") == [{"key": "young"}]


async def test_all_that_is_old_is_forgotten_however_much_it_is(
    pool: Pool, leftovers: LeftoverStore, store: GenerationStore, journal: JournalStore, user_id: UserId
):
    news = [unstored(user_id, key=f"k{number}") for number in range(5)]
    await store.begin(RUNNER, news)
    await journal.end([end(new, "hello") for new in news])
    await change(pool, "update generations set ended_at = now() - interval '25 hours'")
    await change(pool, "update idempotency_keys set created_at = now() - interval '25 hours'")
    await leftovers.forget_old(at_once=2)
    assert await rows(pool, "select id from generations where content is not null") == []
    assert await count(pool, "idempotency_keys") == 0


async def test_what_is_left_over_of_the_journal_goes_and_the_rest_stays(
    pool: Pool, leftovers: LeftoverStore, store: GenerationStore, journal: JournalStore, user_id: UserId
):
    ended, running = unstored(user_id), unstored(user_id)
    await store.begin(RUNNER, [ended, running])
    await journal.end([end(ended)])
    for each in (ended, running):
        await change(
            pool,
            "insert into generation_chunks (generation_id, position, kind, body, tokens)"
            " values (%(id)s, 0, 'content', 'x', 1)",
            id=each.id,
        )
    await leftovers.forget_old()
    assert await rows(pool, "select generation_id as id from generation_chunks") == [{"id": running.id}]


async def test_runners_that_have_nothing_to_run_are_forgotten_after_a_day(
    pool: Pool, leftovers: LeftoverStore, store: GenerationStore, journal: JournalStore, user_id: UserId
):
    running, ended = unstored(user_id), unstored(user_id)
    await store.begin(RUNNER, [running, ended])
    await journal.end([end(ended)])
    await change(pool, "insert into runners (id) values (%(id)s)", id=new_id())
    await change(pool, "update runners set heartbeat_at = now() - interval '25 hours'")
    await leftovers.forget_old()
    assert await rows(pool, "select id from runners") == [{"id": RUNNER}]
