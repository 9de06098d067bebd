"""Several servers as one provider."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress

from deeper_core import (
    ChatEvent,
    ChatRequest,
    DeeperError,
    Model,
    ModelNotFound,
    ModelServerOverloaded,
    ModelServerTimedOut,
    ModelServerUnreachable,
)
from deeper_model.pool.attempts import Attempts
from deeper_model.pool.breakers import BreakerState
from deeper_model.pool.choices import Candidate, choose
from deeper_model.pool.listings import awaits_loading, find_model, merge_models
from deeper_model.pool.members import Lease, Member, MemberState, PoolMember, PoolPolicy
from deeper_model.retries import RetryPolicy

_DEFAULTS = PoolPolicy()


class ModelPool:
    """A `ModelProvider` over several others, its ``members``.

    A request goes to a member that has the model: what breakers say decides first, then who has it loaded, and how
    much everybody has to do for their weight (`deeper_model.pool.choices`). Before its first `Delta`, an answer that
    fails is asked for again, of another member if there is one, as ``retries`` allows. What members have is asked for
    in the background while the pool is used, so that nobody waits for one that is dead or hangs.

    A pool of one is its member: always asked, whatever its breaker says, since there is nobody to spare it for; and
    only asked what it has when somebody wants to know.

    Raises:
        ValueError: there is no member, two have the same name, or a weight is not positive.
    """

    def __init__(
        self,
        members: Iterable[PoolMember],
        *,
        name: str | None = None,
        policy: PoolPolicy = _DEFAULTS,
        retries: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        given = tuple(members)
        if not given or len({each.name for each in given}) < len(given):
            raise ValueError("a pool has members, each with a name of its own")
        if not all(each.weight > 0 for each in given):
            raise ValueError("the weight of a member is greater than 0")
        self.retries = retries or RetryPolicy()
        self._members = {
            each.name: Member(each, policy, clock=clock, tell=self._tell, looked=self._ring) for each in given
        }
        self._alone = next(iter(self._members.values())) if len(given) == 1 else None
        self._name = name or (given[0].name if self._alone else "pool")
        self._policy = policy
        self._clock = clock
        self._used_at = clock()
        self._turn = 0
        self._closed = False
        self._news = asyncio.Event()
        self._watchers: set[Callable[[str, BreakerState], None]] = set()

    @property
    def name(self) -> str:
        """The name given at construction, or that of the only member."""
        return self._name

    def members(self) -> tuple[MemberState, ...]:
        """Return every member as it is now, in the order given."""
        return tuple(member.state() for member in self._members.values())

    @contextmanager
    def watching(self, tell: Callable[[str, BreakerState], None]) -> Generator[None]:
        """Call ``tell`` with a member's name whenever its breaker opens, or is up again, while the context lasts."""
        self._watchers.add(tell)
        try:
            yield
        finally:
            self._watchers.discard(tell)

    # -- as a provider ---------------------------------------------------------------------------------------------

    async def list_models(self) -> Sequence[Model]:
        """Return the models that any member has, from memory if anything is known."""
        self._look_after(self._members.values())
        before = {member: member.looks for member in self._members.values()}
        if not any(self._listings()):
            for member in before:
                member.look_soon()
            await self._until(lambda: any(self._listings()) or all(m.looks > n for m, n in before.items()), None)
        await self._until(lambda: not any(member.is_awaited for member in before), self._policy.patience)
        if self._closed:
            raise ModelServerUnreachable
        listings = [*self._listings()]
        if not listings:
            raise _again(
                next((member.fault for member in before if member.fault is not None), ModelServerUnreachable())
            )
        return merge_models(listings)

    def chat_stream(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Stream the answer of the first member that gets as far as to have one."""
        attempts = Attempts(self, request.model, self.retries)
        return attempts.stream(request, attempts.choose, asyncio.sleep)

    async def check_health(self) -> None:
        """Return as soon as one member says that it is well."""
        if self._closed:
            raise ModelServerUnreachable
        if self._alone is not None:
            await self._alone.provider.check_health()
            return
        checks = [asyncio.ensure_future(self.check_member(name)) for name in self._members]
        try:
            pending = set(checks)
            while pending:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if any(check.exception() is None for check in done):
                    return
        finally:
            for check in checks:
                check.cancel()
            await asyncio.gather(*checks, return_exceptions=True)
        await checks[0]  # raises what the first one said

    async def check_member(self, name: str) -> None:
        """Return when this member says that it is well; one whose breaker is open is not asked.

        Raises:
            ModelServerError: it does not.
        """
        member = self._members[name]
        self.look_after_members()
        if self._alone is None and member.breaker.state(self._clock()) == "open":
            raise ModelServerUnreachable
        try:
            async with asyncio.timeout(self._policy.look):
                await member.provider.check_health()
        except TimeoutError as error:
            raise ModelServerTimedOut from error

    async def close(self) -> None:
        """Close all members."""
        self._closed = True
        self._ring()
        await asyncio.gather(*(member.close() for member in self._members.values()))

    # -- choosing --------------------------------------------------------------------------------------------------

    async def choose(self, model: str, besides: Collection[str] = ()) -> Lease:
        """Return a claim on the member to ask, counted from now; it has to be left.

        Waits only if nothing is known of the members yet. A pool of one always chooses that.

        Raises:
            ModelNotFound: nobody has the model.
            ModelServerOverloaded: whoever has it said not to be asked before ``retry_after``.
            ModelServerUnreachable: whoever has it fails, or this pool is closed.
        """
        if self._closed:
            raise ModelServerUnreachable
        if self._alone is not None:
            return self._alone.enter(model, 0)
        self._look_after(self._members.values())
        chosen = self._choose(model, besides)
        if chosen is None or chosen.lists is None:
            await self._until(lambda: self._is_listed(model) or not self._is_awaited(), self._policy.patience)
            chosen = self._choose(model, besides)
        if self._closed or chosen is None:
            raise self._nobody(model)
        self._turn += 1
        return self._members[chosen.name].enter(model, self._turn)

    def can_choose(self, model: str, besides: Collection[str]) -> bool:
        """Tell whether a member that is none of ``besides`` could be chosen now."""
        return not self._closed and self._choose(model, besides) is not None

    def seconds_to_rest(self, model: str) -> float:
        """Return how long it is until the first member that has the model has rested; 0 if one need not."""
        now = self._clock()
        rests = [
            self._members[each.name].rests_until - now
            for each in self._candidates(model)
            if each.lists is not False and each.askable
        ]
        return max(0.0, min(rests, default=0.0))

    async def find(self, model: str) -> Model | None:
        """Return what is known of a model, None if nothing is; a member that fails or is slow is no error here.

        Waits, and not longer than the policy's ``patience``, only if nothing is known of the members yet, or if the
        model had not been loaded and may be by now.
        """
        self._look_after(self._members.values())
        patience = self._policy.patience
        if not self._is_listed(model):
            await self._until(lambda: self._is_listed(model) or not self._is_awaited(), patience)
        known = self._look_up(model)
        if awaits_loading(known):
            having = {m: m.looks for m in self._members.values() if find_model(m.models or {}, model) and not m.fault}
            for member in having:
                member.look_soon()
            await self._until(lambda: all(member.looks > looks for member, looks in having.items()), patience)
            known = self._look_up(model)
        return known

    def lists(self, model: str) -> bool:
        """Tell whether a member had this model when it was asked last; they are asked again, in the background."""
        self._look_after(self._members.values())
        return self._is_listed(model)

    def look_after_members(self) -> None:
        """Ask the members of a pool of several what they have, from now on: nobody has to wait for it later."""
        if self._alone is None:
            self._look_after(self._members.values())

    # --------------------------------------------------------------------------------------------------------------

    def _choose(self, model: str, besides: Collection[str]) -> Candidate | None:
        if self._alone is not None:
            return None if self._alone.name in besides else self._alone.candidate(model, self._clock())
        return choose(self._candidates(model), besides)

    def _candidates(self, model: str) -> list[Candidate]:
        now = self._clock()
        return [member.candidate(model, now) for member in self._members.values()]

    def _nobody(self, model: str) -> DeeperError:
        candidates = self._candidates(model)
        if not self._closed and all(each.lists is False for each in candidates):
            return ModelNotFound()
        rest = self.seconds_to_rest(model)
        return ModelServerOverloaded(retry_after=rest) if rest else ModelServerUnreachable()

    def _is_listed(self, model: str) -> bool:
        return any(find_model(member.models or {}, model) is not None for member in self._members.values())

    def _is_awaited(self) -> bool:
        return any(member.is_awaited for member in self._members.values())

    def _listings(self) -> list[Collection[Model]]:
        return [member.models.values() for member in self._members.values() if member.models is not None]

    def _look_up(self, model: str) -> Model | None:
        found = [find_model(member.models or {}, model) for member in self._members.values()]
        merged = merge_models([[each] for each in found if each is not None])
        return merged[0] if merged else None

    def _look_after(self, members: Iterable[Member]) -> None:
        if not self._closed:
            self._used_at = self._clock()
            for member in members:
                member.keep(self._is_used)

    def _is_used(self) -> bool:
        if self._closed:
            return False
        if any(member.in_flight for member in self._members.values()):
            return True
        return self._clock() - self._used_at < self._policy.idle

    async def _until(self, true: Callable[[], bool], patience: float | None) -> None:
        """Return when ``true`` holds, looked at after each look at a member; or when patience has run out."""
        if true():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not true() and not self._closed:
                    await self._news.wait()

    def _ring(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _tell(self, name: str, state: BreakerState) -> None:
        for tell in tuple(self._watchers):
            tell(name, state)


def _again(error: DeeperError) -> DeeperError:
    """Return an error like ``error``: one that is raised again and again would hold every traceback."""
    again = type(error)(retry_after=error.retry_after)
    again.__cause__ = error.__cause__
    return again
