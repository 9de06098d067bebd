"""The pool while the database is well, restarted, down and frozen."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import sql

from deeper_api.store import pool as pools
from deeper_api.store.pool import Pool, connection, ping
from deeper_core import DatabaseUnavailable, ErrorCode
from tests.api.stores import open_pool
from tests.fixtures.postgres import OwnPostgres


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, max_size=2) as pool:
        yield pool


async def setting(pool: Pool, name: str) -> str:
    async with connection(pool) as lent:
        cursor = await lent.execute("select current_setting(%s)", [name])
        return str((await cursor.fetchone() or ("",))[0])


async def eventually_answers(pool: Pool) -> None:
    async with asyncio.timeout(30):
        while not await ping(pool, 1):
            pass


async def until_sleeping(observer: psycopg.AsyncConnection) -> None:
    sleeping = "select true from pg_stat_activity where state = 'active' and wait_event = 'PgSleep'"
    async with asyncio.timeout(10):
        while not await (await observer.execute(sleeping)).fetchone():
            pass


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement_timeout", "10s"),
        ("lock_timeout", "3s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("client_connection_check_interval", "5s"),
        ("application_name", "deeper-api"),
    ],
)
async def test_each_session_is_limited_by_the_server(pool: Pool, name: str, value: str):
    assert await setting(pool, name) == value


async def test_each_statement_is_a_transaction_of_its_own(pool: Pool):
    async with connection(pool) as lent:
        assert lent.autocommit


async def test_a_transaction_that_fails_leaves_nothing(pool: Pool):
    async def fail() -> None:
        async with connection(pool) as lent, lent.transaction():
            await lent.execute("create table made (id int)")
            await lent.execute("select 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        await fail()
    async with connection(pool) as lent:
        cursor = await lent.execute("select to_regclass('made') is null")
        assert await cursor.fetchone() == (True,)


async def test_a_time_limit_of_the_server_is_unavailability(pool: Pool):
    async def sleep() -> None:
        async with connection(pool) as lent:
            await lent.execute("set statement_timeout = '20ms'")
            await lent.execute("select pg_sleep(10)")

    with pytest.raises(DatabaseUnavailable) as caught:
        await sleep()
    assert caught.value.retry_after == 1


async def test_losing_the_connection_in_mid_statement_is_unavailability(pool: Pool):
    with pytest.raises(DatabaseUnavailable):
        async with connection(pool) as lent:
            await lent.execute("select pg_terminate_backend(pg_backend_pid())")
    assert await setting(pool, "application_name") == "deeper-api"


async def test_why_the_database_is_unavailable_is_said_now_and_then(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async def sleep() -> None:
        async with connection(pool) as lent:
            await lent.execute("set statement_timeout = '20ms'")
            await lent.execute("select pg_sleep(10), 'canary'")

    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await sleep()
    monkeypatch.setattr(pools, "_SAY_EVERY", 0)
    with pytest.raises(DatabaseUnavailable):
        await sleep()
    said = [vars(record)["fields"] for record in caplog.records if record.name == "deeper.database"]
    assert said == [{"error": "QueryCanceled", "sqlstate": "57014"}] * 2


async def until_waiting(pool: Pool) -> None:
    async with asyncio.timeout(10):
        while not pool.get_stats().get("requests_waiting"):  # noqa: ASYNC110  - the pool offers no event for it
            await asyncio.sleep(0)


async def ask_in_vain(pool: Pool, seconds: float = 0.05) -> DatabaseUnavailable:
    """What somebody is told who gets no connection."""
    with pytest.raises(DatabaseUnavailable) as refused:
        async with connection(pool, seconds=seconds):
            pytest.fail("lent a third connection out of two")
    return refused.value


async def test_a_pool_with_nothing_free_that_answers_nobody_is_unavailability(pool: Pool):
    async with connection(pool), connection(pool):
        refused = await ask_in_vain(pool)
        assert (refused.code, refused.retry_after) == (ErrorCode.DATABASE_UNAVAILABLE, 1)
        assert not await ping(pool, 0.05)


async def test_a_pool_with_nothing_free_that_answers_others_is_overload_and_no_fault_of_the_database(pool: Pool):
    done = asyncio.Event()

    async def take_turns() -> None:
        while not done.is_set():
            async with connection(pool) as lent:
                await lent.execute("select pg_sleep(0.01)")

    async with connection(pool):
        crowd = [asyncio.create_task(take_turns()) for _ in range(100)]  # a second's worth of turns before each
        await until_waiting(pool)
        refused = await ask_in_vain(pool, 0.5)
        assert (refused.code, refused.retry_after) == (ErrorCode.OVERLOADED, 1)
        assert await ping(pool, 0.5)
        done.set()
        await asyncio.gather(*crowd)


@pytest.mark.parametrize(("lately", "code"), [(60, ErrorCode.OVERLOADED), (0, ErrorCode.DATABASE_UNAVAILABLE)])
async def test_a_full_queue_is_refused_at_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, lately: float, code: ErrorCode
):
    monkeypatch.setattr(pool, "max_waiting", 1)
    monkeypatch.setattr(pools, "_LATELY", lately)
    assert await ping(pool, 5)
    async with connection(pool), connection(pool):
        waiting = asyncio.create_task(setting(pool, "port"))
        await until_waiting(pool)
        assert (await ask_in_vain(pool, 5)).code == code
    assert await waiting == "5432"


async def test_a_caller_that_is_cancelled_gives_its_connection_back(pool: Pool, database_url: str):
    async def sleep() -> None:
        async with connection(pool) as lent:
            await lent.execute("select pg_sleep(60)")

    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as observer:
        for _ in range(4):  # more often than the pool has connections
            task = asyncio.create_task(sleep())
            await until_sleeping(observer)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert await ping(pool, 5)


async def test_no_request_fails_after_a_restart(own_postgres: OwnPostgres):
    async with open_pool(own_postgres.url, min_size=8, max_size=8) as pool:
        await pool.wait()
        await asyncio.to_thread(own_postgres.restart)
        assert await asyncio.gather(*(setting(pool, "port") for _ in range(30))) == ["5432"] * 30


async def test_no_request_fails_in_a_row_after_a_restart(own_postgres: OwnPostgres):
    async with open_pool(own_postgres.url, min_size=8, max_size=8) as pool:
        await pool.wait()
        await asyncio.to_thread(own_postgres.restart)
        for _ in range(20):
            assert await setting(pool, "port") == "5432"


async def test_an_idle_connection_is_used_without_another_round_trip(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    await ping(pool, 5)
    monkeypatch.setattr(pool, "check_connection", None)  # calling it would fail
    assert await setting(pool, "port") == "5432"


async def test_a_pool_opens_without_its_database_and_finds_it_later(own_postgres: OwnPostgres):
    own_postgres.stop()
    async with open_pool(own_postgres.url) as pool:
        assert not await ping(pool, 0.2)
        await asyncio.to_thread(own_postgres.start)
        await eventually_answers(pool)


async def test_a_pool_closes_soon_without_its_database(own_postgres: OwnPostgres):
    own_postgres.stop()
    async with asyncio.timeout(5):
        async with open_pool(own_postgres.url) as pool:
            await ping(pool, 0.1)


async def test_a_ping_of_a_database_that_answers_succeeds(pool: Pool):
    assert await ping(pool, 5)


async def test_a_ping_returns_in_time_while_the_server_is_frozen_and_succeeds_after(own_postgres: OwnPostgres):
    async with open_pool(own_postgres.url) as pool:
        assert await ping(pool, 5)
        own_postgres.freeze()
        before = time.monotonic()
        assert [await ping(pool, 0.2) for _ in range(5)] == [False] * 5
        assert time.monotonic() - before < 4  # seconds; cancelling in the ordinary way takes ten for each
        own_postgres.thaw()
        await eventually_answers(pool)


async def test_a_statement_on_a_frozen_server_is_unavailability_in_time(own_postgres: OwnPostgres):
    async with open_pool(own_postgres.url) as pool:
        assert await ping(pool, 5)
        own_postgres.freeze()
        before = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            async with connection(pool, seconds=0.2) as lent:
                await lent.execute("select 1")
        assert time.monotonic() - before < 4  # seconds; the ordinary way takes as long as the server is frozen
        own_postgres.thaw()
        await eventually_answers(pool)


async def test_a_transaction_on_a_frozen_server_is_unavailability_in_time(own_postgres: OwnPostgres):
    async def make(pool: Pool) -> None:
        async with connection(pool, seconds=0.5) as lent, lent.transaction():
            await lent.execute("create table made (id int)")
            own_postgres.freeze()
            await lent.execute("select 1")

    async with open_pool(own_postgres.url) as pool:
        with pytest.raises(DatabaseUnavailable):
            await make(pool)
        own_postgres.thaw()
        await eventually_answers(pool)
        async with connection(pool) as lent:
            cursor = await lent.execute("select to_regclass('made') is null")
            assert await cursor.fetchone() == (True,)


async def test_a_caller_of_a_frozen_server_that_is_cancelled_ends_in_time(own_postgres: OwnPostgres):
    async def ask(pool: Pool) -> None:
        async with connection(pool, seconds=0.5) as lent:
            await lent.execute("select 1")

    async with open_pool(own_postgres.url) as pool:
        assert await ping(pool, 5)
        own_postgres.freeze()
        task = asyncio.create_task(ask(pool))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=30)
        assert task.done()
        own_postgres.thaw()
        await eventually_answers(pool)


async def test_a_patient_ping_is_not_spoiled_by_an_impatient_one(pool: Pool):
    async with connection(pool), contextlib.AsyncExitStack() as second:
        await second.enter_async_context(connection(pool))
        patient = asyncio.create_task(ping(pool, 20))
        assert not await ping(pool, 0.05)
        await second.aclose()
        assert await patient


_READ_ONLY = sql.SQL("alter database {} set default_transaction_read_only = {}")


async def writes(pool: Pool) -> bool:
    try:
        async with connection(pool) as lent:
            await lent.execute("delete from runners")
    except DatabaseUnavailable:
        return False
    return True


async def test_a_database_that_only_reads_as_a_standby_does_is_away_until_it_can_write(database_url: str):
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as database:
        name = sql.Identifier(database.info.dbname)
        await database.execute(_READ_ONLY.format(name, sql.Literal("on")))
        async with open_pool(database_url, max_size=1) as pool:
            assert not await writes(pool)
            await database.execute(_READ_ONLY.format(name, sql.Literal("off")))
            # The connection that comes after the first may have been made before that; no other one was.
            assert await writes(pool) or await writes(pool)
