"""Any sequence of events, over the store in memory."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from hypothesis import settings

from deeper_auth import ManualClock, MemorySessionStore
from deeper_core import UserId, new_id
from tests.auth.session_machine import SessionMachine

T = TypeVar("T")


class Sessions(SessionMachine):
    def __init__(self) -> None:
        clock = ManualClock()
        super().__init__(MemorySessionStore(clock=clock), [UserId(new_id()) for _ in range(2)], clock)

    def run(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run(work)  # which this store never lets wait

    def pass_time(self, seconds: float) -> None:
        """The store goes by the same clock as the tokens."""


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
