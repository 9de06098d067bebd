"""What every `SessionStore` has to do, as tests: for the stores of this package, and for yours.

It needs pytest, which ``deeper-auth[conformance]`` brings along. Derive from `SessionStoreConformance`, give it a
`ClockHarness` or a harness of your own, and let pytest find it.
"""

from deeper_auth.conformance.cases import Case, run_case
from deeper_auth.conformance.harnesses import POLICY, Ability, ClockHarness, Harness, Stage, new_session
from deeper_auth.conformance.suite import CASES, SessionStoreConformance

__all__ = [
    "CASES",
    "POLICY",
    "Ability",
    "Case",
    "ClockHarness",
    "Harness",
    "SessionStoreConformance",
    "Stage",
    "new_session",
    "run_case",
]
