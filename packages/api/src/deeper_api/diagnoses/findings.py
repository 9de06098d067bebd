"""What an examination finds, and how several run side by side, each within its time."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """How it is with something: as it should be, doubtful, broken, or not to be looked at now."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. ``said`` is what was seen; ``advice`` what to do, where something is to be done."""

    name: str
    verdict: Verdict
    said: str
    advice: str | None = None


def ok(name: str, said: str) -> Finding:
    """Return that it is as it should be."""
    return Finding(name=name, verdict=Verdict.OK, said=said)


def warning(name: str, said: str, advice: str) -> Finding:
    """Return that it works, but."""
    return Finding(name=name, verdict=Verdict.WARNING, said=said, advice=advice)


def failed(name: str, said: str, advice: str) -> Finding:
    """Return that it does not work."""
    return Finding(name=name, verdict=Verdict.FAILED, said=said, advice=advice)


def skipped(name: str, said: str) -> Finding:
    """Return why it was not looked at."""
    return Finding(name=name, verdict=Verdict.SKIPPED, said=said)


class Examination(Struct, frozen=True, kw_only=True):
    """Something to look at, under a name for the case that it takes longer than ``seconds``."""

    name: str
    look: Callable[[], Awaitable[Sequence[Finding]]]
    seconds: float


async def examine(examinations: Sequence[Examination]) -> AsyncGenerator[Sequence[Finding], None]:
    """Make all of them at once and yield what each finds, in their order."""
    tasks = [asyncio.create_task(_examine(each), name=each.name) for each in examinations]
    try:
        for task in tasks:
            yield await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _examine(examination: Examination) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(examination.seconds):
            return await examination.look()
    except TimeoutError:
        said = f"no answer within {examination.seconds:g} s"
        return [failed(examination.name, said, "See whether it hangs, or whether something on the way to it does.")]
    except Exception as error:  # noqa: BLE001  - one that fails itself must not hide what the others find
        said = f"could not be examined ({type(error).__name__})"
        return [failed(examination.name, said, "This is a fault of `deeper doctor`. Please report it.")]
