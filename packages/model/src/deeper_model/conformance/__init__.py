"""What every `ModelProvider` has to do, as tests: for the providers of this package, and for yours.

It needs pytest, which ``deeper-model[conformance]`` brings along. Derive from `ProviderConformance`, give it a
`WireHarness` or an `EngineHarness`, and let pytest find it. `running_upstream` is the server behind it, for tests of
your own.
"""

from deeper_model.conformance.cases import Case, Outcome, collect, run_case
from deeper_model.conformance.engines import Engine, EngineHarness
from deeper_model.conformance.harnesses import (
    MODEL,
    PATIENT,
    UPSTREAM_WORDS,
    Ability,
    Dialect,
    Harness,
    HttpReply,
    Need,
    Script,
    Stage,
    WireHarness,
    WireStage,
    question,
)
from deeper_model.conformance.suite import CASES, ProviderConformance
from deeper_model.conformance.upstreams import Peer, Play, Request, Upstream, running_upstream

__all__ = [
    "CASES",
    "MODEL",
    "PATIENT",
    "UPSTREAM_WORDS",
    "Ability",
    "Case",
    "Dialect",
    "Engine",
    "EngineHarness",
    "Harness",
    "HttpReply",
    "Need",
    "Outcome",
    "Peer",
    "Play",
    "ProviderConformance",
    "Request",
    "Script",
    "Stage",
    "Upstream",
    "WireHarness",
    "WireStage",
    "collect",
    "question",
    "run_case",
    "running_upstream",
]
