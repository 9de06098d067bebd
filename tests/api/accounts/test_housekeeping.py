import asyncio
import contextlib
from datetime import timedelta

import pytest

from deeper_api.accounts.housekeeping import (
    forgetting_ended_sessions,
    forgetting_old_events,
    forgetting_revoked_keys,
)
from deeper_api.store.api_keys import ApiKeyStore
from deeper_api.store.audits import AuditStore
from deeper_auth import MemorySessionStore
from deeper_core import DatabaseUnavailable


class Ledger(MemorySessionStore):
    """Counts how often it is asked to forget, and fails the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: asyncio.Queue[timedelta] = asyncio.Queue()
        self.faults: list[Exception] = [DatabaseUnavailable(), RuntimeError("a fault of ours")]

    async def forget_ended(self, age: timedelta) -> int:
        self.asked.put_nowait(age)
        if self.faults:
            raise self.faults.pop()
        return 0


class Stubborn(Ledger):
    """Swallows the cancellation that reaches it, as asyncio.wait_for did before Python 3.12."""

    async def forget_ended(self, age: timedelta) -> int:
        self.asked.put_nowait(age)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return 0


async def test_ended_sessions_are_forgotten_again_and_again_whatever_the_database_does(
    caplog: pytest.LogCaptureFixture,
):
    store = Ledger()
    async with forgetting_ended_sessions(store, pause=0):
        assert [await store.asked.get() for _ in range(4)] == [timedelta(days=7)] * 4
    assert [record.getMessage() for record in caplog.records] == ["cannot forget ended sessions"]


async def test_it_ends_with_its_context():
    store = Ledger()
    async with forgetting_ended_sessions(store, pause=3_600):
        await store.asked.get()
    assert [task.get_name() for task in asyncio.all_tasks()].count("forget ended sessions") == 0


async def test_it_ends_also_when_its_cancellation_is_swallowed():
    store = Stubborn()
    async with asyncio.timeout(10):
        async with forgetting_ended_sessions(store, pause=3_600):
            await store.asked.get()


class Keys(ApiKeyStore):
    """Notes how old keys must be to be forgotten."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[timedelta] = asyncio.Queue()

    async def forget_revoked(self, age: timedelta) -> int:
        self.asked.put_nowait(age)
        return 0


async def test_revoked_keys_are_forgotten_again_and_again():
    keys = Keys()
    async with forgetting_revoked_keys(keys, pause=0):
        assert [await keys.asked.get() for _ in range(3)] == [timedelta(days=7)] * 3


class Events(AuditStore):
    """Notes how old events must be to be forgotten, and how many of each kind are kept."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[tuple[timedelta, int]] = asyncio.Queue()

    async def forget(self, age: timedelta, most: int) -> int:
        self.asked.put_nowait((age, most))
        return 0


async def test_old_audit_events_are_forgotten_again_and_again():
    events = Events()
    async with forgetting_old_events(events, pause=0):
        assert [await events.asked.get() for _ in range(3)] == [(timedelta(days=180), 100_000)] * 3
