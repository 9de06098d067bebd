"""Rows of the ledger, written behind the API."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

import psycopg

from deeper_core import UserId, new_id

# What the constraints of the table want of each state.
_INSERT = """
    insert into generations (id, user_id, runner_id, purpose, model, state, created_at, ended_at, finish_reason, error,
                             prompt_tokens, completion_tokens, estimated)
    values (%(id)s, %(user_id)s, %(runner_id)s, %(purpose)s, %(model)s, %(state)s, %(created_at)s,
            case when %(state)s <> 'running' then %(created_at)s end,
            case when %(state)s in ('complete', 'cancelled') then 'stop' end,
            case when %(state)s in ('failed', 'interrupted') then '{}'::jsonb end,
            %(prompt_tokens)s, %(completion_tokens)s, %(estimated)s)
"""


@dataclass(frozen=True)
class Entry:
    """A generation, as far as the ledger is concerned."""

    created_at: datetime
    model: str = "llama"
    state: str = "complete"
    purpose: str = "chat"
    prompt_tokens: int = 10
    completion_tokens: int = 20
    estimated: bool = False


def enter(database_url: str, user_id: UserId, entries: Iterable[Entry]) -> None:
    """Write ``entries`` into the ledger of a user."""
    rows = [asdict(entry) | {"id": new_id(), "user_id": user_id, "runner_id": new_id()} for entry in entries]
    with psycopg.connect(database_url) as database, database.cursor() as cursor:
        cursor.executemany(_INSERT, rows)
