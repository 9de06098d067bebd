"""What runs now, of everybody, on every process."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from psycopg.rows import dict_row

from deeper_api.store.generation_rows import State
from deeper_api.store.pool import Pool, connection
from deeper_core import GenerationId, UserId


class RunningOfSomebody(Struct, frozen=True, kw_only=True):
    """A running generation, without anything of what is asked and answered.

    ``prompt_tokens`` is an estimate, ``completion_tokens`` what was written down of it so far. ``position`` is its
    place in the line as of a second ago, null when it does not wait. ``title``, as ``purpose``, is the name that the
    model gives to a conversation. ``runner_id`` is the process.
    """

    id: GenerationId
    user_id: UserId
    email: str
    model: str
    purpose: Literal["chat", "title"]
    created_at: datetime
    runner_id: UUID
    cancel_requested_at: datetime | None
    prompt_tokens: int
    completion_tokens: int
    position: int | None


class WhoseGeneration(Struct, frozen=True, kw_only=True):
    """Whose a generation is, what for, and how far."""

    id: GenerationId
    user_id: UserId
    purpose: Literal["chat", "title"]
    state: State


class OverviewStore:
    """Looks at all that runs. Every method raises DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    _LIST = """
        select
            generations.id, generations.user_id, users.email, generations.model, generations.purpose,
            generations.created_at, generations.runner_id, generations.cancel_requested_at, generations.prompt_tokens,
            (
                select coalesce(sum(tokens), 0)::bigint from generation_chunks where generation_id = generations.id
            ) as completion_tokens,
            (runners.waiting ->> generations.id::text)::integer as position
        from generations
        join users on users.id = generations.user_id
        left join runners on runners.id = generations.runner_id
        where generations.state = 'running'
          and (%(before)s::uuid is null or generations.id < %(before)s)
          and (%(user_id)s::uuid is null or generations.user_id = %(user_id)s)
          and (%(model)s::text is null or generations.model = %(model)s)
        order by generations.id desc
        limit %(limit)s
    """

    async def list_page(
        self,
        *,
        limit: int,
        before: GenerationId | None = None,
        user_id: UserId | None = None,
        model: str | None = None,
    ) -> list[RunningOfSomebody]:
        """Return the newest running generations before ``before``: all, or those of a user, or of a model."""
        values = {"limit": limit, "before": before, "user_id": user_id, "model": model}
        async with connection(self._pool) as lent, lent.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self._LIST, values)
            return [msgspec.convert(row, RunningOfSomebody) for row in await cursor.fetchall()]

    _FIND = """
        select id, user_id, purpose, state
        from generations
        where id = %(id)s
    """

    async def find(self, generation_id: GenerationId) -> WhoseGeneration | None:
        """Return whose a generation is, whether or not it runs."""
        async with connection(self._pool) as lent, lent.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(self._FIND, {"id": generation_id})
            row = await cursor.fetchone()
        return None if row is None else msgspec.convert(row, WhoseGeneration)

    # As in `GenerationStore`, for whichever process runs it, and whoever asked.
    _REQUEST_CANCEL = """
        with wanted as (
            update generations
            set cancel_requested_at = coalesce(cancel_requested_at, now())
            where id = %(id)s and state = 'running'
            returning id
        )
        select pg_notify('deeper', 'c:' || id::text) from wanted
    """

    async def request_cancel(self, generation_id: GenerationId) -> None:
        """Tell whichever process runs it that this generation is to be stopped."""
        async with connection(self._pool) as lent:
            await lent.execute(self._REQUEST_CANCEL, {"id": generation_id})
