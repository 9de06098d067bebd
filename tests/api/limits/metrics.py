"""What limits tell of themselves, as a test reads it."""

from collections.abc import Sequence

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric, NumberDataPoint


class Metrics:
    """What a meter was told."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider(metric_readers=[self._reader])
        self.meter = self.provider.get_meter("test")

    def __call__(self) -> dict[str, int | float]:
        """Return the sums by name and, if there is one, the value of the attribute."""
        return {
            " ".join([metric.name, *map(str, (point.attributes or {}).values())]): point.value
            for metric in self._read()
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint)
        }

    def explained(self) -> dict[str, tuple[str | None, str | None, set[str]]]:
        """Return the units, descriptions and names of attributes by name."""
        return {
            metric.name: (
                metric.unit,
                metric.description,
                {name for point in metric.data.data_points for name in point.attributes or ()},
            )
            for metric in self._read()
        }

    def _read(self) -> Sequence[Metric]:
        data = self._reader.get_metrics_data()
        assert data is not None
        [resource] = data.resource_metrics
        [scope] = resource.scope_metrics
        return scope.metrics
