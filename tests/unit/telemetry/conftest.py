"""What a process exports once everything has happened in it at least once."""

from __future__ import annotations

import pytest
from prometheus_client import Info

from rowlock.domain.errors import OutcomeUnknown
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.metrics import Metrics
from rowlock.telemetry.snapshots import QueueSnapshot


@pytest.fixture(scope="session")
def exported() -> dict[str, frozenset[str]]:
    """The labels of every sample that rowlock can export, by the sample's name."""
    metrics = Metrics()
    metrics.record_submitted([("q", "n")], "rest")
    metrics.record_claim(1, 0.1)
    metrics.record_finished([("q", "n", "succeeded", 0.1, 0.1)])
    metrics.record_finish_batch(1, 0.1)
    metrics.record_worker(running=1, concurrency=2)
    metrics.record_leader("scheduler", leads=True, epoch=1)
    metrics.record_http("GET", "/v1/tasks", 200, 0.1)
    metrics.pools.watch("api", dict)
    metrics.rescues.labels("lease_expired").inc()
    metrics.abandoned_attempts.labels("thread").inc()
    metrics.database_errors.labels("disk-full").inc()
    troubled = Condition("worker")
    troubled.troubled("claim", OutcomeUnknown("Unknown."))
    metrics.schedule_windows.labels("fired").inc()
    metrics.duty_failures.labels("fire").inc()
    metrics.queues.update([QueueSnapshot("q", {"ready": 1}, 1, 1, 1, lag_seconds=1)])
    Info("rowlock_build", "As process_metrics() has it.", registry=metrics.registry).info(
        {"version": "1", "python": "3"}
    )
    with metrics.trouble.watching(troubled), metrics.worker_health.watching(lambda: "healthy"):
        families = list(metrics.registry.collect())
    return {
        sample.name: frozenset(sample.labels)
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
