"""GET /v1/admin/usage: what everybody asked of the models."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Final, cast, get_args
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation
from msgspec import Struct, field

from deeper_api.providers.callers import Person
from deeper_api.routes.admin_generations import MODEL_CHARACTERS, OfModel, OfUser
from deeper_api.routes.pages import CursorText, Limit, UsageCursor, decode_cursor, encode_cursor
from deeper_api.routes.parameters import parsed, plain, refusal
from deeper_api.routes.usage import FirstDay, LastDay, day, period
from deeper_api.store.usages import Dimension, Totals, UsagePlace, UsageQuestion, UsageRow, UsageStore
from deeper_core import UserId

_DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
_WORD: Final = "|".join(_DIMENSIONS)

By = Annotated[
    str,
    QueryParameter(
        description="What is told apart: words out of day, user and model, with commas between them.",
        schema_extra={"pattern": f"^({_WORD})(,({_WORD})){{0,2}}$"},
    ),
]


class UsageReport(Struct, frozen=True, kw_only=True):
    """What was used from one day to another, both included; only what has ended is counted.

    ``totals`` are of all pages. The newest day is first, on each day the newest user.
    """

    first: date = field(name="from")
    last: date = field(name="to")
    items: Sequence[UsageRow]
    totals: Totals
    cursor: str | None


@get("/usage", operation_id="getUsageOfAll")
async def get_usage_of_all(  # noqa: PLR0913, PLR0917  - parameters of the query
    admin: NamedDependency[Person],  # noqa: ARG001  - asking is requiring
    usages: NamedDependency[SkipValidation[UsageStore]],
    first: FirstDay = None,
    last: LastDay = None,
    by: By = "day,user,model",
    user_id: OfUser = None,
    model: OfModel = None,
    cursor: CursorText = None,
    limit: Limit = 50,
) -> UsageReport:
    """Return requests and tokens of everybody, by day, user and model, or some of these."""
    start, end = period(day("from", first), day("to", last), today=datetime.now(UTC).date())
    place = decode_cursor(cursor, UsageCursor)
    account = parsed("user_id", user_id, UUID, "Expected the id of a user")
    question = UsageQuestion(
        first=start,
        last=end,
        by=_dimensions(by),
        user_id=None if account is None else UserId(account),
        model=plain("model", model, MODEL_CHARACTERS),
    )
    after = place and UsagePlace(day=place.day, user_id=place.user_id, model=place.model)
    rows = await usages.sum_of_all(question, limit=limit + 1, after=after)
    return UsageReport(
        first=start,
        last=end,
        items=rows[:limit],
        totals=await usages.total_of_all(question),
        cursor=_behind(rows[limit - 1]) if len(rows) > limit else None,
    )


def _dimensions(text: str) -> frozenset[Dimension]:
    words = text.split(",")
    if len(words) > len(_DIMENSIONS) or not set(words) <= set(_DIMENSIONS):
        raise refusal("by", "Expected words out of day, user and model, with commas between them")
    return frozenset(cast("list[Dimension]", words))


def _behind(row: UsageRow) -> str:
    return encode_cursor(UsageCursor(row.day, row.user_id, row.model))
