"""Sums over the ledger: what each user asked of which model on which day."""

from collections.abc import Collection
from datetime import date
from typing import Literal
from uuid import UUID

from msgspec import Struct
from psycopg.rows import class_row

from deeper_api.store.pool import Pool, connection
from deeper_core import UserId


class Totals(Struct, frozen=True, kw_only=True):
    """What requests took together, those included that ended badly.

    ``estimated_requests`` are those whose tokens are our own count, ``failed_requests`` those that ended with an error.
    """

    requests: int
    prompt_tokens: int
    completion_tokens: int
    estimated_requests: int
    failed_requests: int


class DailyUsage(Totals, frozen=True, kw_only=True):
    """What one model took on one day of UTC."""

    day: date
    model: str


Dimension = Literal["day", "user", "model"]


class UsageRow(Totals, frozen=True, kw_only=True):
    """What was used of one model by one user on one day of UTC; null is what was not told apart."""

    day: date | None
    user_id: UUID | None
    email: str | None
    model: str | None


class UsageQuestion(Struct, frozen=True, kw_only=True):
    """What of everybody's usage is to be summed up: from one day to another, of one user or model, and ``by`` what."""

    first: date
    last: date
    by: Collection[Dimension]
    user_id: UserId | None = None
    model: str | None = None

    def values(self) -> dict[str, object]:
        """Return it as parameters of a query."""
        return {
            "first": self.first,
            "last": self.last,
            "by_day": "day" in self.by,
            "by_user": "user" in self.by,
            "by_model": "model" in self.by,
            "user_id": self.user_id,
            "model": self.model,
        }


class UsagePlace(Struct, frozen=True, kw_only=True):
    """Where a list of `UsageRow` goes on: behind this row."""

    day: date | None
    user_id: UUID | None
    model: str | None


class UsageStore:
    """Reads what was used. Every method raises DatabaseUnavailable if the database does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # The sum of bigints is a numeric, which would arrive as a Decimal.
    _SUM_BY_DAY = """
        select (created_at at time zone 'utc')::date as day,
               model,
               count(*) as requests,
               sum(prompt_tokens)::bigint as prompt_tokens,
               sum(completion_tokens)::bigint as completion_tokens,
               count(*) filter (where estimated) as estimated_requests,
               count(*) filter (where error is not null) as failed_requests
        from generations
        where user_id = %(user_id)s
          and created_at >= %(first)s::date::timestamp at time zone 'utc'
          and created_at < (%(last)s::date + 1)::timestamp at time zone 'utc'
          and state <> 'running'
        group by day, model
        order by day desc, model
    """

    async def sum_by_day(self, user_id: UserId, first: date, last: date) -> list[DailyUsage]:
        """Return what has ended of that which was asked from ``first`` to ``last``, the newest day first."""
        values = {"user_id": user_id, "first": first, "last": last}
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(DailyUsage)) as cursor:
            await cursor.execute(self._SUM_BY_DAY, values)
            return await cursor.fetchall()

    # What is not told apart is null, which stands behind everything: such as the first day, and the id of nobody.
    _SUM_OF_ALL = """
        with told_apart as (
            select case when %(by_day)s then (created_at at time zone 'utc')::date end as day,
                   case when %(by_user)s then user_id end as user_id,
                   case when %(by_model)s then model end as model,
                   prompt_tokens, completion_tokens, estimated, error
            from generations
            where created_at >= %(first)s::date::timestamp at time zone 'utc'
              and created_at < (least(%(last)s::date, coalesce(%(before_day)s::date, %(last)s::date)) + 1)::timestamp
                  at time zone 'utc'
              and state <> 'running'
              and (%(user_id)s::uuid is null or user_id = %(user_id)s)
              and (%(model)s::text is null or model = %(model)s)
        ),
        sums as (
            select day, user_id, model,
                   count(*) as requests,
                   sum(prompt_tokens)::bigint as prompt_tokens,
                   sum(completion_tokens)::bigint as completion_tokens,
                   count(*) filter (where estimated) as estimated_requests,
                   count(*) filter (where error is not null) as failed_requests
            from told_apart
            where not %(goes_on)s
               or (coalesce(day, '0001-01-01'), coalesce(user_id, %(nobody)s), coalesce(model, ''))
                < (coalesce(%(before_day)s::date, '0001-01-01'), coalesce(%(before_user)s::uuid, %(nobody)s),
                   coalesce(%(before_model)s::text, ''))
            group by day, user_id, model
            order by day desc, user_id desc, model desc
            limit %(limit)s
        )
        select sums.*, users.email
        from sums
        left join users on users.id = sums.user_id
        order by day desc, user_id desc, model desc
    """

    async def sum_of_all(
        self, question: UsageQuestion, *, limit: int, after: UsagePlace | None = None
    ) -> list[UsageRow]:
        """Return what everybody used: the newest day first, on each the newest users, of each the models backwards."""
        values = question.values() | {
            "limit": limit,
            "goes_on": after is not None,
            "before_day": after and after.day,
            "before_user": after and after.user_id,
            "before_model": after and after.model,
            "nobody": UUID(int=0),
        }
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(UsageRow)) as cursor:
            await cursor.execute(self._SUM_OF_ALL, values)
            return await cursor.fetchall()

    _TOTAL_OF_ALL = """
        select count(*) as requests,
               coalesce(sum(prompt_tokens), 0)::bigint as prompt_tokens,
               coalesce(sum(completion_tokens), 0)::bigint as completion_tokens,
               count(*) filter (where estimated) as estimated_requests,
               count(*) filter (where error is not null) as failed_requests
        from generations
        where created_at >= %(first)s::date::timestamp at time zone 'utc'
          and created_at < (%(last)s::date + 1)::timestamp at time zone 'utc'
          and state <> 'running'
          and (%(user_id)s::uuid is null or user_id = %(user_id)s)
          and (%(model)s::text is null or model = %(model)s)
    """

    async def total_of_all(self, question: UsageQuestion) -> Totals:
        """Return what everybody used in all."""
        async with connection(self._pool) as conn, conn.cursor(row_factory=class_row(Totals)) as cursor:
            await cursor.execute(self._TOTAL_OF_ALL, question.values())
            row = await cursor.fetchone()
        if row is None:
            raise AssertionError("an aggregate has a row")
        return row


def total(usages: list[DailyUsage]) -> Totals:
    """Return what all of them took together."""
    return Totals(
        requests=sum(each.requests for each in usages),
        prompt_tokens=sum(each.prompt_tokens for each in usages),
        completion_tokens=sum(each.completion_tokens for each in usages),
        estimated_requests=sum(each.estimated_requests for each in usages),
        failed_requests=sum(each.failed_requests for each in usages),
    )
