from datetime import UTC, date, datetime, timedelta, timezone

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deeper_api.store.pool import Pool
from deeper_api.store.usages import DailyUsage, Totals, UsageStore, total
from deeper_core import UserId
from tests.api.ledgers import Entry, enter
from tests.api.store.asking import make_user

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDED = ["complete", "cancelled", "failed", "interrupted"]


@pytest.fixture
def usages(pool: Pool) -> UsageStore:
    return UsageStore(pool)


def usage(day: date = DAY, model: str = "llama", requests: int = 1, *, estimated: int = 0, failed: int = 0):
    return DailyUsage(
        day=day,
        model=model,
        requests=requests,
        prompt_tokens=10 * requests,
        completion_tokens=20 * requests,
        estimated_requests=estimated,
        failed_requests=failed,
    )


async def test_nothing_was_used_where_nothing_was_asked(usages: UsageStore, user_id: UserId):
    assert await usages.sum_by_day(user_id, date.min, date.max) == []


async def test_days_come_newest_first_and_models_by_name(usages: UsageStore, user_id: UserId, database_url: str):
    rows = [(0, "b"), (1, "a"), (0, "a"), (2, "c"), (0, "b")]
    enter(database_url, user_id, [Entry(NOON + timedelta(days=day), model) for day, model in rows])
    assert await usages.sum_by_day(user_id, DAY, DAY + timedelta(days=9)) == [
        usage(DAY + timedelta(days=2), "c"),
        usage(DAY + timedelta(days=1), "a"),
        usage(DAY, "a"),
        usage(DAY, "b", 2),
    ]


@pytest.mark.parametrize(
    ("created_at", "counts"),
    [
        (datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC), False),
        (datetime(2026, 3, 1, tzinfo=UTC), True),
        (datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC), True),
        (datetime(2026, 3, 2, tzinfo=UTC), False),
        (datetime(2026, 3, 2, 1, tzinfo=timezone(timedelta(hours=2))), True),
    ],
)
async def test_a_day_is_one_of_utc_from_its_first_to_its_last_moment(
    usages: UsageStore, user_id: UserId, database_url: str, created_at: datetime, counts: bool
):
    enter(database_url, user_id, [Entry(created_at)])
    assert await usages.sum_by_day(user_id, DAY, DAY) == ([usage()] if counts else [])


async def test_a_day_is_one_of_utc_also_where_the_database_lives_elsewhere(
    pool: Pool, usages: UsageStore, user_id: UserId, database_url: str
):
    enter(database_url, user_id, [Entry(datetime(2026, 3, 1, 0, 30, tzinfo=UTC))])
    async with pool.connection() as elsewhere, pool.connection() as too:
        for connection in (elsewhere, too):
            await connection.execute("set timezone to 'America/Los_Angeles'")
    assert await usages.sum_by_day(user_id, DAY, DAY) == [usage()]


async def test_what_runs_is_left_out_until_it_ends(usages: UsageStore, user_id: UserId, database_url: str):
    enter(database_url, user_id, [Entry(NOON, state="running"), Entry(NOON)])
    assert await usages.sum_by_day(user_id, DAY, DAY) == [usage()]


async def test_what_failed_or_was_interrupted_counts_and_is_said_to_have_failed(
    usages: UsageStore, user_id: UserId, database_url: str
):
    enter(database_url, user_id, [Entry(NOON, state=state) for state in ENDED])
    assert await usages.sum_by_day(user_id, DAY, DAY) == [usage(requests=4, failed=2)]


async def test_tokens_that_we_counted_ourselves_are_said_to_be_estimated(
    usages: UsageStore, user_id: UserId, database_url: str
):
    enter(database_url, user_id, [Entry(NOON, estimated=estimated) for estimated in (True, False, True)])
    assert await usages.sum_by_day(user_id, DAY, DAY) == [usage(requests=3, estimated=2)]


async def test_the_making_of_titles_counts(usages: UsageStore, user_id: UserId, database_url: str):
    enter(database_url, user_id, [Entry(NOON, purpose="title")])
    assert await usages.sum_by_day(user_id, DAY, DAY) == [usage()]


async def test_nobody_sees_what_others_used(pool: Pool, usages: UsageStore, user_id: UserId, database_url: str):
    enter(database_url, await make_user(pool), [Entry(NOON)])
    assert await usages.sum_by_day(user_id, DAY, DAY) == []


def test_nothing_makes_a_total_of_nothing():
    assert total([]) == Totals(
        requests=0, prompt_tokens=0, completion_tokens=0, estimated_requests=0, failed_requests=0
    )


# Counts near the largest that one row can hold are left to the database, which adds them without loss.
_ENTRIES = st.builds(
    Entry,
    created_at=st.datetimes(
        datetime(2026, 2, 27),  # noqa: DTZ001  - hypothesis wants it so, and adds the zone
        datetime(2026, 3, 5),  # noqa: DTZ001  - likewise
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-11)), timezone(timedelta(hours=14))]),
    ),
    model=st.sampled_from(["llama", "Llama", "gemma:2b", "模型"]),
    state=st.sampled_from([*ENDED, "running"]),
    purpose=st.sampled_from(["chat", "title"]),
    prompt_tokens=st.integers(0, 2**40),
    completion_tokens=st.integers(0, 2**40),
    estimated=st.booleans(),
)


def folded(entries: list[Entry], first: date, last: date) -> list[DailyUsage]:
    """What the store is to return, found in another way."""
    ended = [(entry.created_at.astimezone(UTC).date(), entry) for entry in entries if entry.state != "running"]
    keys = {(day, entry.model) for day, entry in ended if first <= day <= last}
    sums: list[DailyUsage] = []
    for day, model in sorted(keys, key=lambda key: (-key[0].toordinal(), key[1].encode())):
        own = [entry for at, entry in ended if (at, entry.model) == (day, model)]
        sums.append(
            DailyUsage(
                day=day,
                model=model,
                requests=len(own),
                prompt_tokens=sum(entry.prompt_tokens for entry in own),
                completion_tokens=sum(entry.completion_tokens for entry in own),
                estimated_requests=sum(entry.estimated for entry in own),
                failed_requests=sum(entry.state in {"failed", "interrupted"} for entry in own),
            )
        )
    return sums


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has a user of its own
)
@given(
    entries=st.lists(_ENTRIES, max_size=25),
    first=st.dates(date(2026, 2, 26), date(2026, 3, 3)),
    days=st.integers(0, 5),
)
async def test_the_sums_are_those_of_the_rows(
    pool: Pool, usages: UsageStore, database_url: str, entries: list[Entry], first: date, days: int
):
    user_id, last = await make_user(pool), first + timedelta(days=days)
    enter(database_url, user_id, entries)
    found = await usages.sum_by_day(user_id, first, last)
    assert found == folded(entries, first, last)
    assert total(found).requests == sum(each.requests for each in found)
    assert total(found).prompt_tokens == sum(each.prompt_tokens for each in found)


async def test_only_the_days_of_the_user_that_are_asked_for_are_read(pool: Pool, user_id: UserId, database_url: str):
    for each in (user_id, await make_user(pool)):
        enter(database_url, each, [Entry(NOON - timedelta(hours=hour)) for hour in range(2_000)])
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("analyze generations")
        values = {"user_id": user_id, "first": DAY, "last": DAY}
        plan = "\n".join(
            line for (line,) in database.execute(b"explain " + UsageStore._SUM_BY_DAY.encode(), values).fetchall()
        )
    assert "generations_user_id_created_at_idx" in plan
    assert "created_at >=" in plan.partition("Index Cond")[2].partition("\n")[0]
