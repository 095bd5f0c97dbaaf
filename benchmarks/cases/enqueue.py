"""Enqueueing: one at a time, from many callers at once, in bulk, and in the caller's own transaction.

Every call returns after its commit. A run is sound when each call was answered and all tasks are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.case import Case, Scale, Variant, comparing, sized
from benchmarks.harness.costs import between, counts
from benchmarks.harness.database import LIVE, number
from benchmarks.harness.figures import Measured, from_costs, percentiles
from benchmarks.harness.stage import Stage, Unsound
from benchmarks.harness.verbs import WARM
from benchmarks.systems import System

BATCH = 1_000
CALLERS = 16


def calls(verb: str, tasks: int, *arguments: object) -> Callable[[Stage], Measured]:
    """So many calls that store one task each: their durations, and their rate."""

    def run(stage: Stage) -> Measured:
        said, costs = _asked(stage, tasks + WARM, verb, tasks, *arguments)
        marks = stage.marks_of(verb)
        if len(marks) != tasks:
            raise Unsound(f"{stage.system.name}: of {tasks} calls {len(marks)} were answered.")
        seconds = (max(end for _, end in marks.values()) - min(begin for begin, _ in marks.values())) / 1e9
        durations = percentiles((end - begin) / 1e9 for begin, end in marks.values())
        return Measured({**costs, **durations, "rate": tasks / seconds, **_cpu(said, tasks)})

    return run


def bulk(tasks: int) -> Callable[[Stage], Measured]:
    """So many tasks in batches, one after the other."""

    def run(stage: Stage) -> Measured:
        said, costs = _asked(stage, tasks, "bulk", tasks, BATCH)
        return Measured({**costs, "rate": tasks / said["seconds"], **_cpu(said, tasks)})

    return run


def _asked(stage: Stage, stored: int, *verb: object) -> tuple[dict[str, float], dict[str, float]]:
    with stage.meter() as meter:
        before = meter.read()
        said = stage.ask(*verb)
        after = meter.settled()
        costs = from_costs(between(before, after, stored), **counts(before, after, stored))
    if not stage.left():
        raise Unsound(f"{stage.system.name}: nothing is stored.")
    if stage.system.is_rowlock and (found := number(stage.url, LIVE)) != stored:
        raise Unsound(f"Of {stored} tasks {found:.0f} are stored.")
    return said, costs


def _cpu(said: dict[str, float], tasks: int) -> dict[str, float]:
    """Of the calls alone, without the start of the program."""
    return {"client_cpu_us": said["cpu_seconds"] / tasks * 1e6}


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    one, many = sized(scale, quick=100, full=3_000), sized(scale, quick=3_000, full=100_000)
    made = []
    for system in systems:
        ones = max(100, int(one * min(1, 2 * system.tasks_share)))
        made.append(Variant("single", system, calls("single", ones, 0)))
        made.append(Variant("bulk", system, bulk(max(BATCH, int(many * system.tasks_share)))))
    if not comparing(systems):
        own = systems[0]
        made.append(Variant("single, no event loop", own, calls("synchronous", one)))
        made.append(Variant(f"{CALLERS} callers", own, calls("concurrent", 5 * one, CALLERS)))
        made.append(Variant("with the caller's row", own, calls("transactional", one)))
    return made


CASE = Case(
    name="enqueue",
    title="Enqueueing",
    says=(
        "One task a call (`single`), from an event loop or without one; from 16 callers at once in one process; "
        f"in batches of {BATCH:,} (`bulk`); and in a transaction that also stores a row of the caller's. Every "
        "call returns after its commit, and its duration is taken at the caller."
    ),
    columns=("rate", "p50_ms", "p95_ms", "p99_ms", "client_cpu_us", "server_cpu_us", "wal_bytes", "commits", "blocks"),
    variants=variants,
    compares=True,
)
