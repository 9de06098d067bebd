"""Several model servers as one, and the pure rules by which one of them is chosen.

`ModelPool` is all that most programs need. One with a queue of its own in front of each server chooses a member first,
with `Attempts`, and streams from it later.
"""

from deeper_model.pool.attempts import Attempts
from deeper_model.pool.breakers import Breaker, BreakerPolicy, BreakerState
from deeper_model.pool.choices import Candidate, choose, may_pass_on
from deeper_model.pool.listings import merge_models
from deeper_model.pool.members import Lease, MemberState, PoolMember, PoolPolicy
from deeper_model.pool.pools import ModelPool

__all__ = [
    "Attempts",
    "Breaker",
    "BreakerPolicy",
    "BreakerState",
    "Candidate",
    "Lease",
    "MemberState",
    "ModelPool",
    "PoolMember",
    "PoolPolicy",
    "choose",
    "may_pass_on",
    "merge_models",
]
