"""Gauges whose values come from the database, fed by whoever reads it (the API, every few seconds).

Every process that feeds them exports the same figures of the whole installation: ask for
`max by (queue)`, never for a sum over instances. Tenants are not told apart. Before the first
update nothing is exported; a feeder that stopped shows in the timestamp's age.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from rowlock.telemetry.labels import BoundedLabel


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """What the database says of one queue, of all tenants together or of one of them.

    `depth` counts live tasks by state, those that are ready or orphaned under a pause as `paused`.
    `oldest_ready_seconds` is how long the task that has waited longest has been ready, or orphaned;
    `lag_seconds` the same of its most urgent priority that has any (None where nobody asked): they
    differ when a low priority starves. `workers` counts live workers subscribed to the queue, and `without_handler` the
    tasks that no worker could run that has met them.
    """

    queue: str
    depth: Mapping[str, int]
    oldest_ready_seconds: float
    dead_letters: int
    workers: int
    lag_seconds: float | None = None
    paused: bool = False
    without_handler: int = 0

    def merged_with(self, more: QueueSnapshot) -> QueueSnapshot:
        """This and `more` as one row: counts add up, ages and workers take the greater.

        What waits under a pause is not late, so it lends no age to a row with tasks that may be claimed.
        """
        statuses = self.depth.keys() | more.depth.keys()
        aged = [row for row in (self, more) if not row.paused] or [self, more]
        return replace(
            self,
            depth={s: self.depth.get(s, 0) + more.depth.get(s, 0) for s in statuses},
            lag_seconds=max((row.lag_seconds for row in aged), key=lambda lag: lag or 0),
            oldest_ready_seconds=max(row.oldest_ready_seconds for row in aged),
            dead_letters=self.dead_letters + more.dead_letters,
            workers=max(self.workers, more.workers),
            paused=self.paused and more.paused,
            without_handler=self.without_handler + more.without_handler,
        )


class SnapshotCollector(Collector):
    """Exports the rows of the latest `update`, rows that share a queue's label merged into one."""

    def __init__(self, registry: CollectorRegistry, queue_label: BoundedLabel) -> None:
        self._queue_label = queue_label
        self._rows: Mapping[str, QueueSnapshot] = {}
        self._updated_at: float | None = None
        registry.register(self)

    def update(self, rows: Iterable[QueueSnapshot]) -> None:
        """Replace what is exported. A queue that `rows` does not name is no longer exported."""
        merged: dict[str, QueueSnapshot] = {}
        for row in rows:
            label = self._queue_label(row.queue)
            merged[label] = merged[label].merged_with(row) if label in merged else row
        self._rows, self._updated_at = merged, time.time()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        rows = self._rows
        depth = GaugeMetricFamily("rowlock_queue_depth", "Live tasks by state.", labels=["queue", "status"])
        for queue, row in rows.items():
            for status, count in sorted(row.depth.items()):
                depth.add_metric([queue, status], count)
        yield depth
        for name, documentation, value_of in _GAUGES:
            gauge = GaugeMetricFamily(name, documentation, labels=["queue"])
            for queue, row in rows.items():
                value = value_of(row)
                if value is not None:
                    gauge.add_metric([queue], value)
            yield gauge
        updated = GaugeMetricFamily(
            "rowlock_queue_snapshot_timestamp_seconds",
            "Unix time at which the queues' gauges were last read from the database.",
        )
        if self._updated_at is not None:
            updated.add_metric([], self._updated_at)
        yield updated


_GAUGES: tuple[tuple[str, str, Callable[[QueueSnapshot], float | None]], ...] = (
    (
        "rowlock_oldest_ready_seconds",
        "How long the task that has waited longest to be claimed has been ready, or orphaned.",
        lambda row: row.oldest_ready_seconds,
    ),
    (
        "rowlock_queue_lag_seconds",
        "The same, of the most urgent priority that has such tasks.",
        lambda row: row.lag_seconds,
    ),
    ("rowlock_dead_letters", "Dead tasks that are kept.", lambda row: row.dead_letters),
    ("rowlock_queue_workers", "Live workers that take from it; those that drain do not.", lambda row: row.workers),
    (
        "rowlock_tasks_without_handler",
        "Tasks that no worker could run that has met them: it has no such handler, or not for the payload's version.",
        lambda row: row.without_handler,
    ),
    ("rowlock_queue_paused", "1 while nothing is claimed.", lambda row: row.paused),
)
