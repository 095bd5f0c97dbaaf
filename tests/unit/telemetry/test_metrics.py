"""What is recorded is what Prometheus reads."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest

from rowlock.telemetry.metrics import Metrics, process_metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def text(metrics: Metrics) -> list[str]:
    return generate_latest(metrics.registry).decode().splitlines()


def test_submitted_tasks_are_counted_by_queue_name_and_source(metrics: Metrics) -> None:
    metrics.record_submitted([("mail", "send")] * 3 + [("web", "crawl")], "rest")
    lines = text(metrics)
    assert 'rowlock_tasks_submitted_total{name="send",queue="mail",source="rest"} 3.0' in lines
    assert 'rowlock_tasks_submitted_total{name="crawl",queue="web",source="rest"} 1.0' in lines


def test_what_was_submitted_is_taken_once_for_another_process_to_count(metrics: Metrics) -> None:
    submitted = {("mail", "send"): 3, ("web", "crawl"): 1}
    for _ in range(2):
        metrics.record_submitted(submitted, "python")
        metrics.record_submitted(submitted, "rest")
        assert metrics.take_submitted("python") == submitted
    assert metrics.take_submitted("python") == {}


def test_finished_attempts_are_counted_and_timed(metrics: Metrics) -> None:
    metrics.record_finished(
        [
            ("mail", "send", "succeeded", 0.5, 0.25),
            ("mail", "send", "succeeded", 2.0, 0.25),
            ("mail", "send", "failed", 0.0, 7200.0),
        ]
    )
    lines = text(metrics)
    assert 'rowlock_tasks_finished_total{name="send",outcome="succeeded",queue="mail"} 2.0' in lines
    assert 'rowlock_tasks_finished_total{name="send",outcome="failed",queue="mail"} 1.0' in lines
    labels = 'name="send",queue="mail"'
    assert f'rowlock_task_wait_seconds_bucket{{le="0.5",{labels}}} 2.0' in lines
    assert f"rowlock_task_wait_seconds_sum{{{labels}}} 2.5" in lines
    assert f'rowlock_task_run_seconds_bucket{{le="3600.0",{labels}}} 2.0' in lines
    assert f"rowlock_task_run_seconds_count{{{labels}}} 3.0" in lines


def test_invented_names_end_in_a_bounded_number_of_series(metrics: Metrics) -> None:
    metrics.record_finished(("q", f"invented-{i}", "succeeded", 0.0, 0.0) for i in range(2000))
    metrics.record_submitted([("q", f"more-{i}") for i in range(2000)], "python")
    lines = text(metrics)
    finished = [line for line in lines if line.startswith("rowlock_tasks_finished_total{")]
    assert len(finished) == 501
    assert 'rowlock_tasks_finished_total{name="other",outcome="succeeded",queue="q"} 1500.0' in lines
    submitted = 'rowlock_tasks_submitted_total{name="other",queue="q",source="python"} 2000.0'
    assert submitted in lines


def test_claims_and_finishes_are_sized_and_timed(metrics: Metrics) -> None:
    metrics.record_claim(0, 0.002)
    metrics.record_claim(400, 0.3)
    metrics.record_finish_batch(7, 0.02)
    lines = text(metrics)
    assert "rowlock_claims_total 2.0" in lines
    assert 'rowlock_claimed_tasks_bucket{le="0.0"} 1.0' in lines
    assert "rowlock_claimed_tasks_sum 400.0" in lines
    assert 'rowlock_claim_seconds_bucket{le="0.0025"} 1.0' in lines
    assert 'rowlock_finish_batch_tasks_bucket{le="10.0"} 1.0' in lines
    assert "rowlock_finish_seconds_sum 0.02" in lines


def test_a_workers_health_is_one_state_at_a_time(metrics: Metrics) -> None:
    with metrics.worker_health.watching(lambda: "degraded"):
        lines = text(metrics)
    assert 'rowlock_worker_health{state="healthy"} 0.0' in lines
    assert 'rowlock_worker_health{state="degraded"} 1.0' in lines
    assert 'rowlock_worker_health{state="unhealthy"} 0.0' in lines
    assert not [line for line in text(metrics) if line.startswith("rowlock_worker_health{")]


def test_a_worker_tells_how_much_it_runs(metrics: Metrics) -> None:
    metrics.record_worker(running=3, concurrency=10)
    metrics.record_worker(running=4, concurrency=10)
    lines = text(metrics)
    assert "rowlock_worker_running_tasks 4.0" in lines
    assert "rowlock_worker_concurrency 10.0" in lines


def test_a_candidate_shows_as_not_leading(metrics: Metrics) -> None:
    metrics.record_leader("scheduler", leads=False)
    assert 'rowlock_leader{role="scheduler"} 0.0' in text(metrics)
    metrics.record_leader("scheduler", leads=True, epoch=7)
    lines = text(metrics)
    assert 'rowlock_leader{role="scheduler"} 1.0' in lines
    assert 'rowlock_leader_epoch{role="scheduler"} 7.0' in lines


def test_days_ahead_are_unknown_until_maintenance_has_looked(metrics: Metrics) -> None:
    assert "rowlock_partitions_ahead_days NaN" in text(metrics)
    metrics.partitions_ahead_days.set(14)
    assert "rowlock_partitions_ahead_days 14.0" in text(metrics)


def test_http_methods_and_routes_are_bounded(metrics: Metrics) -> None:
    metrics.record_http("GET", "/v1/tasks/{id}", 200, 0.004)
    metrics.record_http("BREW", "unmatched", 405, 0.004)
    for i in range(300):
        metrics.record_http("GET", f"/{i}", 404, 0.001)
    lines = text(metrics)
    route = 'method="GET",route="/v1/tasks/{id}"'
    assert f'rowlock_http_requests_total{{{route},status="200"}} 1.0' in lines
    assert f'rowlock_http_request_seconds_bucket{{le="0.005",{route}}} 1.0' in lines
    assert 'rowlock_http_requests_total{method="OTHER",route="unmatched",status="405"} 1.0' in lines
    assert 'rowlock_http_requests_total{method="GET",route="other",status="404"} 102.0' in lines


def test_pools_are_read_when_asked_and_forgotten_when_closed(metrics: Metrics) -> None:
    stats = {"pool_size": 4, "pool_available": 3, "pool_max": 10}
    metrics.pools.watch("claims", lambda: stats)
    stats.update(pool_available=1, requests_waiting=2, requests_wait_ms=1500, requests_num=9)
    lines = text(metrics)
    assert 'rowlock_pool_connections{pool="claims",state="idle"} 1.0' in lines
    assert 'rowlock_pool_connections{pool="claims",state="busy"} 3.0' in lines
    assert 'rowlock_pool_connections_max{pool="claims"} 10.0' in lines
    assert 'rowlock_pool_waiting{pool="claims"} 2.0' in lines
    assert 'rowlock_pool_wait_seconds_total{pool="claims"} 1.5' in lines
    assert 'rowlock_pool_requests_total{pool="claims"} 9.0' in lines
    assert 'rowlock_pool_errors_total{pool="claims"} 0.0' in lines
    metrics.pools.forget("claims")
    assert not any('pool="claims"' in line for line in text(metrics))


def test_the_process_has_one_set_with_its_version() -> None:
    assert process_metrics() is process_metrics()
    lines = text(process_metrics())
    assert any(line.startswith("rowlock_build_info{") for line in lines)
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)
