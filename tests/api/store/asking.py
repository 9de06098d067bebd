"""Generations to be taken on by a real database, and what it holds of them."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace
from psycopg.rows import dict_row, scalar_row

from deeper_api.chat.pieces import extend
from deeper_api.store.generation_rows import (
    Kind,
    NewGeneration,
    NewMessage,
    Run,
    State,
)
from deeper_api.store.journals import Chunk, End
from deeper_api.store.pool import Pool, connection
from deeper_api.store.users import UserStore
from deeper_auth import parse_email
from deeper_core import (
    ChatRole,
    ConversationId,
    GenerationId,
    MessageId,
    RunnerId,
    Timings,
    ToolCall,
    UserId,
    new_id,
)
from tests.fakes.exchanges import Json

RUNNER = RunnerId(new_id())
HASH = "ab" * 32


async def make_user(pool: Pool) -> UserId:
    user_id = UserId(new_id())
    return (await UserStore(pool).create(user_id, parse_email(f"u-{user_id.hex}@example.com"), "a hash")).id


def unstored(user_id: UserId, *, key: str | None = None, body_hash: str = HASH) -> NewGeneration:
    """An answer that is not kept in a conversation."""
    return NewGeneration(
        id=GenerationId(new_id()),
        user_id=user_id,
        model="m",
        created_at=datetime.now(UTC),
        prompt_tokens=7,
        idempotency_key=key,
        body_hash=None if key is None else body_hash,
    )


def stored(
    user_id: UserId,
    conversation_id: ConversationId | None = None,
    parent_id: MessageId | None = None,
    *,
    text: str = "Hello",
    title: str = "A title",
    key: str | None = None,
) -> NewGeneration:
    """A question and its answer, in a conversation or a new one."""
    new = unstored(user_id, key=key)
    question = NewMessage(
        generation_id=new.id, id=MessageId(new_id()), parent_id=parent_id, role=ChatRole.USER, content=text
    )
    answer = NewMessage(
        generation_id=new.id,
        id=MessageId(new_id()),
        parent_id=question.id,
        role=ChatRole.ASSISTANT,
        state="running",
        model="m",
    )
    return replace(
        new,
        conversation_id=conversation_id or ConversationId(new_id()),
        message_id=answer.id,
        opens=conversation_id is None,
        title=title,
        messages=(question, answer),
    )


def conversation_of(new: NewGeneration) -> ConversationId:
    assert new.conversation_id is not None
    return new.conversation_id


def chunk(new: NewGeneration, position: int, body: str, kind: Kind = "content", tokens: int = 1) -> Chunk:
    return Chunk(generation_id=new.id, position=position, kind=kind, body=body, tokens=tokens)


def end(
    new: NewGeneration,
    content: str = "",
    *,
    position: int = 0,
    length: int | None = None,
    state: State = "complete",
    thinking: str = "",
    runs: Sequence[tuple[Kind, int]] = (),
    tool_calls: tuple[ToolCall, ...] = (),
    prompt_tokens: int | None = 3,
) -> End:
    """The end of a generation of which everything before ``position`` is in the journal."""
    made: list[Run] = []
    for kind, size in runs:
        extend(made, kind, size)
    return End(
        id=new.id,
        state=state,
        position=position,
        length=position + len(content) + len(thinking) if length is None else length,
        runs=tuple(made),
        content=content,
        thinking=thinking,
        tool_calls=tool_calls,
        finish_reason="stop" if state in {"complete", "cancelled"} else None,
        error=None if state in {"complete", "cancelled"} else {"code": "interrupted", "message": "m"},
        prompt_tokens=prompt_tokens,
        completion_tokens=4,
        estimated=False,
        timings=Timings(total_ms=1.5),
        is_message=new.message_id is not None,
    )


async def rows(pool: Pool, query: str, **values: object) -> list[Json]:
    """What a query finds, as objects."""
    async with connection(pool) as lent:
        cursor = lent.cursor(row_factory=dict_row)
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()


async def one(pool: Pool, new: NewGeneration) -> Json:
    """The row of a generation."""
    [row] = await rows(pool, "select * from generations where id = %(id)s", id=new.id)
    return row


async def answer_of(pool: Pool, new: NewGeneration) -> Json:
    """The message that is the answer."""
    [row] = await rows(pool, "select * from messages where id = %(id)s", id=new.message_id)
    return row


async def count(pool: Pool, table: str) -> int:
    async with connection(pool) as lent:
        cursor = lent.cursor(row_factory=scalar_row)
        await cursor.execute(f"select count(*) from {table}".encode())  # noqa: S608  - the name of a table of ours
        return await cursor.fetchone() or 0


async def change(pool: Pool, statement: str, **values: object) -> None:
    """Do what no method does: let time pass, or make a mess."""
    async with connection(pool) as lent:
        await lent.execute(statement.encode(), values)


def runs_of(row: Json) -> list[Run]:
    return msgspec.convert(row["runs"], list[Run])
