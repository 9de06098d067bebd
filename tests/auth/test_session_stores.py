"""The store in memory does what every store of sessions has to do."""

from deeper_auth import MemorySessionStore
from deeper_auth.conformance import Ability, ClockHarness, SessionStoreConformance


class TestMemorySessionStore(SessionStoreConformance):
    harness = ClockHarness(
        lambda clock: MemorySessionStore(clock=clock),
        without={
            Ability.SHARING: "its sessions are in one process",
            Ability.FAILURE: "memory is always there",
        },
    )
