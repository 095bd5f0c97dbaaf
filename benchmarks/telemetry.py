"""What observing a task costs: metrics by the batch, and a span where nobody has set a provider.

python benchmarks/telemetry.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from rowlock.telemetry.metrics import Metrics
from rowlock.telemetry.tracing import inject_context, task_span

ROUNDS, BATCH = 15, 500


def median_microseconds(work: Callable[[], None], tasks: int) -> float:
    """CPU of this process for one task: the median over the rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        rounds.append((time.process_time() - began) / tasks * 1e6)
    return statistics.median(rounds)


def main() -> None:
    metrics = Metrics(CollectorRegistry())
    batch = [("default", f"n{i % 5}", "succeeded", i / 100, i / 1000) for i in range(BATCH)]

    def record() -> None:
        for _ in range(20):
            metrics.record_finished(batch)

    def trace() -> None:
        for _ in range(2_000):
            with task_span("t", None):
                inject_context()

    print(f"record_finished, batches of {BATCH}: {median_microseconds(record, 20 * BATCH):.2f} µs a task")
    print(f"task_span and inject_context, no provider: {median_microseconds(trace, 2_000):.2f} µs a task")


if __name__ == "__main__":
    main()
