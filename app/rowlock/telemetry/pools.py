"""Gauges and counters of connection pools, read from each pool's statistics when Prometheus asks.

Nothing is recorded on the way of a query. The statistics are `get_stats()` of `psycopg_pool`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PoolStats = Callable[[], Mapping[str, int]]


class PoolCollector(Collector):
    """Exports the pools that are watched."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._pools: dict[str, PoolStats] = {}
        registry.register(self)

    def watch(self, pool: str, stats: PoolStats) -> None:
        """Export `stats()` under `pool` (one of few names: `api`, `scheduler`, `worker`, `handlers`) until `forget`.

        `stats` is called from the thread that serves the metrics.
        """
        self._pools[pool] = stats

    def forget(self, pool: str) -> None:
        """No longer export the pool: it is closed. Unknown names are fine."""
        self._pools.pop(pool, None)

    def collect(self) -> Iterator[Metric]:
        connections = GaugeMetricFamily("rowlock_pool_connections", "Open connections.", labels=["pool", "state"])
        limit = GaugeMetricFamily("rowlock_pool_connections_max", "Connections opened at most.", labels=["pool"])
        waiting = GaugeMetricFamily("rowlock_pool_waiting", "Callers waiting for a connection.", labels=["pool"])
        waits = CounterMetricFamily("rowlock_pool_wait_seconds", "Time spent waiting for connections.", labels=["pool"])
        requests = CounterMetricFamily("rowlock_pool_requests", "Connections asked for.", labels=["pool"])
        errors = CounterMetricFamily("rowlock_pool_errors", "Connections asked for in vain.", labels=["pool"])
        for pool, stats in list(self._pools.items()):
            now = stats()
            idle = now.get("pool_available", 0)
            connections.add_metric([pool, "idle"], idle)
            connections.add_metric([pool, "busy"], now.get("pool_size", 0) - idle)
            limit.add_metric([pool], now.get("pool_max", 0))
            waiting.add_metric([pool], now.get("requests_waiting", 0))
            waits.add_metric([pool], now.get("requests_wait_ms", 0) / 1000)
            requests.add_metric([pool], now.get("requests_num", 0))
            errors.add_metric([pool], now.get("requests_errors", 0))
        yield from (connections, limit, waiting, waits, requests, errors)
