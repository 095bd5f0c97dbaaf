"""The health of this process's worker, asked for when Prometheus asks: neither need the database answer, nor the event
loop turn. That they do not is what the alert is there for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias, get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Health: TypeAlias = Literal["healthy", "degraded", "unhealthy"]


class HealthCollector(Collector):
    """Exports the health that is watched; nothing where no worker runs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._health: Callable[[], Health] | None = None
        registry.register(self)

    @contextmanager
    def watching(self, health: Callable[[], Health]) -> Iterator[None]:
        """Exports what `health` says for the length of the block; the thread that serves the metrics calls it."""
        self._health = health
        try:
            yield
        finally:
            if self._health is health:
                self._health = None

    def collect(self) -> Iterator[Metric]:
        states = GaugeMetricFamily("rowlock_worker_health", "1 for the present state.", labels=["state"])
        health = self._health
        if health is not None:
            present = health()
            for state in get_args(Health):
                states.add_metric([state], state == present)
        yield states
