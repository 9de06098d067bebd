"""One server of a pool: what is known of it, and who asks it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress

from msgspec import Struct

from deeper_core import (
    DeeperError,
    ErrorCode,
    InternalError,
    Model,
    ModelNotFound,
    ModelServerOverloaded,
    ModelServerTimedOut,
)
from deeper_model.pool.breakers import Breaker, BreakerPolicy, BreakerState, is_fault
from deeper_model.pool.choices import Candidate
from deeper_model.pool.listings import find_model, remember
from deeper_model.provider import ModelProvider

_log = logging.getLogger(__name__)

# A server that is busy and does not say until when.
_BUSY_SECONDS = 1.0


class PoolPolicy(Struct, frozen=True, kw_only=True):
    """How a pool looks after its members; all times are in seconds.

    While the pool is used, and for ``idle`` after that, each member is asked what it has every ``fresh``, or ``again``
    if the last time failed; it may take ``look`` to answer. What it said is believed for ``keep``, also while it says
    nothing any more. Whoever needs what has never been said yet waits for it, and not longer than ``patience``.
    """

    breaker: BreakerPolicy = BreakerPolicy()
    fresh: float = 5.0
    again: float = 1.0
    look: float = 5.0
    keep: float = 60.0
    patience: float = 1.0
    idle: float = 60.0


class PoolMember(Struct, frozen=True, kw_only=True):
    """A server to be asked; ``weight`` is how much it can do at once, compared with the others.

    Names are short, stable and not secret: logs and metrics show them.
    """

    name: str
    provider: ModelProvider
    weight: float = 1.0


class MemberState(Struct, frozen=True, kw_only=True):
    """A member as operators see it.

    ``in_flight`` counts the answers that it was chosen for, also those that wait for it. ``models`` and ``loaded`` are
    names, as it listed them ``age`` seconds ago, None if never; ``error`` is its last fault, None if it worked since.
    """

    name: str
    state: BreakerState
    weight: float
    in_flight: int
    models: tuple[str, ...]
    loaded: tuple[str, ...]
    error: ErrorCode | None
    age: float | None


class Member:
    """A server and its state; ``tell`` hears of a breaker that opens or closes, ``looked`` of each look that ended."""

    def __init__(
        self,
        given: PoolMember,
        policy: PoolPolicy,
        *,
        clock: Callable[[], float],
        tell: Callable[[str, BreakerState], None],
        looked: Callable[[], None],
    ) -> None:
        self.name = given.name
        self.provider = given.provider
        self.weight = given.weight
        self.breaker = Breaker()
        self.in_flight = 0
        self.turn = 0
        self.rests_until = 0.0
        self.looks = 0
        self.fault: DeeperError | None = None  # of the last look
        self._asked: Counter[str] = Counter()
        self._expected: set[str] = set()  # models that were not loaded and are by now, which no look has seen yet
        self._models: dict[str, Model] = {}
        self._listed_at: float | None = None
        self._is_heard = False
        self._kept_since = 0.0
        self._looks_since: float | None = None
        self._policy = policy
        self._clock = clock
        self._tell = tell
        self._looked = looked
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def models(self) -> Mapping[str, Model] | None:
        """What it lists, by name, None if that is not known or too long ago."""
        if self._listed_at is None or self._clock() - self._listed_at > self._policy.keep:
            return None
        return self._models

    @property
    def is_awaited(self) -> bool:
        """Whether it is worth waiting for what it lists: nothing is known, and it was asked only a moment ago."""
        if self._is_heard or self._keeper is None or self.models is not None:
            return False
        return self._clock() - self._kept_since < self._policy.patience

    def candidate(self, model: str, now: float) -> Candidate:
        """Return it as it is now, for one model."""
        models, breaker = self.models, self.breaker
        found = None if models is None else find_model(models, model)
        return Candidate(
            name=self.name,
            weight=self.weight,
            in_flight=self.in_flight,
            lists=None if models is None else found is not None,
            # A server that does not tell has nothing else.
            loaded=(found is not None and found.loaded is not False) or self._asked[model] > 0,
            state=breaker.state(now),
            askable=breaker.lets_through(now),
            doubtful=breaker.is_doubtful(now, self._policy.breaker) or self._is_overdue(now),
            resting=now < self.rests_until,
            turn=self.turn,
        )

    def state(self) -> MemberState:
        """Return it as operators see it."""
        now, models = self._clock(), self.models or {}
        return MemberState(
            name=self.name,
            state=self.breaker.state(now),
            weight=self.weight,
            in_flight=self.in_flight,
            models=tuple(models),
            loaded=tuple(model.name for model in models.values() if model.loaded is not False),
            error=self.breaker.error,
            age=None if self._listed_at is None else now - self._listed_at,
        )

    # -- looking after it ------------------------------------------------------------------------------------------

    def keep(self, is_used: Callable[[], bool]) -> None:
        """Look at it in the background, again and again for as long as ``is_used``, if nobody does already."""
        if self._keeper is None or self._keeper.done():
            self._is_heard = False
            self._kept_since = self._clock()
            self._keeper = asyncio.create_task(self._keep(is_used), name=f"look after {self.name}")

    def look_soon(self) -> None:
        """Do not wait until it is time for the next look."""
        self._wake.set()

    async def close(self) -> None:
        """Look no more, and close the provider."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        await self.provider.close()

    async def _keep(self, is_used: Callable[[], bool]) -> None:
        while True:
            self._wake.clear()
            await self._look()
            if not is_used():
                return
            pause = self._policy.fresh if self.fault is None else self._policy.again
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    def _is_overdue(self, now: float) -> bool:
        """Tell whether it has not answered a look for longer than anybody would wait."""
        return self._looks_since is not None and now - self._looks_since > self._policy.patience

    async def _look(self) -> None:
        self._looks_since = self._clock()
        try:
            async with asyncio.timeout(self._policy.look):
                models = await self.provider.list_models()
        except TimeoutError:
            self._note_fault(ModelServerTimedOut())
        except DeeperError as error:
            self._note_fault(error)
        except Exception as error:  # noqa: BLE001  - a fault of the provider's own must not keep from asking again
            _log.exception("%s: the models cannot be listed", self.name)
            fault = InternalError()
            fault.__cause__ = error
            self._note_fault(fault)
        else:
            self.fault = None
            self._models = remember(self._models, models)
            self._listed_at = self._clock()
            self._expected = {each.name for each in self._models.values() if each.loaded is False} & self._expected
            self._set(self.breaker.answer())
        self._looks_since = None
        self._is_heard = True
        self.looks += 1
        self._looked()

    def _note_fault(self, error: DeeperError) -> None:
        self.fault = error
        if is_fault(error):
            self._set(self.breaker.fail(error, self._clock(), self._policy.breaker, by_look=True))

    # -- answers ---------------------------------------------------------------------------------------------------

    def enter(self, model: str, turn: int) -> "Lease":
        """Count one more answer."""
        probe = self.breaker.state(self._clock()) == "half_open" and not self.breaker.probing
        if probe:
            self._set(self.breaker.probe())
        self.turn = turn
        self.in_flight += 1
        self._asked[model] += 1
        return Lease(self, model, probe=probe)

    def leave(self, model: str, *, probe: bool) -> None:
        """Count one answer less; ``probe`` if nothing was learnt by the one request of a breaker that is half open."""
        self.in_flight -= 1
        self._asked[model] -= 1
        if not self._asked[model]:
            del self._asked[model]
        if probe:
            self._set(self.breaker.give_up())

    def begun(self, model: str) -> None:
        """Take note of an answer's first delta."""
        self._set(self.breaker.begin(self._policy.breaker))
        found = find_model(self._models, model)
        if found is not None and found.loaded is False and found.name not in self._expected:
            self._expected.add(found.name)
            self.look_soon()

    def succeeded(self) -> None:
        """Take note of a whole answer."""
        self._set(self.breaker.succeed())

    def failed(self, error: DeeperError, model: str, *, probe: bool) -> None:
        """Take note of how an answer failed."""
        now = self._clock()
        if isinstance(error, ModelServerOverloaded):
            self.rests_until = now + (_BUSY_SECONDS if error.retry_after is None else error.retry_after)
        if isinstance(error, ModelNotFound):
            self._models = {name: each for name, each in self._models.items() if name not in {model, f"{model}:latest"}}
            self.look_soon()
        if is_fault(error):
            if not self.breaker.failures:
                self.look_soon()
            self._set(self.breaker.fail(error, now, self._policy.breaker, probe=probe))
        elif probe:
            self._set(self.breaker.give_up())

    def _set(self, breaker: Breaker) -> None:
        was_open, self.breaker = self.breaker.opened_at is not None, breaker
        if was_open != (breaker.opened_at is not None):
            self._tell(self.name, "up" if was_open else "open")


class Lease:
    """One answer's claim on a member, which counts from the moment that it was chosen until it is left.

    Whoever streams from ``provider`` tells what came of it.
    """

    def __init__(self, member: Member, model: str, *, probe: bool) -> None:
        self._member = member
        self._model = model
        self._probe = probe
        self._left = False

    @property
    def name(self) -> str:
        """Whose it is."""
        return self._member.name

    @property
    def provider(self) -> ModelProvider:
        """What to ask."""
        return self._member.provider

    @property
    def is_pointless(self) -> bool:
        """Whether the member's breaker has opened, and this is not the one request that shows whether it works."""
        return self._member.breaker.opened_at is not None and not self._probe

    def begun(self) -> None:
        """Tell of the first delta."""
        self._probe = False
        self._member.begun(self._model)

    def succeeded(self) -> None:
        """Tell of the Finish."""
        self._probe = False
        self._member.succeeded()

    def failed(self, error: DeeperError) -> None:
        """Tell of the error."""
        probe, self._probe = self._probe, False
        self._member.failed(error, self._model, probe=probe)

    def leave(self) -> None:
        """Count no more. It may be left in any state, and more than once."""
        if not self._left:
            self._left = True
            self._member.leave(self._model, probe=self._probe)
