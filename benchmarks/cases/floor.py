"""The floor: what rowlock's statements cost when nothing is around them. Sound when all is done, and each task once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from benchmarks.case import Case, Scale, Variant, sized
from benchmarks.floor import loop
from benchmarks.floor.pgbench import ORDERED_SCANS, Bench, pgbench
from benchmarks.floor.scripts import BEGINNING, drain_script, enqueue_script
from benchmarks.harness.costs import between, counts
from benchmarks.harness.database import EXECUTIONS, LIVE, fill, number, settle
from benchmarks.harness.figures import Measured, from_costs, percentiles
from benchmarks.harness.stage import Stage, Unsound
from benchmarks.systems import System

BATCH, BULK = 500, 1_000
Done = TypeVar("Done")


def drain_by_pgbench(tasks: int, clients: int) -> Callable[[Stage], Measured]:
    """Each client claims and completes in turn."""

    def run(stage: Stage) -> Measured:
        fill(stage.url, tasks)
        settle(stage.url)
        each = tasks // BATCH // clients

        def work() -> Bench:
            variables = {"floor": BEGINNING.strip("'")}
            return pgbench(
                stage.url, drain_script(BATCH), stage.folder, clients=clients, each=each, variables=variables,
                options=ORDERED_SCANS,
            )  # fmt: skip

        figures, bench = _metered(stage, tasks, work)
        _verify(stage, left=0, ended=tasks)
        return Measured({
            **figures,
            "rate": bench.per_second * BATCH,
            "client_cpu_us": bench.cpu_seconds / tasks * 1e6,
        })  # fmt: skip

    return run


def drain_by_loop(tasks: int) -> Callable[[Stage], Measured]:
    """One thread, one connection."""

    def run(stage: Stage) -> Measured:
        fill(stage.url, tasks)
        settle(stage.url)
        figures, done = _metered(stage, tasks, lambda: loop.drain(stage.url, BATCH))
        _verify(stage, left=0, ended=tasks)
        return Measured({**figures, "rate": done.tasks / done.seconds, "client_cpu_us": done.cpu_seconds / tasks * 1e6})

    return run


def enqueue_by_pgbench(tasks: int, clients: int) -> Callable[[Stage], Measured]:
    """One task a transaction."""

    def run(stage: Stage) -> Measured:
        each = tasks // clients
        figures, bench = _metered(
            stage,
            each * clients,
            lambda: pgbench(stage.url, enqueue_script(), stage.folder, clients=clients, each=each, variables={}),
        )
        _verify(stage, left=each * clients, ended=0)
        figures.update(percentiles(bench.seconds))
        return Measured({**figures, "rate": bench.per_second, "client_cpu_us": bench.cpu_seconds / tasks * 1e6})

    return run


def enqueue_by_loop(tasks: int) -> Callable[[Stage], Measured]:
    """Batches, one after the other."""

    def run(stage: Stage) -> Measured:
        figures, done = _metered(stage, tasks, lambda: loop.enqueue(stage.url, tasks, BULK))
        _verify(stage, left=tasks, ended=0)
        return Measured({**figures, "rate": done.tasks / done.seconds, "client_cpu_us": done.cpu_seconds / tasks * 1e6})

    return run


def _metered(stage: Stage, tasks: int, work: Callable[[], Done]) -> tuple[dict[str, float], Done]:
    with stage.meter() as meter:
        before = meter.settled()
        done = work()
        after = meter.settled()
        figures = from_costs(between(before, after, tasks), **counts(before, after, tasks))
    return figures, done


def _verify(stage: Stage, *, left: int, ended: int) -> None:
    live, executions = number(stage.url, LIVE), number(stage.url, EXECUTIONS)
    if (live, executions) != (left, ended):
        raise Unsound(f"{live:.0f} tasks are left, not {left}, and {executions:.0f} have ended, not {ended}.")


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    tasks, single = sized(scale, quick=4_000, full=100_000), sized(scale, quick=320, full=8_000)
    own = systems[0]
    return [
        Variant("drain, pgbench, 1 client", own, drain_by_pgbench(tasks, 1)),
        Variant("drain, pgbench, 2 clients", own, drain_by_pgbench(tasks, 2)),
        Variant("drain, thin loop", own, drain_by_loop(tasks)),
        Variant("single enqueue, pgbench, 1 client", own, enqueue_by_pgbench(single, 1)),
        Variant("single enqueue, pgbench, 16 clients", own, enqueue_by_pgbench(4 * single, 16)),
        Variant("bulk enqueue, thin loop", own, enqueue_by_loop(tasks)),
    ]


CASE = Case(
    name="floor",
    title="The floor",
    says=(
        "rowlock's own `.sql` files without rowlock around them. `pgbench`: batches of 500 claimed and completed "
        "in turn, the claim wrapped so that its rows stay in the server and its ids and tokens come back as text. "
        "`thin loop`: one thread of Python that receives the rows in binary, as a worker does; also for the bulk "
        "enqueue, whose arrays pgbench cannot make."
    ),
    columns=("rate", "p50_ms", "p95_ms", "p99_ms", "client_cpu_us", "server_cpu_us", "wal_bytes", "commits", "blocks"),
    variants=variants,
)
