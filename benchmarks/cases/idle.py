"""Idle and long-lived workers: what one costs that has nothing to do, and whether its memory grows with its work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import psutil

from benchmarks.case import Case, Scale, Variant, sized
from benchmarks.harness.costs import between
from benchmarks.harness.database import fill, number, settle
from benchmarks.harness.figures import Measured
from benchmarks.harness.programs import Program, until
from benchmarks.harness.stage import PATIENCE_SECONDS, Stage, handled
from benchmarks.systems import System

MEGABYTE = 1024 * 1024
# Sessions tell their commits when they have nothing to do; those that never rest for long, every second at most.
COMMITS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
TELLING_SECONDS = 12  # how long a session may keep to itself what it has counted
WARM_SHARE = 0.1  # of the tasks, before memory is looked at for the first time


def idle(seconds: int) -> Callable[[Stage], Measured]:
    """A worker that has run once and then waits."""

    def run(stage: Stage) -> Measured:
        fill(stage.url, 1_000)
        settle(stage.url)
        with stage.meter() as meter, stage.workers() as workers:
            stage.wait_until_handled(1_000, workers)
            time.sleep(min(TELLING_SECONDS, seconds))
            meter.watch(workers)
            first, before = meter.read(), number(stage.url, COMMITS)
            time.sleep(seconds)
            last, after = meter.read(), number(stage.url, COMMITS)
            costs = between(first, last, 1)
            looks = 3  # of our own, counted with it: two readings and a count
            figures = {
                "rss_mb": resident(workers[0]),
                "cpu_percent": costs.client_cpu_us / 1e6 / costs.seconds * 100,
                "transactions": max(0.0, after - before - looks) / costs.seconds,
            }
        stage.verify(1_000, workers)
        return Measured(figures)

    return run


def memory(tasks: int) -> Callable[[Stage], Measured]:
    """Drains a backlog that is deep from the beginning; the growth is from a tenth of it to the end."""

    def run(stage: Stage) -> Measured:
        fill(stage.url, tasks)
        settle(stage.url)
        with stage.workers() as workers:
            until(lambda: handled(workers) > WARM_SHARE * tasks, workers, within=PATIENCE_SECONDS)
            began, warm, early = time.monotonic(), resident(workers[0]), handled(workers)
            timeline = [(0.0, warm)]

            def watched() -> bool:
                timeline.append((time.monotonic() - began, resident(workers[0])))
                return handled(workers) >= tasks

            until(watched, workers, within=PATIENCE_SECONDS, every=1.0)
            took = time.monotonic() - began
            stage.wait_until_handled(tasks, workers)
            last = resident(workers[0])
        stage.verify(tasks, workers)
        figures = {"rss_mb": last, "rss_growth_mb": last - warm, "rate": (tasks - early) / took}
        return Measured(figures, {"rss": timeline})

    return run


def resident(program: Program) -> float:
    """Memory of a process and its children that is its own or shared, in MB."""
    process = psutil.Process(program.pid)
    every = [process, *process.children(recursive=True)]
    return float(sum(each.memory_info().rss for each in every)) / MEGABYTE


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    tasks = sized(scale, quick=20_000, full=3_000_000, long=5_000_000)
    own = systems[0]
    return [
        Variant("idle worker", own, idle(sized(scale, quick=4, full=30)), once=True),
        Variant(f"after {tasks:,} tasks", own, memory(tasks), once=True),
    ]


CASE = Case(
    name="idle",
    title="Idle and long-lived workers",
    says=(
        "A worker that has run a thousand tasks and then has nothing to do: its memory, its CPU, and its "
        "transactions in the database. And how much a worker's memory grows from the first tenth of a long backlog to "
        "its end."
    ),
    columns=("rss_mb", "rss_growth_mb", "cpu_percent", "transactions", "rate"),
    variants=variants,
)
