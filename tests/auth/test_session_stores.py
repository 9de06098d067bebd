"""The store in memory does what every store of sessions has to do."""

from deeper_auth import MemorySessionStore
from deeper_auth.conformance import CASES, Ability, ClockHarness, SessionStoreConformance


class TestMemorySessionStore(SessionStoreConformance):
    harness = ClockHarness(
        lambda clock: MemorySessionStore(clock=clock),
        without={
            Ability.SHARING: "its sessions are in one process",
            Ability.FAILURE: "memory is always there",
        },
    )

    def test_a_class_may_have_tests_of_its_own(self):
        assert [case for case in CASES if not case.applies(self.harness)] != []
