"""Firing what is due: each window of each schedule ends as one task, or as skipped with a reason.

A tick reads the schedules that are due, decides about their windows by the database's clock, and writes the decisions
of a thousand schedules in one statement: cursors move, windows are reserved and tasks stored together or not at all.
The statement is fenced by the leader's epoch and by the cursors that were seen, so that a tick repeated, overtaken or
sent by a former leader changes nothing twice. Work per tick is bounded, and a tick waits for nobody: a schedule that
another transaction holds stays as it is. What is left is due in the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from rowlock.domain.errors import NotLeader
from rowlock.engine.elect import ROLE
from rowlock.engine.fire_decisions import decide
from rowlock.store import windows
from rowlock.store.database import Database
from rowlock.store.leaders import get_leader
from rowlock.store.windows import Advance, DueSchedule

SCHEDULES_PER_ROUND = 10_000
SCHEDULES_PER_STATEMENT = 1_000
WINDOWS_PER_ROUND = 10_000
WINDOWS_PER_SCHEDULE = 100
ROUNDS = 20


@dataclass(slots=True)
class TickReport:
    """What one tick did.

    `drifts` are seconds from when each fired window was due to its firing; `lag_seconds` is how long the oldest window
    has been due that the tick left for the next one. A run of windows skipped at once counts once in `skipped`.
    """

    fired: int = 0
    skipped: int = 0
    broken: int = 0
    drifts: list[float] = field(default_factory=list)
    submitted: list[tuple[str, str]] = field(default_factory=list)  # queue and name of each task
    lag_seconds: float = 0.0


@dataclass(slots=True)
class Left:
    """What a round left: how long it has been due, and whether a round at once would get further with it."""

    seconds: float = 0.0
    at_once: bool = False

    def add(self, seconds: float, *, at_once: bool) -> None:
        self.seconds = max(self.seconds, seconds)
        self.at_once |= at_once


async def fire_due(database: Database, epoch: int) -> TickReport:
    """One tick of the leader of `epoch`. Raises `NotLeader` where that is over, and `DatabaseUnavailable`."""
    report = TickReport()
    for _ in range(ROUNDS):
        due = await _due(database)
        left = await _account(database, epoch, due, report) if due else Left()
        report.lag_seconds = left.seconds
        if not left.at_once and len(due) < SCHEDULES_PER_ROUND:
            break
    return report


async def _due(database: Database) -> list[DueSchedule]:
    """Those longest overdue; and where these are more than a round takes, the latest too, for they may be on time."""
    due = await windows.due_schedules(database, limit=SCHEDULES_PER_ROUND)
    if len(due) < SCHEDULES_PER_ROUND:
        return due
    latest = await windows.due_schedules(database, limit=SCHEDULES_PER_ROUND, latest_first=True)
    return list({schedule.id: schedule for schedule in (*latest, *due)}.values())


async def _account(database: Database, epoch: int, due: Sequence[DueSchedule], report: TickReport) -> Left:
    """Decides about a statement's worth of schedules while the one before is written; what is left."""
    share = max(1, min(WINDOWS_PER_SCHEDULE, WINDOWS_PER_ROUND // len(due)))
    left = Left()
    decided: list[Advance] = []
    for start in range(0, len(due) + SCHEDULES_PER_STATEMENT, SCHEDULES_PER_STATEMENT):
        some = due[start : start + SCHEDULES_PER_STATEMENT]
        # In a thread, for the loop must go on renewing the leadership meanwhile.
        next_decided, _ = await asyncio.gather(
            asyncio.to_thread(decide, some, share), _write(database, epoch, decided, report, left)
        )
        decided, broken = next_decided
        report.broken += broken
    return left


async def _write(database: Database, epoch: int, advances: Sequence[Advance], report: TickReport, left: Left) -> None:
    if not advances:
        return
    done = await windows.fire_windows(database, epoch, advances)
    if not done.moved:
        await _still_leading(database, epoch)
    for advance in advances:
        if advance.schedule.id not in done.moved:
            left.add(advance.due_seconds, at_once=done.cancelled > 0)
        elif advance.late_seconds is not None:
            left.add(advance.late_seconds, at_once=True)
    by_id = {advance.schedule.id: advance for advance in advances}
    for window in done.windows:
        advance = by_id[window.schedule_id]
        if window.outcome == "skipped":
            report.skipped += 1
            continue
        report.fired += 1
        report.drifts.append(advance.drift_seconds(window.window_at))
        report.submitted.append((advance.schedule.queue, advance.schedule.task_name))


async def _still_leading(database: Database, epoch: int) -> None:
    """Nothing moved: either every schedule was changed meanwhile, or is locked, or the epoch is over."""
    leader = await get_leader(database, ROLE)
    if leader is None or leader.epoch != epoch:
        raise NotLeader(f"The leadership of epoch {epoch} is over: another process was elected.")
