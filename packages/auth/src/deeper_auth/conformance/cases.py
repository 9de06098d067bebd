"""A case, how it is run, and what cases say when a store does not conform."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from deeper_auth.conformance.harnesses import Ability, Harness, Stage

T = TypeVar("T")
# Seconds. A case takes milliseconds, but the machine may be busy and the store far away.
_LONGEST: Final = 60.0


@dataclass(frozen=True)
class Case:
    """One thing that every store does; the first line of ``run``'s docstring is the rule."""

    name: str
    run: Callable[[Stage], Awaitable[None]]
    needs: frozenset[Ability] = frozenset()

    def applies(self, harness: Harness) -> bool:
        """Tell whether ``harness`` can run this: it declares nothing that is needed to be missing."""
        return self.needs.isdisjoint(harness.without)


def case(run: Callable[[Stage], Awaitable[None]], *needs: Ability) -> Case:
    """Return the case that ``run`` is."""
    return Case(getattr(run, "__name__", "case"), run, frozenset(needs))


def run_case(
    one: Case,
    harness: Harness,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    *,
    longest: float = _LONGEST,
) -> None:
    """Run a case in an event loop of its own, over a store of its own, for ``longest`` seconds at most.

    Raises:
        AssertionError: the store does not conform; the message says how.
        Exception: whatever else the store let out.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_guard(one, harness, longest))


async def _guard(one: Case, harness: Harness, longest: float) -> None:
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(f"{context}"))
    try:
        async with asyncio.timeout(longest):
            async with harness.stage() as stage:
                await one.run(stage)
            while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  - nobody tells of tasks
                await asyncio.sleep(0.005)
    except TimeoutError as error:
        raise AssertionError(f"{one.name}: something did not end") from error
    expect(not complaints, f"the event loop complained: {complaints}")


def expect(true: object, otherwise: str) -> None:
    """Raise an AssertionError that says ``otherwise`` unless ``true``."""
    if not true:
        raise AssertionError(otherwise)


def expect_same(found: object, expected: object, what: str) -> None:
    """Raise an AssertionError unless ``found`` equals ``expected``; ``what`` they are, it says."""
    expect(found == expected, f"{what}: expected {expected!r}, not {found!r}")


def present(found: T | None, what: str) -> T:
    """Return ``found``, which is not None."""
    if found is None:
        raise AssertionError(f"{what}: expected a session, not None")
    return found
