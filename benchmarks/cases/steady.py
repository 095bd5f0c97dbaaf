"""A steady load, below what the system can do, with the horizon pinned: nothing may grow but the history.

Sound when everything enqueued was handled once in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.case import Case, Scale, Variant, sized
from benchmarks.harness.costs import between, counts
from benchmarks.harness.database import fill, number, pinned_xmin
from benchmarks.harness.figures import Measured, from_costs
from benchmarks.harness.programs import until
from benchmarks.harness.stage import Stage, handled, sampled
from benchmarks.systems import System

RATE, BATCH, WARM = 5_000, 100, 100
SECONDS, LONG_SECONDS, SAMPLE_SECONDS = 240, 900, 1
# How long tasks that were due waited for their claim, in the first and the last minute (or third, of short runs).
WAITS = """
SELECT 1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY wait_seconds) FROM rowlock.executions,
       (SELECT min(started_at) AS began, max(started_at) AS ended FROM rowlock.executions) AS span
 WHERE started_at {which}
"""
FIRST = "BETWEEN span.began AND span.began + least('1 min', (span.ended - span.began) / 3)"
LAST = "BETWEEN span.ended - least('1 min', (span.ended - span.began) / 3) AND span.ended"


def steady(seconds: int, rate: int) -> Callable[[Stage], Measured]:
    """So many tasks a second for so long."""

    def run(stage: Stage) -> Measured:
        with stage.meter() as meter, pinned_xmin(stage.url):
            idle = meter.settled(others=1)
            with stage.workers() as workers:
                fill(stage.url, WARM)  # so that the worker has started before the load does
                stage.wait_until_handled(WARM, workers)
                with stage.producing("churn", rate, 0, BATCH, *(worker.counter for worker in workers)) as producer:
                    programs = [*workers, producer]
                    meter.watch(programs)
                    until(lambda: handled(workers) > WARM, programs, within=90, every=0.001)
                    first, before = meter.read(), handled(workers)
                    samples = sampled(
                        lambda: WARM + producer.count - handled(workers),
                        seconds,
                        every=SAMPLE_SECONDS,
                        check=workers[0].check,
                    )
                    costs = between(first, meter.read(), handled(workers) - before)
                    dead = stage.dead_rows()
                tasks = WARM + producer.count
                stage.wait_until_handled(tasks, workers)
            figures = from_costs(costs, **counts(idle, meter.settled(others=1), tasks), dead_tuples=dead)
            stage.verify(tasks, workers)
        backlog = [waiting for _, waiting in samples]
        return Measured(
            {
                **figures,
                "first_minute_p99_ms": number(stage.url, WAITS.format(which=FIRST)),
                "last_minute_p99_ms": number(stage.url, WAITS.format(which=LAST)),
                "backlog_max": max(backlog[len(backlog) // 3 :]),
                "backlog_end": backlog[-1],
            },
            {"backlog": samples},
        )

    return run


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    seconds = sized(scale, quick=6, full=SECONDS, long=LONG_SECONDS)
    rate = sized(scale, quick=500, full=RATE)
    return [Variant(f"{rate:,}/s, pinned", systems[0], steady(seconds, rate), once=True)]


CASE = Case(
    name="steady",
    title="A steady load with the horizon pinned",
    says=(
        f"{RATE:,} tasks a second for {SECONDS} s ({LONG_SECONDS} s in the scale `long`), in calls of {BATCH} tasks as "
        "they fall due; one worker, a forgotten transaction all the while. *Claim p99* is how long due tasks waited "
        "for their claim, by the database's clock, in the first and in the last minute. The largest backlog is the "
        "largest of one sample a second in the last two thirds of the time: what came and went in between is not seen."
    ),
    columns=(
        "rate", "first_minute_p99_ms", "last_minute_p99_ms", "backlog_max", "backlog_end", "client_cpu_us",
        "server_cpu_us", "wal_bytes", "commits", "dead_tuples",
    ),
    variants=variants,
)  # fmt: skip
