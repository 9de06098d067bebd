"""Token buckets as values, and the seam behind which they are kept.

A bucket holds ``capacity`` tokens at most, and regains ``per_second`` of them as time goes by. All that has to be kept
of one is when it will be full again: it is short by as many tokens as it regains until then. Times are whole
microseconds and so is the time that one token takes, so that no rounding lets one token too many through.
"""

import math
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

_MICROSECONDS = 1_000_000


class BucketsUnavailable(Exception):
    """What keeps the buckets does not answer, or not in time."""


class Bucket(Struct, frozen=True, kw_only=True):
    """One bucket of a caller, and what is asked of it. A negative ``cost`` gives tokens back.

    ``overdue`` is a cost that was known too late to refuse it: it is taken even if there is not enough, until ``debt``
    tokens are owed. While anything is owed the bucket has nothing for anybody, not even for a cost of 0.
    """

    name: str
    capacity: int
    per_second: float
    cost: int = 1
    overdue: bool = False
    debt: int = 0

    @property
    def interval(self) -> int:
        """Microseconds in which one token comes back."""
        return math.ceil(_MICROSECONDS / self.per_second)

    @property
    def emptiest(self) -> int:
        """Microseconds in which it is full when as much is owed as may be."""
        return (self.capacity + self.debt) * self.interval

    def part(self, share: float) -> "Bucket":
        """Return the bucket of one among several who share this one: smaller, but never too small to be taken from."""
        least = 1 if self.overdue else max(1, self.cost)
        capacity = max(least, math.ceil(self.capacity * share))
        return replace(self, capacity=capacity, per_second=self.per_second * share, debt=int(self.debt * share))


class Level(Struct, frozen=True, kw_only=True):
    """A bucket after it was asked: how many whole tokens are left in it.

    ``wait`` is the time in seconds until it has what it was asked for, 0 if it had; ``more`` that until it has at least
    one token more, or as many as it was asked for, 0 if it is full.
    """

    bucket: Bucket
    remaining: int
    wait: float
    more: float


class Decision(Struct, frozen=True, kw_only=True):
    """Whether every bucket had enough. If one had not, nothing was taken from any."""

    allowed: bool
    levels: tuple[Level, ...]

    @property
    def retry_after(self) -> float:
        """Seconds after which the same may be asked again, if nobody else asks in between."""
        return max((level.wait for level in self.levels), default=0.0)


class Buckets(Protocol):
    """Keeps the buckets of every caller."""

    async def take(self, caller: str, buckets: Sequence[Bucket]) -> Decision:
        """Take what each bucket is asked for: from all of them, or from none.

        Raises:
            BucketsUnavailable: nobody can tell now.
        """
        ...


def take_from(buckets: Sequence[Bucket], shortages: Sequence[int]) -> tuple[bool, list[int]]:
    """Return whether every bucket has enough, and how short each is afterwards; shortages are in microseconds.

    If not, they are as short as before, but none is shorter than it can be, as a clock that was set back makes it look.
    ``take.lua`` does the same in Redis.
    """
    known = [min(max(0, short), b.emptiest) for b, short in zip(buckets, shortages, strict=True)]
    wanted = [max(0, short + b.cost * b.interval) for b, short in zip(buckets, known, strict=True)]
    wanted = [min(short, b.emptiest) if b.overdue else short for b, short in zip(buckets, wanted, strict=True)]
    allowed = all(b.overdue or short <= b.capacity * b.interval for b, short in zip(buckets, wanted, strict=True))
    return allowed, wanted if allowed else known


def decision(buckets: Sequence[Bucket], shortages: Sequence[int], *, allowed: bool) -> Decision:
    """Return the decision that leaves the buckets with these shortages, in microseconds."""
    return Decision(
        allowed=allowed,
        levels=tuple(_level(b, short, allowed=allowed) for b, short in zip(buckets, shortages, strict=True)),
    )


def _level(bucket: Bucket, short: int, *, allowed: bool) -> Level:
    held = bucket.capacity * bucket.interval - short
    wait = 0 if allowed else max(0, bucket.cost * bucket.interval - held)
    more = min(short, bucket.interval - held % bucket.interval)
    return Level(
        bucket=bucket,
        remaining=max(0, held // bucket.interval),
        wait=wait / _MICROSECONDS,
        more=max(wait, more) / _MICROSECONDS,
    )
