import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from deeper_api.store.listeners import listening
from deeper_api.store.pool import Pool
from deeper_api.store.runners import RunnerStore
from deeper_core import DatabaseUnavailable, RunnerId, new_id
from tests.api.store.asking import rows
from tests.api.stores import open_pool
from tests.fixtures.postgres import OwnPostgres

CUT = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'deeper-api listener'"

_LOCKS = """
    select count(*) from pg_locks
    where locktype = 'advisory' and granted
        and database = (select oid from pg_database where datname = current_database())
"""


class Ears:
    """Collects what is heard, and counts connections."""

    def __init__(self, *faults: Exception) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.connected: asyncio.Queue[int] = asyncio.Queue()
        self._faults = list(faults)

    async def connect(self) -> None:
        self.connected.put_nowait(1)
        if self._faults:
            raise self._faults.pop(0)

    def listening(self, url: str, runner_id: RunnerId | None = None):
        return listening(url, runner_id or RunnerId(new_id()), heard=self.heard.put_nowait, connected=self.connect)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, max_size=2) as pool:
        yield pool


async def tell(pool: Pool, text: str) -> None:
    await rows(pool, "select pg_notify('deeper', %(text)s)", text=text)


async def test_what_is_told_is_heard_in_order(pool: Pool, database_url: str):
    ears = Ears()
    async with ears.listening(database_url):
        await ears.connected.get()
        for text in ("a", "b", "c"):
            await tell(pool, text)
        assert [await ears.heard.get() for _ in range(3)] == ["a", "b", "c"]


async def test_a_lost_connection_is_made_again_and_who_listens_is_told(pool: Pool, database_url: str):
    ears = Ears()
    async with ears.listening(database_url):
        await ears.connected.get()
        await rows(pool, CUT + " and datname = current_database()")
        await ears.connected.get()
        await tell(pool, "again")
        assert await ears.heard.get() == "again"


@pytest.mark.parametrize("fault", [DatabaseUnavailable(retry_after=1), RuntimeError("a fault of ours")])
async def test_a_fault_on_the_way_is_no_end(pool: Pool, database_url: str, fault: Exception):
    ears = Ears(fault)
    async with ears.listening(database_url):
        await ears.connected.get()
        await ears.connected.get()
        await tell(pool, "after all")
        assert await ears.heard.get() == "after all"


async def test_who_listens_is_seen_and_who_has_left_is_not(pool: Pool, database_url: str):
    runner_id = RunnerId(new_id())

    async def locks() -> int:
        return (await rows(pool, _LOCKS))[0]["count"]

    ears = Ears()
    async with ears.listening(database_url, runner_id):
        await ears.connected.get()
        assert await locks() == 1
    async with asyncio.timeout(10):
        while await locks():  # noqa: ASYNC110  - no event tells
            await asyncio.sleep(0)
    assert await RunnerStore(pool).others(runner_id) == []


async def test_it_does_not_wait_for_a_database_that_is_away_and_finds_it_when_it_comes(own_postgres: OwnPostgres):
    ears = Ears()
    url = own_postgres.url
    await asyncio.to_thread(own_postgres.stop)
    async with ears.listening(url):
        assert ears.connected.empty()
        await asyncio.to_thread(own_postgres.start)
        await ears.connected.get()
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("select pg_notify('deeper', 'hello')")
        assert await ears.heard.get() == "hello"


async def test_it_leaves_no_task_behind(database_url: str):
    ears = Ears()
    async with ears.listening(database_url):
        await ears.connected.get()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "listen"] == []


async def test_a_runner_that_connects_again_does_not_wait_for_the_connection_that_the_server_still_holds(
    pool: Pool, database_url: str
):
    runner_id, earlier, later = RunnerId(new_id()), Ears(), Ears()
    async with earlier.listening(database_url, runner_id):
        await earlier.connected.get()
        async with later.listening(database_url, runner_id):
            await later.connected.get()
            await tell(pool, "hello")
            assert await later.heard.get() == "hello"
