"""The suite as a class of tests for pytest; the only module that needs pytest."""

import asyncio

import pytest

from deeper_auth.conformance.cases import Case, run_case
from deeper_auth.conformance.ending import ENDING
from deeper_auth.conformance.expiring import EXPIRING
from deeper_auth.conformance.failing import FAILING
from deeper_auth.conformance.harnesses import Harness
from deeper_auth.conformance.keeping import KEEPING
from deeper_auth.conformance.racing import RACING
from deeper_auth.conformance.refreshing import REFRESHING

CASES: tuple[Case, ...] = KEEPING + REFRESHING + EXPIRING + ENDING + RACING + FAILING
"""Everything that a store of sessions has to do."""


class SessionStoreConformance:
    """Derive a class whose name begins with Test, and give it a ``harness``: that is the whole of it.

    Each case runs in an event loop of its own, so that no plugin for asyncio is needed. Cases that need what the
    harness declares in ``without`` are not collected. What a harness needs of pytest's fixtures, such as the address of
    a database, an autouse fixture of the class can hand to it.
    """

    harness: Harness

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Collect the cases that apply, each as a test."""
        if "case" in metafunc.fixturenames:
            cases = [case for case in CASES if case.applies(self.harness)]
            metafunc.parametrize("case", cases, ids=[case.name for case in cases])

    def test_it_conforms(self, case: Case) -> None:
        """Run one case."""
        run_case(case, self.harness, self.make_loop)

    def make_loop(self) -> asyncio.AbstractEventLoop:
        """Make the event loop of a case; to be replaced for another kind, such as uvloop's."""
        return asyncio.new_event_loop()
