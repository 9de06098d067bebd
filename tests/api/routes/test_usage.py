"""GET /v1/usage."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from deeper_api.routes.usage import period
from deeper_core import UserId
from tests.api.ledgers import Entry, enter
from tests.api.shapes import require_error
from tests.fakes.asgi import AsgiClient
from tests.fakes.exchanges import Account, sign_up

USAGE = "/v1/usage"
NOTHING = {
    "requests": 0,
    "prompt_tokens": 0,
    "completion_tokens": 0,
    "estimated_requests": 0,
    "failed_requests": 0,
}
TODAY = date(2026, 6, 15)


def user_id(account: Account) -> UserId:
    return UserId(UUID(account.user["id"]))


async def test_requests_and_tokens_are_told_by_day_and_model_with_their_totals(account: Account, accounts_url: str):
    first, second = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC)
    entries = [
        Entry(first, "llama"),
        Entry(second, "gemma", prompt_tokens=1, completion_tokens=2, estimated=True),
        Entry(second, "gemma", state="failed", prompt_tokens=3, completion_tokens=0, estimated=True),
    ]
    enter(accounts_url, user_id(account), entries)
    reply = await account.client.get(f"{USAGE}?from=2026-03-01&to=2026-03-02")
    gemma = {
        "requests": 2,
        "prompt_tokens": 4,
        "completion_tokens": 2,
        "estimated_requests": 2,
        "failed_requests": 1,
    }
    llama = {
        "requests": 1,
        "prompt_tokens": 10,
        "completion_tokens": 20,
        "estimated_requests": 0,
        "failed_requests": 0,
    }
    assert (reply.status, reply.json()) == (
        200,
        {
            "from": "2026-03-01",
            "to": "2026-03-02",
            "items": [
                {"day": "2026-03-02", "model": "gemma", **gemma},
                {"day": "2026-03-01", "model": "llama", **llama},
            ],
            "totals": {name: gemma[name] + llama[name] for name in gemma},
        },
    )


async def test_nobody_sees_what_others_used(client: AsgiClient, account: Account, accounts_url: str):
    enter(accounts_url, user_id(await sign_up(client)), [Entry(datetime.now(UTC))])
    reply = await account.client.get(USAGE)
    assert (reply.json()["items"], reply.json()["totals"]) == ([], NOTHING)


async def test_without_a_period_it_is_that_of_the_last_thirty_days(account: Account):
    before = datetime.now(UTC).date()
    given = (await account.client.get(USAGE)).json()
    first, last = date.fromisoformat(given["from"]), date.fromisoformat(given["to"])
    assert before <= last <= datetime.now(UTC).date()
    assert last - first == timedelta(days=29)


@pytest.mark.parametrize("parameter", ["from", "to"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "null",
        "0",
        "1700000000",
        "20260101",
        "2026-1-1",
        "2026-02-30",
        "2026-W01-1",
        "0000-01-01",
        "10000-01-01",
        "-001-01-01",
        "2026-01-01Z",
        "2026-01-01T00:00:00Z",
        "%202026-01-01",
        "2026-01-01%00",
        "%00",
        "%FF",
        "%D9%A2026-01-01",
    ],
)
async def test_what_is_no_day_is_refused_by_the_name_of_its_parameter(account: Account, parameter: str, text: str):
    reply = await account.client.get(f"{USAGE}?{parameter}={text}")
    details = [{"message": "Expected a day such as 2026-01-31", "field": parameter}]
    require_error(reply, 422, "validation_failed", details=details)


async def test_a_period_that_ends_before_it_begins_is_refused(account: Account):
    reply = await account.client.get(f"{USAGE}?from=2026-03-02&to=2026-03-01")
    details = [{"message": "Expected a day that is not after the last", "field": "from"}]
    require_error(reply, 422, "validation_failed", details=details)


async def test_a_period_of_366_days_is_the_longest(account: Account):
    assert (await account.client.get(f"{USAGE}?from=2024-01-01&to=2024-12-31")).status == 200
    reply = await account.client.get(f"{USAGE}?from=2024-01-01&to=2025-01-01")
    details = [{"message": "Expected a day at most 365 days before the last", "field": "from"}]
    require_error(reply, 422, "validation_failed", details=details)


@pytest.mark.parametrize("query", ["to=0001-01-01", "to=9999-12-31", "from=9999-12-31&to=9999-12-31"])
async def test_the_ends_of_the_calendar_are_days_like_others(account: Account, query: str):
    reply = await account.client.get(f"{USAGE}?{query}")
    assert (reply.status, reply.json()["items"]) == (200, [])


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (None, None, (date(2026, 5, 17), TODAY)),
        (date(2026, 6, 1), None, (date(2026, 6, 1), TODAY)),
        (None, date(2026, 3, 30), (date(2026, 3, 1), date(2026, 3, 30))),
        (TODAY, TODAY, (TODAY, TODAY)),
        (None, date(1, 1, 3), (date(1, 1, 1), date(1, 1, 3))),
    ],
)
def test_a_day_that_is_not_given_follows_from_the_other(
    first: date | None, last: date | None, found: tuple[date, date]
):
    assert period(first, last, today=TODAY) == found
