"""Which of several servers to ask. Pure."""

from collections.abc import Container, Iterable

from msgspec import Struct

from deeper_core import DeeperError, ModelNotFound, ModelServerError, ModelServerRejected
from deeper_model.pool.breakers import BreakerState

# A model that has to be loaded first counts for as much as a round of answers before it.
_LOADING = 1.0


class Candidate(Struct, frozen=True, kw_only=True, gc=False):
    """A server as it is now, for one model.

    ``lists`` says whether it has the model, None if nobody knows; ``loaded`` whether that is in memory, or on its way.
    ``askable`` is what the breaker says, ``doubtful`` that the last thing it did was to fail, or to say nothing;
    ``resting`` that it asked not to be asked yet. ``turn`` is higher the later it was chosen last.
    """

    name: str
    weight: float = 1.0
    in_flight: int = 0
    lists: bool | None = True
    loaded: bool = True
    state: BreakerState = "up"
    askable: bool = True
    doubtful: bool = False
    resting: bool = False
    turn: int = 0


def choose(candidates: Iterable[Candidate], besides: Container[str] = ()) -> Candidate | None:
    """Return the one to ask, and none whose name is in ``besides``; None if nobody can be asked now.

    Whoever is known to have the model comes first. A server whose breaker is half open gets the one request that shows
    whether it works; then come those that did not just fail. Among equals, the least busy for its weight is asked: one
    that would have to load the model counts as busier by a whole round of answers, so that a loaded one is preferred
    until it is that far behind. Of those that are equally busy, the one that waited longest for its turn.
    """
    able = [
        each
        for each in candidates
        if each.lists is not False and each.askable and not each.resting and each.name not in besides
    ]
    return min(able, key=_rank, default=None)


def may_pass_on(error: DeeperError) -> bool:
    """Tell whether another server may answer what failed with ``error``: not if the request itself is to blame."""
    if isinstance(error, ModelServerRejected):
        return False
    return isinstance(error, ModelServerError | ModelNotFound)


def _rank(each: Candidate) -> tuple[bool, bool, bool, float, bool, int]:
    busy = (each.in_flight + 1) / each.weight + (0.0 if each.loaded else _LOADING)
    return each.lists is None, each.state == "up", each.doubtful, busy, not each.loaded, each.turn
