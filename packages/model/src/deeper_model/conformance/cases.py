"""A case, how it is run, and what cases say when a provider does not conform."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

from deeper_core import ChatEvent, DeeperError, Delta, Finish, ModelNotFound, ModelServerError
from deeper_model.conformance.harnesses import UPSTREAM_WORDS, Harness, Need, WireHarness, question
from deeper_model.provider import ModelProvider

T = TypeVar("T")
_LONGEST = 30.0


@dataclass(frozen=True)
class Case:
    """One thing that every provider does; ``run``'s docstring is the rule, which goes with what fails."""

    name: str
    run: Callable[[Harness], Awaitable[None]]
    needs: frozenset[Need] = frozenset()

    def applies(self, harness: Harness) -> bool:
        """Tell whether ``harness`` can run this: it declares nothing that is needed to be missing."""
        return self.needs.isdisjoint(harness.without)


def case(run: Callable[[Harness], Awaitable[None]], *needs: Need, name: str = "") -> Case:
    """Return the case that ``run`` is."""
    return Case(name or getattr(run, "__name__", "case"), run, frozenset(needs))


def wire(make: Callable[[WireHarness], Awaitable[None]]) -> Callable[[Harness], Awaitable[None]]:
    """Return ``make`` for any harness: one that has no wire has to say so."""

    async def run(harness: Harness) -> None:
        if not isinstance(harness, WireHarness):
            raise AssertionError("a harness that is no WireHarness declares Ability.WIRE in `without`")  # noqa: TRY004  - a case that fails
        await make(harness)

    run.__name__ = getattr(make, "__name__", "case")
    run.__doc__ = make.__doc__
    return run


def run_case(one: Case, harness: Harness, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
    """Run a case in an event loop of its own.

    Raises:
        AssertionError: the provider does not conform; the message says how, and a note which rule it is about.
        Exception: the harness itself failed, or the provider in a method where nothing may fail.
    """
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_guard(one, harness))


async def _guard(one: Case, harness: Harness) -> None:
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(f"{context}"))
    limit = asyncio.timeout(_LONGEST)
    try:
        async with limit:
            await one.run(harness)
    except Exception as error:
        error.add_note(f"The rule: {one.run.__doc__}")
        if limit.expired():
            raise AssertionError(f"{one.name}: something did not end") from error
        raise
    await within(harness, _alone(), "a task was left behind")
    expect(not complaints, f"the event loop complained: {complaints}")


async def _alone() -> None:
    while len(asyncio.all_tasks()) > 2:  # noqa: ASYNC110  - nobody tells of tasks; two are ours
        await asyncio.sleep(0.005)


def expect(true: object, otherwise: str) -> None:
    """Raise an AssertionError that says ``otherwise`` unless ``true``."""
    if not true:
        raise AssertionError(otherwise)


async def within(harness: Harness, what: Awaitable[T], otherwise: str) -> T:
    """Return what comes of ``what``, which may take as long as `Harness.soon` says."""
    task = asyncio.ensure_future(what)
    done, _ = await asyncio.wait((task,), timeout=harness.soon)
    if not done:
        task.cancel()
        raise AssertionError(f"{otherwise} ({harness.soon:g} s)")
    return task.result()


@dataclass
class Outcome:
    """All that came of a request: ``deltas`` in their order, then a ``finish`` or an ``error``."""

    deltas: list[Delta] = field(default_factory=list[Delta])
    finish: Finish | None = None
    error: DeeperError | None = None

    @property
    def content(self) -> str:
        """The whole text."""
        return "".join(delta.content for delta in self.deltas)

    @property
    def thinking(self) -> str:
        """All thoughts."""
        return "".join(delta.thinking for delta in self.deltas)


async def ask(provider: ModelProvider) -> Outcome:
    """Ask a question and collect everything."""
    return await collect(provider.chat_stream(question()))


async def collect(events: AsyncGenerator[ChatEvent, None]) -> Outcome:
    """Collect everything that ``events`` bring, and hold them to what a stream promises."""
    found = Outcome()
    try:
        async with aclosing(events):
            async for event in events:
                expect(found.finish is None, f"{event!r} came after the Finish")
                if isinstance(event, Finish):
                    found.finish = event
                else:
                    found.deltas.append(event)
    except (ModelServerError, ModelNotFound) as error:
        found.error = error
        _expect_discreet(error)
        expect(found.finish is None, "an error came after the Finish")
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"what came out is no ModelServerError and no ModelNotFound: {error!r}") from error
    expect(found.finish or found.error, "the stream ended with neither a Finish nor an error")
    return found


async def fails(call: Awaitable[object], *kinds: type[DeeperError]) -> DeeperError:
    """Return the error of ``call``, which is one of ``kinds``."""
    try:
        await call
    except kinds as error:
        _expect_discreet(error)
        return error
    except Exception as error:
        raise AssertionError(f"expected one of {[kind.__name__ for kind in kinds]}, not {error!r}") from error
    raise AssertionError(f"none of {[kind.__name__ for kind in kinds]} was raised")


def expect_error(found: Outcome, *kinds: type[DeeperError]) -> DeeperError:
    """Return the error of ``found``, whose class is one of ``kinds``."""
    if found.error is None or type(found.error) not in kinds:
        raise AssertionError(
            f"expected one of {[kind.__name__ for kind in kinds]}, not {found.error or found.finish!r}"
        )
    return found.error


def _expect_discreet(error: DeeperError) -> None:
    told = f"{error} {error.message} {error.details} {error.args}"
    expect(UPSTREAM_WORDS not in told, "the message of an error holds the upstream's words")
