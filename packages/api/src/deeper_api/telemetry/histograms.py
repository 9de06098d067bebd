"""Histograms in which to record costs little: every request does so, and every answer eight times.

The SDK's clean and hash the attributes of each measurement, which takes as long as a guard of ours.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.context import Context
from opentelemetry.metrics import Histogram
from opentelemetry.util.types import Attributes

from deeper_api.telemetry.snapshots import Family, Sample, Snapshot

_Key = tuple[tuple[str, object], ...]

# What the exporter to Prometheus makes of those units that there are.
_UNITS: Final = {"s": "seconds", "{token}": "", "": ""}
# As https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute wants it.
_BEYOND: Final[_Key] = (("otel.metric.overflow", "true"),)


class Histograms:
    """Makes histograms as a meter does, each of which tells ``most`` combinations of attributes apart.

    What is beyond these is summed up as one. Amounts that are below zero, or no numbers, are not recorded: no sum may
    fall.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: list[_Histogram] = []

    def create(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> Histogram:
        """Return a new one; there are no buckets but those that are advised."""
        bounds = tuple(explicit_bucket_boundaries_advisory or ())
        made = _Histogram(name, unit, description, bounds, self._most)
        self._made.append(made)
        return made

    def read(self) -> Snapshot:
        """Return what was recorded until now, in those in which anything was."""
        return tuple(family for family in (made.read() for made in self._made) if family.samples)


class _Histogram(Histogram):
    def __init__(self, name: str, unit: str, description: str, bounds: tuple[float, ...], most: int) -> None:
        self._name, self._description = name, description
        self._unit = _UNITS[unit]
        self._bounds = bounds
        self._most = most
        # How many there are in each bucket, and their sum.
        self._recorded: dict[_Key, list[float]] = {}

    def record(self, amount: float, attributes: Attributes = None, context: Context | None = None) -> None:
        del context
        if not 0 <= amount < math.inf:
            return
        key = tuple(sorted(attributes.items())) if attributes else ()
        counts = self._recorded.get(key)
        if counts is None:
            counts = self._begin(key)
        counts[bisect_left(self._bounds, amount)] += 1
        counts[-1] += amount

    def _begin(self, key: _Key) -> list[float]:
        if len(self._recorded) >= self._most:
            key = _BEYOND
        return self._recorded.setdefault(key, [0.0] * (len(self._bounds) + 2))

    def read(self) -> Family:
        """Return it as the exporter would; from any thread, since to copy is one step."""
        name = "_".join(filter(None, (_sane(self._name), self._unit)))
        samples: list[Sample] = []
        for key, counts in self._recorded.copy().items():
            labels = {_sane(label): str(value) for label, value in key if value != ""}
            *buckets, amount = counts.copy()
            count = 0.0
            for bound, within in zip((*self._bounds, "+Inf"), buckets, strict=True):
                count += within
                samples.append(Sample(f"{name}_bucket", _labels(labels | {"le": str(bound)}), count))
            samples += [Sample(f"{name}_count", _labels(labels), count), Sample(f"{name}_sum", _labels(labels), amount)]
        return Family(name, "histogram", self._unit, self._description, tuple(samples))


def _labels(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _sane(name: str) -> str:
    return name.replace(".", "_")
