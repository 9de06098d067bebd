"""What one process has counted, as a value; and those of several as one.

Counters and histograms of processes that are gone still count, so that no sum ever falls. Their gauges do not.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct, msgpack
from msgspec.structs import replace
from prometheus_client import Metric

_Key = tuple[str, tuple[tuple[str, str], ...]]
# Kinds of which a process that has died keeps its part. The others are gauges: what is now.
_LASTING: Final = frozenset({"counter", "histogram"})


class Sample(Struct, frozen=True, array_like=True):
    """One number, with the labels that tell it from others of its name."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


class Family(Struct, frozen=True, array_like=True):
    """The samples of one metric."""

    name: str
    kind: str
    unit: str
    description: str
    samples: tuple[Sample, ...]


Snapshot = tuple[Family, ...]

_DECODER: Final = msgpack.Decoder(Snapshot)


def take(metrics: Iterable[Metric]) -> Snapshot:
    """Return what a registry has collected."""
    return tuple(
        Family(
            metric.name,
            metric.type,
            metric.unit,
            metric.documentation,
            tuple(Sample(s.name, tuple(sorted(s.labels.items())), float(s.value)) for s in metric.samples),
        )
        for metric in metrics
    )


def encode(snapshot: Snapshot) -> bytes:
    """Return ``snapshot`` for another process."""
    return msgpack.encode(snapshot)


def decode(data: bytes) -> Snapshot:
    """Return what another process has encoded.

    Raises:
        msgspec.DecodeError: it is not that, or not all of it.
    """
    return _DECODER.decode(data)


def lasting(snapshot: Snapshot) -> Snapshot:
    """Return what remains of ``snapshot`` when its process is gone."""
    return tuple(family for family in snapshot if family.kind in _LASTING)


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Return the sums, in the order in which names and labels come first."""
    families: dict[str, tuple[Family, dict[_Key, float]]] = {}
    for family in (family for snapshot in snapshots for family in snapshot):
        _, sums = families.setdefault(family.name, (family, {}))
        for sample in family.samples:
            key = (sample.name, sample.labels)
            sums[key] = sums.get(key, 0.0) + sample.value
    return tuple(
        Family(first.name, first.kind, first.unit, first.description, tuple(_samples(sums)))
        for first, sums in families.values()
    )


def never_less(snapshot: Snapshot, before: Snapshot) -> Snapshot:
    """Return ``snapshot`` with nothing that lasts below what it was in ``before``.

    Sums of fractions differ in their last digit with the order of their parts, which changes when a process dies. To
    Prometheus, the least fall is a counter that began anew.
    """
    least = {(s.name, s.labels): s.value for family in lasting(before) for s in family.samples}
    return tuple(
        replace(
            family,
            samples=tuple(
                replace(s, value=max(s.value, least.get((s.name, s.labels), s.value))) for s in family.samples
            ),
        )
        if family.kind in _LASTING
        else family
        for family in snapshot
    )


def metrics_in(snapshot: Snapshot) -> list[Metric]:
    """Return ``snapshot`` as prometheus_client writes it down."""
    return [_metric(family) for family in snapshot]


def _samples(sums: Mapping[_Key, float]) -> Iterable[Sample]:
    return (Sample(name, labels, value) for (name, labels), value in sums.items())


def _metric(family: Family) -> Metric:
    metric = Metric(family.name, family.description, family.kind, family.unit)
    for sample in family.samples:
        metric.add_sample(sample.name, dict(sample.labels), sample.value)
    return metric
