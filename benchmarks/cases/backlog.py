"""A deep backlog: what a claim, and the end of what it took, cost when ten thousand or millions of tasks wait.

Without a worker, so that the claim is measured and nothing else. Sound when every claim was full and every end
accepted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from benchmarks.case import Case, Scale, Variant, sized
from benchmarks.harness.costs import between
from benchmarks.harness.database import LIVE, fill, number, settle
from benchmarks.harness.figures import Measured, percentile
from benchmarks.harness.stage import Stage, Unsound
from benchmarks.steps import open_steps
from benchmarks.systems import System

BATCH = 500
ROUNDS, CLAIMS = 5, 16  # a round takes 8,000 and puts as many back: the depth stays


def backlog(depth: int) -> Callable[[Stage], Measured]:
    """Claims and completes at that depth."""

    def run(stage: Stage) -> Measured:
        fill(stage.url, depth)
        settle(stage.url)
        with stage.meter() as meter:
            first = meter.read()
            claims, ends = asyncio.run(_claimed(stage, depth))
            costs = between(first, meter.read(), ROUNDS * CLAIMS * BATCH)
        if (left := number(stage.url, LIVE)) != depth:
            raise Unsound(f"{left:.0f} tasks are left of {depth}.")
        return Measured({
            "p50_ms": 1000 * percentile(sorted(claims), 50),
            "p95_ms": 1000 * percentile(sorted(claims), 95),
            "slowest_ms": 1000 * max(claims),
            "claim_us": sum(claims) / len(claims) / BATCH * 1e6,
            "complete_us": sum(ends) / len(ends) / BATCH * 1e6,
            "server_cpu_us": costs.server_cpu_us,
            "wal_bytes": costs.wal_bytes,
            "dead_tuples": stage.dead_rows(),
        })  # fmt: skip

    return run


async def _claimed(stage: Stage, depth: int) -> tuple[list[float], list[float]]:
    claims, ends = list[float](), list[float]()
    async with open_steps(stage.url) as steps:
        for _ in range(ROUNDS):
            for _ in range(CLAIMS):
                began = time.perf_counter()
                taken = await steps.claim(BATCH)
                claimed = time.perf_counter()
                accepted = await steps.complete(taken)
                ends.append(time.perf_counter() - claimed)
                claims.append(claimed - began)
                if not len(taken) == accepted == BATCH:
                    raise Unsound(f"At {depth} a claim took {len(taken)}, of which {accepted} could be completed.")
            await asyncio.to_thread(fill, stage.url, CLAIMS * BATCH)
    return claims, ends


def variants(scale: Scale, systems: Sequence[System]) -> list[Variant]:
    depths = [10_000, 20_000] if scale == "quick" else [10_000, 1_000_000, 5_000_000]
    deep = sized(scale, quick=20_000, full=1_000_000)
    return [Variant(f"{depth:,} waiting", systems[0], backlog(depth), once=depth >= deep) for depth in depths]


CASE = Case(
    name="backlog",
    title="Claims from a deep backlog",
    says=(
        f"{ROUNDS * CLAIMS} claims of {BATCH} tasks, each completed before the next, while so many wait. The "
        "percentiles, and the slowest, are of one claim of 500, finding its lanes included. CPU and WAL are "
        "of claim, completion and refilling together."
    ),
    columns=("claim_us", "p50_ms", "p95_ms", "slowest_ms", "complete_us", "server_cpu_us", "wal_bytes", "dead_tuples"),
    variants=variants,
)
