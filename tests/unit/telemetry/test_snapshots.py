"""The queues' gauges are the latest rows, no more and no less."""

from __future__ import annotations

import time
from dataclasses import replace

from prometheus_client import CollectorRegistry, generate_latest

from rowlock.telemetry.labels import BoundedLabel
from rowlock.telemetry.snapshots import QueueSnapshot, SnapshotCollector


def collector(limit: int = 10) -> tuple[CollectorRegistry, SnapshotCollector]:
    registry = CollectorRegistry()
    return registry, SnapshotCollector(registry, BoundedLabel(limit))


def samples(registry: CollectorRegistry) -> list[str]:
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


MAIL = QueueSnapshot(
    "mail",
    depth={"ready": 5, "running": 2},
    oldest_ready_seconds=12.5,
    lag_seconds=1.5,
    dead_letters=3,
    workers=2,
    without_handler=1,
)


def test_nothing_is_exported_before_the_first_update() -> None:
    registry, _ = collector()
    assert samples(registry) == []


def test_the_rows_are_exported() -> None:
    registry, queues = collector()
    queues.update([MAIL])
    lines = samples(registry)
    assert 'rowlock_queue_depth{queue="mail",status="ready"} 5.0' in lines
    assert 'rowlock_queue_depth{queue="mail",status="running"} 2.0' in lines
    assert 'rowlock_oldest_ready_seconds{queue="mail"} 12.5' in lines
    assert 'rowlock_queue_lag_seconds{queue="mail"} 1.5' in lines
    assert 'rowlock_dead_letters{queue="mail"} 3.0' in lines
    assert 'rowlock_queue_workers{queue="mail"} 2.0' in lines
    assert 'rowlock_queue_paused{queue="mail"} 0.0' in lines
    assert 'rowlock_tasks_without_handler{queue="mail"} 1.0' in lines
    at = registry.get_sample_value("rowlock_queue_snapshot_timestamp_seconds")
    assert at is not None
    assert abs(at - time.time()) < 60


def test_a_queue_that_is_gone_is_no_longer_exported() -> None:
    registry, queues = collector()
    queues.update([MAIL])
    queues.update([QueueSnapshot("web", {"ready": 1}, 0.5, dead_letters=0, workers=0)])
    lines = samples(registry)
    assert not any("mail" in line for line in lines)
    assert 'rowlock_queue_workers{queue="web"} 0.0' in lines
    assert not any(line.startswith("rowlock_queue_lag_seconds") for line in lines)


def test_rows_of_one_queue_and_queues_beyond_the_limit_are_merged() -> None:
    registry, queues = collector(limit=1)
    more = QueueSnapshot("mail", {"ready": 1, "blocked": 4}, 99.0, dead_letters=1, workers=2, without_handler=4)
    others = [QueueSnapshot(f"q{i}", {"ready": 1}, float(i), 1, workers=i) for i in range(3)]
    queues.update([MAIL, more, *others])
    lines = samples(registry)
    assert 'rowlock_queue_depth{queue="mail",status="ready"} 6.0' in lines
    assert 'rowlock_queue_depth{queue="mail",status="blocked"} 4.0' in lines
    assert 'rowlock_oldest_ready_seconds{queue="mail"} 99.0' in lines
    assert 'rowlock_queue_lag_seconds{queue="mail"} 1.5' in lines
    assert 'rowlock_dead_letters{queue="mail"} 4.0' in lines
    assert 'rowlock_tasks_without_handler{queue="mail"} 5.0' in lines
    assert 'rowlock_queue_workers{queue="mail"} 2.0' in lines
    assert 'rowlock_queue_depth{queue="other",status="ready"} 3.0' in lines
    assert 'rowlock_oldest_ready_seconds{queue="other"} 2.0' in lines


def test_what_waits_under_a_pause_is_not_late_beside_what_may_be_claimed() -> None:
    """A queue is paused for one tenant, and another has a task in it: nobody has to be woken for the first one's."""
    registry, queues = collector()
    paused = QueueSnapshot("mail", {"ready": 0, "paused": 9}, 9_000.0, 0, workers=2, lag_seconds=9_000.0, paused=True)
    queues.update([paused, MAIL, paused])
    lines = samples(registry)
    assert 'rowlock_queue_depth{queue="mail",status="ready"} 5.0' in lines
    assert 'rowlock_queue_depth{queue="mail",status="paused"} 18.0' in lines
    assert 'rowlock_oldest_ready_seconds{queue="mail"} 12.5' in lines
    assert 'rowlock_queue_lag_seconds{queue="mail"} 1.5' in lines
    assert 'rowlock_queue_paused{queue="mail"} 0.0' in lines


def test_a_queue_that_is_paused_for_all_tells_how_long_its_tasks_have_waited() -> None:
    registry, queues = collector()
    paused = replace(MAIL, paused=True)
    queues.update([paused, replace(paused, oldest_ready_seconds=99.0, lag_seconds=None)])
    lines = samples(registry)
    assert 'rowlock_oldest_ready_seconds{queue="mail"} 99.0' in lines
    assert 'rowlock_queue_lag_seconds{queue="mail"} 1.5' in lines
    assert 'rowlock_queue_paused{queue="mail"} 1.0' in lines
