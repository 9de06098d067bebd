"""The suite as a class of tests for pytest; the only module that needs pytest."""

import asyncio
from collections.abc import Callable

import pytest

from deeper_model.conformance.cases import Case, run_case
from deeper_model.conformance.failing import FAILING
from deeper_model.conformance.harnesses import Harness
from deeper_model.conformance.leaving import LEAVING
from deeper_model.conformance.streaming import STREAMING

CASES: tuple[Case, ...] = STREAMING + LEAVING + FAILING
"""Everything that a provider has to do."""


class ProviderConformance:
    """Derive a class whose name begins with Test, and give it a ``harness``: that is the whole of it.

    Each case runs in an event loop of its own, so that no plugin for asyncio is needed; ``loop_factory`` makes it,
    uvloop's for example. What the harness declares in ``without`` is skipped with the reason given there.
    """

    harness: Harness
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
    def test_it_conforms(self, case: Case) -> None:
        """Run one case."""
        reason = case.missing(self.harness)
        if reason is not None:
            pytest.skip(reason)
        run_case(case, self.harness, type(self).loop_factory)
