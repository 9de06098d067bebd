"""What limits tell of themselves, as a test reads it."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint


class Metrics:
    """What a meter was told."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider(metric_readers=[self._reader])
        self.meter = self.provider.get_meter("test")

    def __call__(self) -> dict[str, int | float]:
        """Return the sums by name and, if there is one, the value of the attribute."""
        data = self._reader.get_metrics_data()
        assert data is not None
        [resource] = data.resource_metrics
        [scope] = resource.scope_metrics
        return {
            " ".join([metric.name, *map(str, (point.attributes or {}).values())]): point.value
            for metric in scope.metrics
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint)
        }
