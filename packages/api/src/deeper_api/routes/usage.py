"""GET /v1/usage: what the caller asked of the models, day by day."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.openapi.spec.enums import OpenAPIFormat
from litestar.params import QueryParameter, SkipValidation
from msgspec import Struct, field

from deeper_api.providers.callers import Caller
from deeper_api.routes.parameters import parsed, refusal
from deeper_api.store.usages import DailyUsage, Totals, UsageStore, total

_DAYS = 30  # where it is not said from when
_MAX_DAYS = 366  # a leap year

FirstDay = Annotated[
    str | None,
    QueryParameter(
        name="from",
        format=OpenAPIFormat.DATE,
        description=f"First day, in UTC; left out, the one with which there are {_DAYS} days.",
    ),
]
LastDay = Annotated[
    str | None,
    QueryParameter(
        name="to",
        format=OpenAPIFormat.DATE,
        description=f"Last day, in UTC; left out, today. There are {_MAX_DAYS} days at most.",
    ),
]


class UsageView(Struct, frozen=True, kw_only=True):
    """What was used from one day to another, both included.

    Only what has ended is counted. ``items`` has the newest day first, and no row for a day without requests.
    """

    first: date = field(name="from")
    last: date = field(name="to")
    items: Sequence[DailyUsage]
    totals: Totals


@get("/v1/usage", operation_id="getUsage", tags=["usage"])
async def get_usage(
    caller: NamedDependency[Caller],
    usages: NamedDependency[SkipValidation[UsageStore]],
    first: FirstDay = None,
    last: LastDay = None,
) -> UsageView:
    """Return requests and tokens by day and model."""
    start, end = period(day("from", first), day("to", last), today=datetime.now(UTC).date())
    items = await usages.sum_by_day(caller.user_id, start, end)
    return UsageView(first=start, last=end, items=items, totals=total(items))


def day(parameter: str, text: str | None) -> date | None:
    """Return the day that a parameter names.

    Raises:
        ValidationFailed: it names none.
    """
    return parsed(parameter, text, date, "Expected a day such as 2026-01-31")


def period(first: date | None, last: date | None, *, today: date) -> tuple[date, date]:
    """Return the first and the last day of what is asked for.

    Raises:
        ValidationFailed: there are none between them, or too many.
    """
    end = last or today
    # Days are counted from the first of year 1; before that there are none.
    start = first or date.fromordinal(max(end.toordinal() - _DAYS + 1, 1))
    if start > end:
        raise refusal("from", "Expected a day that is not after the last")
    if end - start >= timedelta(days=_MAX_DAYS):
        raise refusal("from", f"Expected a day at most {_MAX_DAYS - 1} days before the last")
    return start, end
