"""All Prometheus metrics of a rowlock process, one set on one registry.

A process has one set (`process_metrics()`), on a registry of its own, so that an application that
embeds rowlock keeps its default registry to itself. What happens thousands of times a second is
recorded by the batch: a call costs about 5 µs per distinct label set and 0.3 µs per task. Every
method may be called from any thread.
"""

from __future__ import annotations

import platform
from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from functools import cache, partial
from importlib.metadata import version
from math import nan
from typing import Final, NamedTuple, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.process_collector import ProcessCollector

from rowlock.telemetry.health import HealthCollector
from rowlock.telemetry.histograms import BatchHistogram, BatchSeries
from rowlock.telemetry.labels import BoundedLabel, TaskLabels
from rowlock.telemetry.pools import PoolCollector
from rowlock.telemetry.snapshots import SnapshotCollector
from rowlock.telemetry.troubles import TroubleCollector

FinishedAttempt: TypeAlias = tuple[str, str, str, float, float]
"""Queue, task name, outcome, seconds waited since the task became visible, seconds run."""

TASK_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)
STATEMENT_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BATCH_TASKS = (0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
MAINTENANCE_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300)
HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Ended(NamedTuple):
    """What an attempt that ended is counted in."""

    attempts: Counter
    wait: BatchSeries
    run: BatchSeries


