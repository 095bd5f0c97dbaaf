"""Draining a backlog: workers start on a queue that is full, and are measured once all have begun, to the last commit.

Sound when the handlers ran as often as there were tasks, nothing is left, and rowlock has an execution on record for
each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.case import Case, Scale, Variant, comparing, sized
from benchmarks.harness.costs import between, counts
from benchmarks.harness.database import fill, settle
from benchmarks.harness.figures import Measured, from_costs
from benchmarks.harness.programs import Program, until
from benchmarks.harness.server import row
from benchmarks.harness.stage import Stage, Unsound, handled
from benchmarks.systems import System, rowlock

HELD = """
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY run_seconds),
       percentile_disc(0.95) WITHIN GROUP (ORDER BY run_seconds),
       percentile_disc(0.99) WITHIN GROUP (ORDER BY run_seconds)
  FROM rowlock.executions
"""
AWAITING_CONCURRENCY = 100
WARM = 30_000  # tasks more where there are several workers: what the first ones handle while the last ones start


def drain(tasks: int, *, workers: int = 1, name: str = "noop") -> Callable[[Stage], Measured]:
    """Drains so many tasks of one handler."""

    def run(stage: Stage) -> Measured:
        warm = int(WARM * stage.system.tasks_share) if workers > 1 else 0
        if stage.system.is_rowlock:
            fill(stage.url, tasks + warm, name=name)
        else:
            stage.ask("bulk", tasks + warm, 1_000)
        settle(stage.url)
        return drained(stage, tasks + warm, workers=workers, warm=warm)

    return run


def drained(stage: Stage, tasks: int, *, workers: int = 1, warm: int = 0, executions: int | None = None) -> Measured:
    """Drains what the stage holds. What was handled before all workers had begun counts for nothing."""
    with stage.meter() as meter:
        idle = meter.settled()
        with stage.workers(workers) as programs:
            meter.watch(programs)
            until(lambda: _begun(programs, tasks), programs, within=60, every=0.001)
            first, before = meter.read(), handled(programs)
            stage.wait_until_handled(tasks, programs)
            costs = between(first, meter.read(), max(1, tasks - before))
        figures = from_costs(costs, **counts(idle, meter.settled(), tasks), dead_tuples=stage.dead_rows())
    stage.verify(tasks, programs, executions=executions)
    if before == tasks or (warm and before > warm):
        raise Unsound(f"Of {tasks} tasks {before} were handled before every worker had begun.")
    if not stage.system.is_rowlock:
        return Measured(figures)
    p50, p95, p99 = row(stage.url, HELD)
    return Measured({**figures, "p50_ms": 1000 * p50, "p95_ms": 1000 * p95, "p99_ms": 1000 * p99})


def _begun(programs: Sequence[Program], tasks: int) -> bool:
    return all(program.count > 0 for program in programs) or handled(programs) >= tasks


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    tasks = sized(scale, quick=3_000, full=100_000)
    made = []
    for system in systems:
        share = max(500, int(tasks * system.tasks_share))
        made += [Variant(f"no-op, {_workers(n)}", system, drain(share, workers=n)) for n in (1, 2)]
    if not comparing(systems):
        awaiting = rowlock(AWAITING_CONCURRENCY)
        made.append(Variant("no-op, 4 workers", systems[0], drain(tasks, workers=4)))
        made += [
            Variant(f"awaits once, {_workers(n)}", awaiting, drain(tasks, workers=n, name="await_once"))
            for n in (1, 2, 4)
        ]
    return made


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


CASE = Case(
    name="drain",
    title="Draining a backlog",
    says=(
        "Worker processes start on a full queue, and are measured from the moment when each has handled a task to "
        f"the commit of the last; several find up to {WARM:,} tasks more, for what the first ones handle while the "
        "last ones start. `no-op` handlers return at once, at a concurrency of 1,000; those that `await` once run at "
        "100. The percentiles are of the time from a task's claim to its recorded end, by the database's clock."
    ),
    columns=(
        "rate", "p50_ms", "p95_ms", "p99_ms", "client_cpu_us", "server_cpu_us", "wal_bytes", "commits", "blocks",
        "dead_tuples",
    ),
    variants=variants,
    compares=True,
)  # fmt: skip
