"""`AuditStore` on a real database."""

import asyncio
from datetime import timedelta

import psycopg
import pytest

from deeper_api.store.audits import AuditKind, AuditStore, NewEvent
from deeper_api.store.pool import Pool
from deeper_core import DatabaseUnavailable, UserId, new_id
from tests.api.stores import open_pool
from tests.fixtures.postgres import OwnPostgres

AGE = timedelta(days=180)
ALICE, BOB = UserId(new_id()), UserId(new_id())


@pytest.fixture
def store(pool: Pool) -> AuditStore:
    return AuditStore(pool)


def event(
    kind: AuditKind = AuditKind.LOGGED_IN,
    actor: UserId | None = ALICE,
    subject: UserId | None = ALICE,
    **details: object,
) -> NewEvent:
    return NewEvent(
        id=new_id(),
        kind=kind,
        actor_id=actor,
        subject_id=subject,
        ip_address="2001:db8::1",
        user_agent="a browser",
        details=details,
    )


async def add(store: AuditStore, *events: NewEvent) -> None:
    for each in events:
        await store.add(each)


@pytest.mark.parametrize("kind", AuditKind)
async def test_an_event_of_any_kind_comes_back_as_it_was_noted(store: AuditStore, kind: AuditKind):
    new = event(kind, None, BOB, session_id="x", count=3, scopes=("chat", "read"))
    await add(store, new)
    (kept,) = await store.list_page(limit=10)
    assert (kept.id, kept.kind, kept.actor_id, kept.subject_id) == (new.id, kind, None, BOB)
    assert (kept.ip_address, kept.user_agent) == ("2001:db8::1", "a browser")
    assert kept.details == {"session_id": "x", "count": 3, "scopes": ["chat", "read"]}
    assert kept.at.tzinfo is not None


async def test_the_newest_come_first_and_a_page_goes_on_where_the_one_before_ended(store: AuditStore):
    events = [event() for _ in range(5)]
    await add(store, *events)
    newest = [each.id for each in reversed(events)]
    first = await store.list_page(limit=3)
    second = await store.list_page(limit=3, before=first[-1].id)
    assert [[each.id for each in page] for page in (first, second)] == [newest[:3], newest[3:]]


async def test_events_are_found_by_kind_and_by_who_did_or_met_them(store: AuditStore):
    mine, his, done_to_him, nobodys = (
        event(AuditKind.LOGGED_IN, ALICE, ALICE),
        event(AuditKind.LOGGED_IN, BOB, BOB),
        event(AuditKind.ROLE_CHANGED, ALICE, BOB),
        event(AuditKind.LOGIN_FAILED, None, None),
    )
    await add(store, mine, his, done_to_him, nobodys)

    async def found(kind: AuditKind | None = None, user_id: UserId | None = None) -> list[object]:
        return [each.id for each in await store.list_page(limit=10, kind=kind, user_id=user_id)]

    assert await found(kind=AuditKind.LOGGED_IN) == [his.id, mine.id]
    assert await found(user_id=ALICE) == [done_to_him.id, mine.id]
    assert await found(user_id=BOB) == [done_to_him.id, his.id]
    assert await found(AuditKind.LOGGED_IN, BOB) == [his.id]
    assert await found(user_id=UserId(new_id())) == []


async def test_old_events_are_forgotten(store: AuditStore, database_url: str):
    old, new = event(), event()
    await add(store, old, new)
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("update audit_events set at = now() - interval '180 days' where id = %s", [old.id])
    assert await store.forget(AGE, most=10) == 1
    assert [each.id for each in await store.list_page(limit=10)] == [new.id]


async def test_of_each_kind_the_newest_are_kept_and_no_kind_drives_out_another(store: AuditStore):
    failures = [event(AuditKind.LOGIN_FAILED, None, BOB) for _ in range(7)]
    others = [event(AuditKind.LOGGED_IN), event(AuditKind.ROLE_CHANGED), event(AuditKind.LOGGED_IN)]
    await add(store, others[0], *failures[:4], others[1], *failures[4:], others[2])
    assert await store.forget(AGE, most=3) == 4
    assert await store.forget(AGE, most=3) == 0
    kept = {each.id for each in await store.list_page(limit=100)}
    assert kept == {each.id for each in [*others, *failures[-3:]]}


async def test_without_its_database_every_method_says_so(own_postgres: OwnPostgres):
    own_postgres.stop()
    async with open_pool(own_postgres.url) as pool:
        store = AuditStore(pool)
        outcomes = await asyncio.gather(
            store.add(event()), store.list_page(limit=1), store.forget(AGE, most=10), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 3