class Metrics:
    """The set. Attributes are the metrics; methods record what takes more than one of them."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry: Final = registry if registry is not None else CollectorRegistry()
        counter = partial(Counter, namespace="rowlock", registry=self.registry)
        gauge = partial(Gauge, namespace="rowlock", registry=self.registry)
        histogram = partial(Histogram, namespace="rowlock", registry=self.registry)
        task_histogram = partial(
            BatchHistogram,
            labelnames=("queue", "name"),
            buckets=TASK_SECONDS,
            registry=self.registry,
        )
        self.task_labels: Final = TaskLabels()
        self._route_label = BoundedLabel(200)
        self._submitted: dict[tuple[tuple[str, str], str], Counter] = {}
        self._ended: dict[tuple[str, str, str], _Ended] = {}
        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

        self.tasks_submitted: Final = counter("tasks_submitted", "Tasks enqueued.", ["queue", "name", "source"])
        self.tasks_finished: Final = counter("tasks_finished", "Attempts that ended.", ["queue", "name", "outcome"])
        self.task_wait_seconds: Final = task_histogram("rowlock_task_wait_seconds", "From visible to claimed.")
        self.task_run_seconds: Final = task_histogram("rowlock_task_run_seconds", "From claimed to ended.")

        self.claims: Final = counter("claims", "Claims, empty ones too.")
        self.claimed_tasks: Final = histogram("claimed_tasks", "Tasks taken by one claim.", buckets=BATCH_TASKS)
        self.claim_seconds: Final = histogram("claim_seconds", "Duration of one claim.", buckets=STATEMENT_SECONDS)
        self.finish_batch_tasks: Final = histogram(
            "finish_batch_tasks", "Outcomes written by one statement.", buckets=BATCH_TASKS
        )
        self.finish_seconds: Final = histogram(
            "finish_seconds", "Duration of writing one batch.", buckets=STATEMENT_SECONDS
        )
        self.lease_renewals: Final = counter("lease_renewals", "Leases renewed.")
        self.leases_lost: Final = counter("leases_lost", "Leases taken over while their task ran.")
        self.rescues: Final = counter("rescues", "Tasks whose lease ran out.", ["reason"])
        self.tasks_expired: Final = counter(
            "tasks_expired", "Tasks whose deadline passed while no worker ran them (leader)."
        )
        self.notifications: Final = counter("notifications", "Wake-ups received by LISTEN.")

        self.worker_running_tasks: Final = gauge("worker_running_tasks", "Tasks held, those claimed ahead among them.")
        self.worker_concurrency: Final = gauge("worker_concurrency", "Tasks run at once at most.")
        self.worker_abandoned_threads: Final = gauge(
            "worker_abandoned_threads", "Threads that still run a handler or a step whose attempt is over."
        )
        self.abandoned_attempts: Final = counter(
            "abandoned_attempts", "Attempts that were ended though their handler goes on.", ["executor"]
        )
        self.worker_health: Final = HealthCollector(self.registry)

        self.pools: Final = PoolCollector(self.registry)
        self.database_errors: Final = counter("database_errors", "Statements and connections that failed.", ["kind"])
        self.trouble: Final = TroubleCollector(self.registry)

        self.leader: Final = gauge("leader", "1 while this process leads.", ["role"])
        self.leader_epoch: Final = gauge("leader_epoch", "Epoch this process last led.", ["role"])
        self.schedule_windows: Final = counter("schedule_windows", "Windows accounted for.", ["outcome"])
        self.schedule_lag_seconds: Final = gauge(
            "schedule_lag_seconds", "Age of the oldest due window not accounted for (leader)."
        )
        self.schedule_drift_seconds: Final = histogram(
            "schedule_drift_seconds", "From a window to its firing.", buckets=TASK_SECONDS
        )
        self.schedule_errors: Final = counter(
            "schedule_errors", "Looks at due schedules whose rule could not be read, one a minute each."
        )
        self.duty_failures: Final = counter("duty_failures", "Duties of the leader that failed.", ["duty"])
        self.partitions_ahead_days: Final = gauge(
            "partitions_ahead_days", "Days of partitions ahead, of the table with fewest (leader)."
        )
        self.partitions_ahead_days.set(nan)
        self.maintenance_seconds: Final = histogram(
            "maintenance_seconds", "Duration of one round.", buckets=MAINTENANCE_SECONDS
        )

        self.http_requests: Final = counter("http_requests", "Requests answered.", ["method", "route", "status"])
        self.http_request_seconds: Final = histogram(
            "http_request_seconds",
            "Duration of a request.",
            ["method", "route"],
            buckets=STATEMENT_SECONDS,
        )

        self.queues: Final = SnapshotCollector(self.registry, self.task_labels.queue)

    def record_submitted(self, tasks: Iterable[tuple[str, str]] | Mapping[tuple[str, str], int], source: str) -> None:
        """Count enqueued tasks, given as (queue, name), or how many of each. Sources: python, rest, cli, schedule."""
        for pair, count in (tasks if isinstance(tasks, dict) else Tally(tasks)).items():
            submitted = self._submitted.get((pair, source)) or self._submitted_series(pair, source)
            submitted.inc(count)

    def take_submitted(self, source: str) -> dict[tuple[str, str], int]:
        """What `record_submitted` has counted since it was last taken, for another process to count."""
        samples = [sample for metric in self.tasks_submitted.collect() for sample in metric.samples]
        self._submitted.clear()
        self.tasks_submitted.clear()
        return {
            (labels["queue"], labels["name"]): int(value)
            for name, labels, value, *_ in samples
            if name.endswith("_total") and labels["source"] == source
        }

    def _submitted_series(self, pair: tuple[str, str], source: str) -> Counter:
        labels = self.task_labels(pair)
        submitted = self.tasks_submitted.labels(*labels, source)
        if labels == pair:
            self._submitted[pair, source] = submitted
        return submitted

    def record_claim(self, tasks: int, seconds: float) -> None:
        """Count one claim that took so many `tasks`."""
        self.claims.inc()
        self.claimed_tasks.observe(tasks)
        self.claim_seconds.observe(seconds)

    def record_finished(self, attempts: Iterable[FinishedAttempt]) -> None:
        """Count attempts that ran and whose end is stored."""
        groups: dict[tuple[str, str, str], tuple[list[float], list[float]]] = {}
        for queue, name, outcome, waited, ran in attempts:
            seconds = groups.get((queue, name, outcome))
            if seconds is None:
                seconds = groups[queue, name, outcome] = [], []
            seconds[0].append(waited)
            seconds[1].append(ran)
        for key, (waits, runs) in groups.items():
            ended = self._ended.get(key) or self._ended_series(*key)
            ended.attempts.inc(len(waits))
            ended.wait.observe(waits)
            ended.run.observe(runs)

    def _ended_series(self, queue: str, name: str, outcome: str) -> _Ended:
        labels = self.task_labels((queue, name))
        ended = _Ended(
            self.tasks_finished.labels(*labels, outcome),
            self.task_wait_seconds.labels(*labels),
            self.task_run_seconds.labels(*labels),
        )
        if labels == (queue, name):
            self._ended[queue, name, outcome] = ended
        return ended

    def record_finish_batch(self, tasks: int, seconds: float) -> None:
        """Count one statement that wrote so many outcomes."""
        self.finish_batch_tasks.observe(tasks)
        self.finish_seconds.observe(seconds)

    def record_worker(self, *, running: int, concurrency: int) -> None:
        """Say what this worker's heartbeat says."""
        self.worker_running_tasks.set(running)
        self.worker_concurrency.set(concurrency)

    def record_leader(self, role: str, *, leads: bool, epoch: int | None = None) -> None:
        """Say whether this process leads. Candidates say no, so that a missing leader shows."""
        self.leader.labels(role).set(leads)
        if epoch is not None:
            self.leader_epoch.labels(role).set(epoch)

    def record_http(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is the template (`/v1/tasks/{id}`), `static` or `unmatched`."""
        method = method if method in HTTP_METHODS else "OTHER"
        route = self._route_label(route)
        if (method, route, status) not in self._answered:  # asking for a series costs more than counting in it
            self._answered[method, route, status] = (
                self.http_requests.labels(method, route, status),
                self.http_request_seconds.labels(method, route),
            )
        requests, durations = self._answered[method, route, status]
        requests.inc()
        durations.observe(seconds)


@cache
def process_metrics() -> Metrics:
    """The set of this process; beside it the process's CPU, memory and files, and the version."""
    metrics = Metrics()
    ProcessCollector(registry=metrics.registry)
    build = Info("rowlock_build", "What runs here.", registry=metrics.registry)
    build.info({"version": version("rowlock"), "python": platform.python_version()})
    return metrics
