"""Any sequence of events, over the store in PostgreSQL."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import TypeVar

import psycopg
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from deeper_api.store.pool import Pool
from deeper_api.store.sessions import PostgresSessionStore
from deeper_auth import ManualClock
from tests.api.store.test_sessions import SHIFT, make_user
from tests.api.stores import open_pool
from tests.auth.session_machine import SessionMachine

T = TypeVar("T")


class Sessions(SessionMachine):
    """Runs on the loop of ``runner``; time goes by for the rows, whose times move into the past."""

    def __init__(self, runner: asyncio.Runner, pool: Pool, database: psycopg.Connection) -> None:
        self._runner = runner
        self._database = database
        users = [runner.run(make_user(pool)) for _ in range(2)]
        super().__init__(PostgresSessionStore(pool), users, ManualClock(datetime.now(UTC)))

    def run(self, work: Coroutine[object, object, T]) -> T:
        return self._runner.run(work)

    def pass_time(self, seconds: float) -> None:
        self._database.execute(SHIFT, {"seconds": seconds})


def test_no_sequence_of_events_lets_more_live_than_may(database_url: str):
    with asyncio.Runner() as runner, psycopg.connect(database_url, autocommit=True) as database:
        opened = open_pool(database_url, max_size=4)
        pool = runner.run(opened.__aenter__())
        try:
            run_state_machine_as_test(
                lambda: Sessions(runner, pool, database),  # pyright: ignore[reportArgumentType]  - a factory will do
                settings=settings(max_examples=12, stateful_step_count=25),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
