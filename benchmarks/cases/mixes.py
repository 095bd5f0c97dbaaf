"""Mixes: tasks that are delayed, tasks that fail once and come back, and payloads that weigh something.

Sound when each task was handled once, and each attempt is on record.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from os import urandom

import psycopg

from benchmarks.case import Case, Scale, Variant, sized
from benchmarks.cases.drain import drained
from benchmarks.harness.costs import between, counts
from benchmarks.harness.database import fill, settle
from benchmarks.harness.figures import Measured, from_costs
from benchmarks.harness.programs import until
from benchmarks.harness.server import row
from benchmarks.harness.stage import Stage, handled
from benchmarks.systems import System, rowlock

FAILING_EVERY = 10
WEIGHING_CONCURRENCY = 100  # claims of fewer at once, as suits what weighs something
DELAYED = """
INSERT INTO rowlock.tasks_live (id, name, visible_at)
SELECT uuidv7(), 'late', rowlock.clock() + random() * make_interval(secs => %s) FROM generate_series(1, %s)
"""
WEIGHING = "INSERT INTO rowlock.tasks_live (id, name, payload) VALUES (uuidv7(), 'take', %s::jsonb)"
WAITED = """
SELECT 1000 * percentile_disc(0.5) WITHIN GROUP (ORDER BY wait_seconds),
       1000 * percentile_disc(0.95) WITHIN GROUP (ORDER BY wait_seconds),
       1000 * percentile_disc(0.99) WITHIN GROUP (ORDER BY wait_seconds)
  FROM rowlock.executions WHERE name = 'late'
"""


def delayed(tasks: int, seconds: int) -> Callable[[Stage], Measured]:
    """Half are due at once, the others within so many seconds; the percentiles are of how late those were claimed."""
    late = tasks // 2

    def run(stage: Stage) -> Measured:
        fill(stage.url, tasks - late)
        settle(stage.url)
        with stage.meter() as meter:
            idle = meter.settled()
            with stage.workers() as workers, psycopg.connect(stage.url, autocommit=True) as connection:
                meter.watch(workers)
                until(lambda: handled(workers) > 0, workers, within=60, every=0.001)
                first, before = meter.read(), handled(workers)
                connection.execute(DELAYED, (seconds, late))
                stage.wait_until_handled(tasks, workers)
                costs = between(first, meter.read(), tasks - before)
            figures = from_costs(costs, **counts(idle, meter.settled(), tasks), dead_tuples=stage.dead_rows())
        stage.verify(tasks, workers)
        del figures["rate"]  # which the delays make
        figures.update(zip(("p50_ms", "p95_ms", "p99_ms"), row(stage.url, WAITED), strict=True))
        return Measured(figures)

    return run


def retrying(tasks: int) -> Callable[[Stage], Measured]:
    """One in ten fails at first and is tried again 0.2 s later."""

    def run(stage: Stage) -> Measured:
        failing = tasks // FAILING_EVERY
        fill(stage.url, tasks - failing)
        fill(stage.url, failing, name="fail_at_first")
        settle(stage.url)
        measured = drained(stage, tasks, executions=tasks + failing)
        return Measured({**measured.figures, "attempts": (tasks + failing) / tasks})

    return run


def weighing(tasks: int, kilobytes: int) -> Callable[[Stage], Measured]:
    """Payloads of so many kilobytes that do not compress."""

    def run(stage: Stage) -> Measured:
        with psycopg.connect(stage.url, autocommit=True) as connection:
            for _ in range(tasks):
                payload = json.dumps({"data": b64encode(urandom(kilobytes * 768)).decode()})
                connection.execute(WEIGHING, (payload,))
        settle(stage.url)
        figures = drained(stage, tasks).figures
        return Measured({**figures, "megabytes": figures["rate"] * kilobytes / 1024})

    return run


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    own, tasks = systems[0], sized(scale, quick=2_000, full=50_000)
    made = [
        Variant("half delayed", own, delayed(tasks, sized(scale, quick=3, full=10))),
        Variant("one in ten retried", own, retrying(tasks)),
    ]
    for kilobytes, full in ((1, 50_000), (10, 10_000), (100, 1_000)):
        run = weighing(sized(scale, quick=max(300, full // 50), full=full), kilobytes)
        made.append(Variant(f"payloads of {kilobytes} KB", rowlock(WEIGHING_CONCURRENCY), run))
    return made


CASE = Case(
    name="mixes",
    title="Delays, retries, payloads",
    says=(
        "One worker. `half delayed`: half of the tasks fall due in the course of 10 s, and the percentiles are of "
        "how late those were claimed. `one in ten retried`: these fail at first and are tried again 0.2 s later, "
        "every attempt on record. Payloads are random bytes in base64, which do not compress; percentiles are "
        "from claim to recorded end."
    ),
    columns=(
        "rate", "p50_ms", "p95_ms", "p99_ms", "attempts", "megabytes", "client_cpu_us", "server_cpu_us", "wal_bytes",
        "commits", "dead_tuples",
    ),
    variants=variants,
)  # fmt: skip
