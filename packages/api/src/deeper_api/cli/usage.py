"""``deeper usage``: what everybody asked of the models."""

# click leaves the types of its decorators open:
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, cast, get_args

import rich_click as click

from deeper_api.cli.databases import data_dir_option
from deeper_api.cli.operations import Desk, at_desk, json_option, show_rows
from deeper_api.store.usages import Dimension, UsageQuestion, UsageRow

_DAYS: Final = 30
_MOST: Final = 100_000
_DAY: Final = click.DateTime(["%Y-%m-%d"])


@click.command("usage")
@click.option("--from", "first", type=_DAY, help=f"First day, in UTC.  [default: {_DAYS - 1} days before the last]")
@click.option("--to", "last", type=_DAY, help="Last day, in UTC.  [default: today]")
@click.option(
    "--by", multiple=True, type=click.Choice(get_args(Dimension)), help="What to tell apart.  [default: user, model]"
)
@click.option("--email", help="Only of this user.")
@click.option("--model", help="Only of this model.")
@json_option
@data_dir_option
def command(
    first: datetime | None,
    last: datetime | None,
    *,
    by: Sequence[str],
    email: str | None,
    model: str | None,
    as_json: bool,
    data_dir: Path,
) -> None:
    """Print requests and tokens that models have read and written, with tabs between the columns.

    Who or what used most comes first; where days are told apart, the newest.
    """
    end = datetime.now(UTC).date() if last is None else last.date()
    start = _before(end) if first is None else first.date()
    dimensions = cast("Sequence[Dimension]", by or ("user", "model"))

    async def find(desk: Desk) -> list[UsageRow]:
        user_id = None if email is None else await desk.user_id(email)
        question = UsageQuestion(first=start, last=end, by=dimensions, user_id=user_id, model=model)
        return await desk.usages.sum_of_all(question, limit=_MOST)

    rows = at_desk(data_dir, find)
    if "day" not in dimensions:
        rows.sort(key=lambda row: row.prompt_tokens + row.completion_tokens, reverse=True)
    names = {"day": "day", "user": "email", "model": "model"}
    columns = [names[each] for each in get_args(Dimension) if each in dimensions]
    show_rows(rows, [*columns, "requests", "prompt_tokens", "completion_tokens", "failed_requests"], as_json=as_json)


def _before(end: date) -> date:
    return end - timedelta(days=_DAYS - 1)
