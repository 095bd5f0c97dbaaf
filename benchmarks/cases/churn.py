"""Churn: a producer and a worker together for minutes, with the horizon free and with it pinned by somebody.

The backlog stays small, so all that can grow is what dies. Sound when everything enqueued was handled once in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from benchmarks.case import Case, Scale, Variant, sized
from benchmarks.harness.costs import Meter, between, counts
from benchmarks.harness.database import pinned_xmin
from benchmarks.harness.figures import Measured, from_costs
from benchmarks.harness.programs import Program, until
from benchmarks.harness.stage import Stage, handled, rates, sampled
from benchmarks.systems import System

CEILING, BATCH = 2_000, 500


def churn(seconds: int, *, pinned: bool) -> Callable[[Stage], Measured]:
    """As fast as it goes for so long, the backlog never above its ceiling."""

    def run(stage: Stage) -> Measured:
        with ExitStack() as exits:
            if pinned:
                exits.enter_context(pinned_xmin(stage.url))
            with stage.meter() as meter:
                figures, samples = _churned(stage, meter, seconds, others=int(pinned))
        timeline = rates(samples)
        early, end = _share(timeline, seconds / 6, seconds / 3), _share(timeline, seconds * 5 / 6, seconds)
        return Measured(
            {**figures, "second_slice": early, "last_slice": end, "kept": 100 * end / early if early else 0.0},
            {"rate": timeline},
        )

    return run


def _churned(
    stage: Stage, meter: Meter, seconds: int, *, others: int
) -> tuple[dict[str, float], list[tuple[float, float]]]:
    idle = meter.settled(others)
    with stage.workers() as workers:
        with stage.producing("churn", 0, CEILING, BATCH, *(worker.counter for worker in workers)) as producer:
            programs = [*workers, producer]
            meter.watch(programs)
            until(lambda: handled(workers) > 0, programs, within=90, every=0.001)
            first, before = meter.read(), handled(workers)
            every = seconds / max(6, seconds // 10)
            samples = sampled(lambda: handled(workers), seconds, every=every, check=lambda: _check(programs))
            costs = between(first, meter.read(), handled(workers) - before)
            dead = stage.dead_rows()
        tasks = producer.count
        stage.wait_until_handled(tasks, workers)
    figures = from_costs(costs, **counts(idle, meter.settled(others), tasks), dead_tuples=dead)
    stage.verify(tasks, workers)
    return figures, samples


def _check(programs: Sequence[Program]) -> None:
    for program in programs:
        program.check()


def _share(timeline: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    """The mean rate of the slices that end within a stretch of time."""
    within = [rate for at, rate in timeline if begin + 0.5 < at <= end + 0.5]
    return sum(within) / len(within) if within else 0.0


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    seconds = sized(scale, quick=6, full=180)
    return [
        Variant(f"{'pinned' if pinned else 'free'}", system, churn(seconds, pinned=pinned), once=True)
        for system in systems
        if system.churns
        for pinned in (False, True)
    ]


CASE = Case(
    name="churn",
    title="Churn: enqueueing and draining together",
    says=(
        f"One producer and one worker for minutes, with at most {CEILING:,} tasks waiting. `pinned`: a forgotten "
        "transaction holds the horizon all the while, so that no dead row can be cleaned away. *Early* is the "
        "second sixth of the time, *at the end* the last."
    ),
    columns=(
        "rate", "second_slice", "last_slice", "kept", "client_cpu_us", "server_cpu_us", "wal_bytes", "commits",
        "dead_tuples",
    ),
    variants=variants,
    compares=True,
)  # fmt: skip
