"""What the routes do not show: the cancelling of what runs, and the plans of the queries."""

import asyncio
from collections.abc import AsyncIterator
from typing import LiteralString

import psycopg
import pytest

from deeper_api.store.conversations import Conversation, ConversationStore
from deeper_api.store.pool import Pool
from deeper_core import ConversationId, GenerationId, UserId, new_id

GENERATION: LiteralString = """
    insert into generations (id, user_id, runner_id, conversation_id, message_id, model, state, ended_at, finish_reason)
    values (
        %(id)s, %(user_id)s, gen_random_uuid(), %(conversation_id)s, %(message_id)s, 'm', %(state)s,
        case when %(state)s = 'complete' then now() end, case when %(state)s = 'complete' then 'stop' end
    )
"""


@pytest.fixture
def conversations(pool: Pool) -> ConversationStore:
    return ConversationStore(pool)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection besides those of the pool."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as db:
        yield db


@pytest.fixture
async def user_id(db: psycopg.AsyncConnection) -> UserId:
    user_id = UserId(new_id())
    await db.execute(
        "insert into users (id, email, email_key, password_hash, role) values (%s, 'a@b.c', 'a@b.c', 'x', 'user')",
        [user_id],
    )
    return user_id


async def make(conversations: ConversationStore, user_id: UserId) -> Conversation:
    return await conversations.create(ConversationId(new_id()), user_id, None)


async def answer(
    db: psycopg.AsyncConnection, user_id: UserId, conversation: Conversation, state: str = "running"
) -> GenerationId:
    """Add an answer with its generation."""
    message_id, generation_id = new_id(), GenerationId(new_id())
    await db.execute(
        "insert into messages (conversation_id, id, user_id, role, state) values (%s, %s, %s, 'assistant', %s)",
        [conversation.id, message_id, user_id, state],
    )
    values = {
        "id": generation_id,
        "user_id": user_id,
        "conversation_id": conversation.id,
        "message_id": message_id,
        "state": state,
    }
    await db.execute(GENERATION, values)
    return generation_id


async def test_deleting_a_conversation_has_cancelled_what_runs_in_it(
    conversations: ConversationStore, db: psycopg.AsyncConnection, user_id: UserId
):
    deleted, other = await make(conversations, user_id), await make(conversations, user_id)
    running = [await answer(db, user_id, deleted) for _ in range(2)]
    ended = await answer(db, user_id, deleted, "complete")
    elsewhere = await answer(db, user_id, other)
    await db.execute("listen deeper")
    assert await conversations.delete(deleted.id, user_id)
    told = [notify.payload async for notify in db.notifies(timeout=10, stop_after=2)]
    assert sorted(told) == sorted(f"c:{each}" for each in running)
    rows = await (
        await db.execute("select id, cancel_requested_at is not null, message_id is null from generations")
    ).fetchall()
    assert {row[0]: row[1:] for row in rows} == {
        running[0]: (True, True),
        running[1]: (True, True),
        ended: (False, True),
        elsewhere: (False, False),
    }
    left = await (await db.execute("select distinct conversation_id from messages")).fetchall()
    assert left == [(other.id,)]


async def test_nothing_is_cancelled_by_somebody_else(
    conversations: ConversationStore, db: psycopg.AsyncConnection, user_id: UserId
):
    conversation = await make(conversations, user_id)
    await answer(db, user_id, conversation)
    assert not await conversations.delete(conversation.id, UserId(new_id()))
    row = await (await db.execute("select cancel_requested_at, message_id is null from generations")).fetchone()
    assert row == (None, False)


async def test_an_answer_that_begins_while_its_conversation_is_deleted_is_cancelled_too(
    conversations: ConversationStore, db: psycopg.AsyncConnection, user_id: UserId, database_url: str
):
    conversation = await make(conversations, user_id)
    async with await psycopg.AsyncConnection.connect(database_url) as beginning:
        generation_id = await answer(beginning, user_id, conversation)
        deleting = asyncio.create_task(conversations.delete(conversation.id, user_id))
        await until_somebody_waits(db)
        await beginning.commit()
    assert await deleting
    row = await (
        await db.execute("select cancel_requested_at is not null from generations where id = %s", [generation_id])
    ).fetchone()
    assert row == (True,)


async def until_somebody_waits(db: psycopg.AsyncConnection) -> None:
    """Return once a statement waits for a lock."""
    async with asyncio.timeout(10):
        while True:
            row = await (await db.execute("select count(*) from pg_locks where not granted")).fetchone()
            if row != (0,):
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("archived", [False, True])
async def test_the_list_is_read_from_its_index(db: psycopg.AsyncConnection, user_id: UserId, mode: str, archived: bool):
    await db.execute(
        "insert into conversations (id, user_id, archived_at) "
        "select gen_random_uuid(), %s, case when n %% 2 = 0 then now() end from generate_series(1, 3000) as n",
        [user_id],
    )
    await db.execute("analyze conversations")
    await db.execute("select set_config('plan_cache_mode', %s, false)", [mode])
    values = {"user_id": user_id, "archived": archived, "active_at": None, "id": None, "limit": 51}
    cursor = await db.execute("explain " + ConversationStore._LIST, values, prepare=True)
    plan = "\n".join(row[0] for row in await cursor.fetchall())
    assert "Index Scan using conversations_user_id_active_at_idx" in plan
    assert "Sort" not in plan
    assert "ROW(active_at, id) <" in plan.partition("Index Cond")[2].partition("\n")[0]
