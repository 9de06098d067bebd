"""Sums over the ledger: what each user asked of which model on which day."""

from datetime import date

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


def total(usages: list[DailyUsage]) -> Totals:
    """Return what all of them took together."""
    return Totals(
        requests=sum(each.requests for each in usages),
        prompt_tokens=sum(each.prompt_tokens for each in usages),
        completion_tokens=sum(each.completion_tokens for each in usages),
        estimated_requests=sum(each.estimated_requests for each in usages),
        failed_requests=sum(each.failed_requests for each in usages),
    )
