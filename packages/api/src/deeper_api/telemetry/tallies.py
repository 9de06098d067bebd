"""Counters that cost next to nothing to count with: a number each, which is read when metrics are collected."""

from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation


class Tally:
    """Counts by the values of ``labels``, each of which has to have few of them."""

    def __init__(self, meter: Meter, name: str, *labels: str, unit: str, description: str) -> None:
        self._labels = labels
        self._counts: Counter[tuple[str, ...]] = Counter()
        meter.create_observable_counter(name, [self._observe], unit=unit, description=description)

    def add(self, *values: str) -> None:
        """Count one more with these values, in the order of the labels."""
        self._counts[values] += 1

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        # Collected on a thread of its own, while the others go on counting: copying is one step.
        return [
            Observation(n, dict(zip(self._labels, values, strict=True))) for values, n in self._counts.copy().items()
        ]


def gauge(meter: Meter, name: str, read: Callable[[], float], *, unit: str, description: str) -> None:
    """Tell what ``read`` returns whenever metrics are collected; the values of several processes add up."""
    meter.create_observable_up_down_counter(name, [lambda _: [Observation(read())]], unit=unit, description=description)


def total(meter: Meter, name: str, read: Callable[[], float], *, unit: str, description: str) -> None:
    """Tell what ``read`` returns, which never falls, whenever metrics are collected."""
    meter.create_observable_counter(name, [lambda _: [Observation(read())]], unit=unit, description=description)
