"""The meter of one process, and what it has collected."""

from typing import Final

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    Counter,
    MeterProvider,
    ObservableCounter,
    ObservableUpDownCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import CardinalityLimits
from prometheus_client import CollectorRegistry

from deeper_api.telemetry.histograms import Histograms
from deeper_api.telemetry.snapshots import Snapshot, take

# Combinations of attributes that one instrument tells apart, whatever goes wrong with them; what is beyond is summed
# up as one. A histogram has a dozen series for each.
_MOST: Final = 500
_LIMITS: Final[CardinalityLimits] = dict.fromkeys(
    (Counter, UpDownCounter, ObservableCounter, ObservableUpDownCounter), _MOST
)


class Meters:
    """Counts in this process, for a collector that asks for `read`."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(
            disable_target_info=True, scope_info_enabled=False, registry=self._registry, cardinality_limits=_LIMITS
        )
        provider = MeterProvider([reader], exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False)
        self._histograms = Histograms(_MOST)
        self.meter: Meter = provider.get_meter("deeper")
        self.meter.create_histogram = self._histograms.create

    def read(self) -> Snapshot:
        """Return what was counted until now."""
        return take(self._registry.collect()) + self._histograms.read()
