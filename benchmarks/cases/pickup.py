"""Pickup: how long a task waits for a worker that has nothing else to do, from its commit to its handler's first line.

The producer's and the worker's instants are of one host's clock. Sound when every task was handled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.case import Case, Scale, Variant, comparing, sized
from benchmarks.harness.costs import between, counts
from benchmarks.harness.figures import Measured, from_costs, percentile, percentiles
from benchmarks.harness.programs import until
from benchmarks.harness.stage import Stage, Unsound
from benchmarks.harness.verbs import WARM
from benchmarks.systems import System

PAUSE_SECONDS = 0.02


def pickup(tasks: int) -> Callable[[Stage], Measured]:
    """So many tasks, one at a time, at moments when the worker is idle."""

    def run(stage: Stage) -> Measured:
        with stage.meter() as meter:
            idle = meter.settled()
            with stage.workers() as programs:
                meter.watch(programs)
                stage.ask("single", 1, 0)  # so that the worker has started
                until(lambda: programs[0].count >= WARM + 1, programs, within=90)
                first = meter.read()
                stage.ask("single", tasks, PAUSE_SECONDS)
                until(lambda: programs[0].count >= 2 * WARM + 1 + tasks, programs, within=60)
                costs = between(first, meter.read(), tasks + WARM)
                until(lambda: not stage.left(), programs, within=60)
            figures = from_costs(costs, **counts(idle, meter.settled(), 2 * WARM + 1 + tasks))
        stage.verify(2 * WARM + 1 + tasks, programs)
        del figures["rate"]  # which the pauses make
        began = {number: at for number, (at, _) in stage.marks_of("worker-1").items()}
        asked = stage.marks_of("single")
        if began.keys() < asked.keys():
            raise Unsound(f"{stage.system.name}: of {len(asked)} tasks {len(began)} have begun.")
        from_call = sorted((began[number] - call) / 1e9 for number, (call, _) in asked.items())
        return Measured({
            **figures,
            **percentiles((began[number] - commit) / 1e9 for number, (_, commit) in asked.items()),
            "asked_p50_ms": 1000 * percentile(from_call, 50),
            "asked_p99_ms": 1000 * percentile(from_call, 99),
        })  # fmt: skip

    return run


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    tasks = sized(scale, quick=20, full=100 if comparing(systems) else 200)
    return [Variant("idle worker", system, pickup(tasks)) for system in systems]


CASE = Case(
    name="pickup",
    title="Pickup by an idle worker",
    says=(
        "One task every 20 ms, for a worker that waits. From the moment the caller's commit is acknowledged to "
        "the first line of the handler; and from the moment of the call, which includes the commit. A handler may "
        "begin before the acknowledgement has reached the caller, so the former can be below zero."
    ),
    columns=(
        "p50_ms", "p95_ms", "p99_ms", "asked_p50_ms", "asked_p99_ms", "client_cpu_us", "server_cpu_us", "wal_bytes",
        "commits",
    ),
    variants=variants,
    compares=True,
)  # fmt: skip
