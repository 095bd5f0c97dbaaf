"""Whether the database is in trouble for the parts of this process, and for how long it has been, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rowlock.telemetry.condition import Condition


class TroubleCollector(Collector):
    """Exports the conditions that are watched."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._conditions: dict[str, Condition] = {}
        registry.register(self)

    @contextmanager
    def watching(self, condition: Condition) -> Iterator[None]:
        """Exports the condition under the name of its part for the length of the block."""
        self._conditions[condition.part] = condition
        try:
            yield
        finally:
            if self._conditions.get(condition.part) is condition:
                del self._conditions[condition.part]

    def collect(self) -> Iterator[Metric]:
        present = GaugeMetricFamily(
            "rowlock_database_trouble", "1 while the database is in trouble for this part.", labels=["part", "kind"]
        )
        total = CounterMetricFamily(
            "rowlock_database_trouble_seconds", "Time that this part has spent in trouble.", labels=["part"]
        )
        for part, condition in list(self._conditions.items()):
            for kind in dict.fromkeys(ailment.kind for ailment in condition.ailments):
                present.add_metric([part, kind], 1)
            total.add_metric([part], condition.seconds_in_trouble)
        yield from (present, total)
