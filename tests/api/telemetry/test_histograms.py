"""Our histograms tell what those of the SDK would."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics import Histogram as SdkHistogram
from prometheus_client import CollectorRegistry

from deeper_api.telemetry.histograms import Histograms
from deeper_api.telemetry.snapshots import Family, Snapshot, take

MOST: Final = 4
BOUNDS: Final = (0.005, 0.25, 1, 60)
AMOUNTS: Final = st.sampled_from(
    [-0.5, math.nan, math.inf, -math.inf, 0.0, 0.001, 0.005, 0.0051, 0.25, 1.0, 1, 2.5, 60.0, 61.0, 7_000]
)
ATTRIBUTES: Final = st.fixed_dictionaries(
    {"http.route": st.sampled_from(["/v1/me", "/v1/chat", "", 'a"b\\\n'])},
    optional={"http.response.status_code": st.sampled_from([200, 404, 0]), "error.type": st.just("timeout")},
)


def recorded(
    create: Callable[..., Histogram], unit: str, measurements: Sequence[tuple[float, Mapping[str, str | int]]]
) -> None:
    histogram = create("deeper.a.duration", unit=unit, description="d", explicit_bucket_boundaries_advisory=BOUNDS)
    for amount, attributes in measurements:
        histogram.record(amount, attributes)


def as_the_sdk_has_it(unit: str, measurements: Sequence[tuple[float, Mapping[str, str | int]]]) -> Snapshot:
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(
        disable_target_info=True,
        scope_info_enabled=False,
        registry=registry,
        cardinality_limits={SdkHistogram: MOST},
    )
    provider = MeterProvider([reader], exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False)
    recorded(provider.get_meter("deeper").create_histogram, unit, measurements)
    return take(registry.collect())


def in_order(snapshot: Snapshot) -> list[Family]:
    """Of each family the samples in an order of their own."""
    return [Family(f.name, f.kind, f.unit, f.description, tuple(sorted(f.samples, key=repr))) for f in snapshot]


@given(st.sampled_from(["s", "{token}"]), st.lists(st.tuples(AMOUNTS, ATTRIBUTES), max_size=30))
def test_whatever_is_recorded(unit: str, measurements: Sequence[tuple[float, Mapping[str, str | int]]]):
    ours = Histograms(MOST)
    recorded(ours.create, unit, measurements)
    assert in_order(ours.read()) == in_order(as_the_sdk_has_it(unit, measurements))


def test_two_of_them_are_told_apart():
    histograms = Histograms(MOST)
    for name in ("deeper.a", "deeper.b", "deeper.never"):
        histogram = histograms.create(name, explicit_bucket_boundaries_advisory=BOUNDS)
        if name != "deeper.never":
            histogram.record(2)
    assert [(family.name, family.samples[-1].value) for family in histograms.read()] == [
        ("deeper_a", 2),
        ("deeper_b", 2),
    ]
