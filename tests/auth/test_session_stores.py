import pytest

from deeper_auth import ManualClock, MemorySessionStore
from tests.auth.session_store_contract import SessionStoreContract


class TestMemorySessionStore(SessionStoreContract):
    @pytest.fixture
    def clock(self):
        return ManualClock()

    @pytest.fixture
    def store(self, clock):
        return MemorySessionStore(clock=clock)

    @pytest.fixture
    def advance(self, clock):
        async def move(seconds: float) -> None:
            clock.advance(seconds)

        return move
