"""Many lanes: ten thousand tenants that wait, one of them with a million tasks, and how soon a newcomer is served.

Measured over a stretch of time, for draining it all would take minutes. Sound when what was handled and what is left
add up to what was stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import psycopg

from benchmarks.case import Case, Scale, Variant, sized
from benchmarks.harness.costs import between, counts
from benchmarks.harness.database import CHUNK, EXECUTIONS, LIVE, fill, number, settle
from benchmarks.harness.figures import Measured, from_costs
from benchmarks.harness.programs import Program, until
from benchmarks.harness.stage import Stage, Unsound, handled
from benchmarks.systems import System

# So many tasks for each of so many tenants, one task of each in turn, as they would come.
MANY = """
INSERT INTO rowlock.tasks_live (id, name, tenant_id, lane)
SELECT uuidv7(), 'noop', tenant.name, tenant.name
  FROM generate_series(1, %(tenants)s) AS numbers (number),
       LATERAL (SELECT 'tenant-' || numbers.number AS name) AS tenant
"""
NEWCOMER = "SELECT rowlock.enqueue('noop', tenant_id => %(tenant)s)"
SERVED = "SELECT 1000 * max(wait_seconds), count(*) FROM rowlock.executions WHERE tenant_id LIKE 'new-%'"
NEWCOMERS = 5


def lanes(tenants: int, each: int, deep: int, seconds: int) -> Callable[[Stage], Measured]:
    """Works for so long on that many lanes, and lets newcomers in on the way."""

    def run(stage: Stage) -> Measured:
        with psycopg.connect(stage.url, autocommit=True) as connection:
            for _ in range(each if tenants else 0):
                connection.execute(MANY, {"tenants": tenants})
            fill(stage.url, deep, tenant="deep")
            settle(stage.url)
            with stage.meter() as meter:
                idle = meter.settled(others=1)
                with stage.workers() as workers:
                    until(lambda: handled(workers) > 0, workers, within=90, every=0.001)
                    meter.watch(workers)
                    first, before = meter.read(), handled(workers)
                    _let_in(connection, seconds, workers)
                    costs = between(first, meter.read(), handled(workers) - before)
                figures = from_costs(costs, **counts(idle, meter.settled(others=1), handled(workers)))
        return Measured({**figures, "first_task_ms": _verified(stage, tenants * each + deep + NEWCOMERS)})

    return run


def _let_in(connection: psycopg.Connection, seconds: int, workers: Sequence[Program]) -> None:
    for newcomer in range(NEWCOMERS):
        time.sleep(seconds / (NEWCOMERS + 1))
        connection.execute(NEWCOMER, {"tenant": f"new-{newcomer}"})
        workers[0].check()
    time.sleep(seconds / (NEWCOMERS + 1))


def _verified(stage: Stage, stored: int) -> float:
    """How long the slowest newcomer waited."""
    ended, left = number(stage.url, EXECUTIONS), number(stage.url, LIVE)
    if ended + left != stored:
        raise Unsound(f"Of {stored} tasks {ended:.0f} have ended and {left:.0f} are left.")
    with psycopg.connect(stage.url) as connection:
        row = connection.execute(SERVED).fetchone()
    if row is None or row[1] != NEWCOMERS:
        raise Unsound(f"Of {NEWCOMERS} newcomers {row and row[1]} were served in time.")
    return float(row[0])


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    tenants, each = sized(scale, quick=200, full=10_000), sized(scale, quick=20, full=100)
    deep, seconds = sized(scale, quick=4 * CHUNK, full=1_000_000), sized(scale, quick=6, full=18)
    own = systems[0]
    return [
        Variant("one lane", own, lanes(0, 0, tenants * each + deep, seconds), once=True),
        Variant(f"{tenants + 1:,} lanes", own, lanes(tenants, each, deep, seconds), once=True),
    ]


CASE = Case(
    name="lanes",
    title="Many tenants",
    says=(
        "10,000 tenants with 100 tasks each and one more with 1,000,000, and beside it as many tasks of one "
        f"tenant alone. While one worker drains them, {NEWCOMERS} new tenants come, each with one task: the "
        "slowest wait from its commit to its claim is shown."
    ),
    columns=("rate", "first_task_ms", "client_cpu_us", "server_cpu_us", "wal_bytes", "commits", "blocks"),
    variants=variants,
)
