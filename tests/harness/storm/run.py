"""Runs a storm on a database of its own, and says what became of it."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.harness.eventually import eventually
from tests.harness.installation import Installation, installation, settings_for
from tests.harness.schedules import make_schedule, quicken_clock
from tests.harness.storm.app import app
from tests.harness.storm.audit import Audit, audit
from tests.harness.storm.fleet import Failover, Fleet
from tests.harness.storm.plan import StormPlan

from rowlock.worker import run_worker

SCHEDULERS = 3
CALM = timedelta(seconds=60)  # for what is due at the end to be accounted for


@dataclass(frozen=True, slots=True)
class StormReport:
    """What a storm left behind."""

    audit: Audit
    failovers: list[Failover]
    seconds: float  # of the storm, by a clock on the wall

    def lines(self) -> list[str]:
        """The figures, as people read them."""
        found, faults = self.audit, Counter(failover.kind for failover in self.failovers)
        skipped = ", ".join(f"{count:,} {reason}" for reason, count in found.skipped.most_common())
        return [
            f"windows: {found.windows:,} due, {found.fired:,} fired, {found.skipped.total():,} skipped"
            + (f" ({skipped})" if skipped else ""),
            f"catch_up: {found.caught_up_windows:,} windows of {found.caught_up_schedules:,} schedules,"
            f" {found.gaps} of them not fired",
            f"doubles {found.doubles}, gaps {found.gaps}, unaccounted for {found.unaccounted},"
            f" strangers {found.strangers}",
            f"failovers: {len(self.failovers)} ({', '.join(f'{n} {kind}' for kind, n in sorted(faults.items()))})"
            f" in {self.seconds:.0f} s",
            f"until another leads: {percentiles([failover.elected_seconds for failover in self.failovers])}",
            f"until it has fired:  {percentiles([failover.fired_seconds for failover in self.failovers])}",
        ]


async def run_storm(
    database_url: str, plan: StormPlan, *, speed: int, settings: dict[str, float], say: Callable[[str], None]
) -> StormReport:
    """Makes the schedules, lets the faults come, waits until all that was due is accounted for, and counts."""
    async with installation(database_url) as here:
        await quicken_clock(here, speed)
        made = [await make_schedule(here, name, **options) for name, options in plan.schedules.items()]
        async with _working(here), AsyncExitStack() as exits:
            fleet = Fleet(here, exits, settings)
            await fleet.start(SCHEDULERS)
            began = time.monotonic()
            failovers = []
            for fault in plan.faults:
                await _until(began + fault.at_seconds)
                failover = await fleet.strike(fault)
                failovers.append(failover)
                say(
                    f"{time.monotonic() - began:6.1f} s  {failover.kind:6}  epoch {failover.epoch},"
                    f" elected after {failover.elected_seconds:.1f} s, fired after {failover.fired_seconds:.1f} s"
                )
            await _until(began + plan.seconds)
            await fleet.recover()
            [(until,)] = await here.query("SELECT rowlock.clock()")
            await _settled(here, until)
            seconds = time.monotonic() - began
        # Only now, for what schedulers still fire between two queries would look like strangers.
        return StormReport(await audit(here, made, until), failovers, seconds)


@asynccontextmanager
async def _working(here: Installation) -> AsyncIterator[None]:
    """A worker while the block lasts. An hour of the quickened clock may pass in seconds, so its leases are long."""
    stop = asyncio.Event()
    running = asyncio.create_task(run_worker(app, settings_for(here.database.url, lease_seconds=3_600), stop=stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def _until(instant: float) -> None:
    """Waits for an instant of the monotonic clock."""
    await asyncio.sleep(max(0.0, instant - time.monotonic()))


async def _settled(here: Installation, until: datetime) -> None:
    """Returns when no window is left that was due by then."""

    async def nothing_is_due() -> bool:
        [(due,)] = await here.query(
            "SELECT count(*) FROM rowlock.schedules WHERE next_at <= %(until)s", {"until": until}
        )
        return bool(due == 0)

    await eventually(nothing_is_due, within=CALM)


def percentiles(seconds: Sequence[float]) -> str:
    """Median, 99th percentile (by the nearest rank) and maximum."""
    ranked = sorted(seconds)
    p50, p99 = (ranked[math.ceil(share * len(ranked)) - 1] for share in (0.5, 0.99))
    return f"p50 {p50:.1f} s, p99 {p99:.1f} s, max {ranked[-1]:.1f} s"
