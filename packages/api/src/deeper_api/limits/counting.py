"""Counting what buckets decide."""

from collections.abc import Sequence

from opentelemetry.metrics import Meter

from deeper_api.limits.buckets import Bucket, Buckets, Decision
from deeper_api.telemetry.tallies import Tally


class CountedBuckets:
    """Asks ``buckets``, and counts in ``deeper.limits.decisions``: what was allowed, and what which limit refused."""

    def __init__(self, buckets: Buckets, meter: Meter) -> None:
        self._buckets = buckets
        self._decisions = Tally(
            meter,
            "deeper.limits.decisions",
            "outcome",
            "limit",
            unit="{decision}",
            description="What limits decided, and by which of them something was refused.",
        )

    async def take(self, caller: str, buckets: Sequence[Bucket]) -> Decision:
        """Take what each bucket is asked for: from all of them, or from none."""
        decision = await self._buckets.take(caller, buckets)
        if not any(bucket.cost >= 0 and not bucket.overdue for bucket in buckets):
            return decision  # nothing was asked for: tokens are given back, or taken because they were spent
        if decision.allowed:
            self._decisions.add("allowed", "")
        else:
            longest = max(decision.levels, key=lambda level: level.wait)
            # What is behind the colon of a name is whose it is.
            self._decisions.add("refused", longest.bucket.name.partition(":")[0])
        return decision
