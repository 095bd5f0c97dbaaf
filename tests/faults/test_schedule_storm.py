"""A short storm over schedulers that lead; `make test-schedules` runs a long one, at default settings."""

from __future__ import annotations

from tests.harness.storm.plan import FaultKind, plan_storm
from tests.harness.storm.run import run_storm

from rowlock.engine.elect import silence_seconds

QUICK = {"scheduler_tick_seconds": 0.1, "election_seconds": 0.2}
KINDS: tuple[FaultKind, ...] = ("kill", "cut", "freeze", "cut")


async def test_every_window_is_accounted_for_whatever_befalls_the_leader(database_url: str) -> None:
    silence = silence_seconds(QUICK["election_seconds"])
    plan = plan_storm(6, schedules=40, faults=4, seconds=2, silence_seconds=silence, kinds=KINDS)
    report = await run_storm(database_url, plan, speed=300, settings=QUICK, say=print)
    audit = report.audit
    assert (audit.doubles, audit.gaps, audit.unaccounted, audit.strangers) == (0, 0, 0, 0)
    assert audit.fired > audit.caught_up_windows > 40
    assert sorted(failover.kind for failover in report.failovers) == sorted(KINDS)
