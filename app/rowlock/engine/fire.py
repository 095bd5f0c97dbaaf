"""Firing what is due: each window of each schedule ends as one task, or as skipped with a reason.

A tick reads the schedules that are due, decides about their windows by the database's clock, and writes the decisions
of a whole batch in one statement: cursors move, windows are reserved and tasks stored together or not at all. The
statement is fenced by the leader's epoch and by the cursors that were seen, so that a tick repeated, overtaken or sent
by a former leader changes nothing twice. Work per tick is bounded; what is left is due in the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from rowlock.domain.errors import InvalidArgument, NotLeader
from rowlock.domain.ids import new_id
from rowlock.domain.windows import MissedRunPolicy, WindowPlan, decide_windows
from rowlock.engine.elect import ROLE
from rowlock.store import windows
from rowlock.store.database import Database
from rowlock.store.leaders import get_leader
from rowlock.store.windows import Advance, DueSchedule, WindowEntry
from rowlock.telemetry.logs import get_logger

SCHEDULES_PER_ROUND = 1_000
WINDOWS_PER_ROUND = 10_000
WINDOWS_PER_SCHEDULE = 100
ROUNDS = 20
# A schedule that cannot be read must not stand at the head of every tick: it is looked at again after this.
BROKEN_PAUSE = timedelta(seconds=60)

_log = get_logger("rowlock.schedules")


@dataclass(slots=True)
class TickReport:
    """What one tick did.

    `drifts` are seconds from each fired window to its firing; `lag_seconds` is how long the oldest window has been due
    that the tick left for the next one. A run of windows skipped at once counts once in `skipped`.
    """

    fired: int = 0
    skipped: int = 0
    broken: int = 0
    drifts: list[float] = field(default_factory=list)
    submitted: list[tuple[str, str]] = field(default_factory=list)  # queue and name of each task
    lag_seconds: float = 0.0


async def fire_due(database: Database, epoch: int) -> TickReport:
    """One tick of the leader of `epoch`. Raises `NotLeader` where that is over, and `DatabaseUnavailable`."""
    report = TickReport()
    for _ in range(ROUNDS):
        due = await windows.due_schedules(database, limit=SCHEDULES_PER_ROUND)
        if not due:
            report.lag_seconds = 0.0
            break
        advances = _decide(due, report)
        await _write(database, epoch, advances, report)
        late = [
            (a.schedule.now_at - a.next_at).total_seconds()
            for a in advances
            if a.next_at is not None and a.next_at <= a.schedule.now_at
        ]
        report.lag_seconds = max(late, default=0.0)
        if not late and len(due) < SCHEDULES_PER_ROUND:
            break
    return report


def _decide(due: Sequence[DueSchedule], report: TickReport) -> list[Advance]:
    share = max(1, min(WINDOWS_PER_SCHEDULE, WINDOWS_PER_ROUND // len(due)))
    return [_advance(schedule, share, report) for schedule in due]


def _advance(schedule: DueSchedule, limit: int, report: TickReport) -> Advance:
    try:
        plan = decide_windows(
            schedule.trigger(),
            cursor=schedule.cursor_at,
            now=schedule.now_at,
            policy=MissedRunPolicy(schedule.missed_run_policy),
            max_catch_up=schedule.max_catch_up,
            limit=limit,
        )
    except (InvalidArgument, ValueError, ArithmeticError, LookupError) as error:
        report.broken += 1
        _log.error(
            "A schedule's rule cannot be read; its windows wait until it is changed.",
            tenant_id=schedule.tenant_id,
            schedule=schedule.name,
            expression=schedule.expression,
            timezone=schedule.timezone,
            error=str(error),
        )
        return Advance(schedule, schedule.cursor_at, schedule.now_at + BROKEN_PAUSE)
    return Advance(schedule, plan.cursor, plan.next_at, _entries(plan))


def _entries(plan: WindowPlan) -> list[WindowEntry]:
    entries = [WindowEntry(at, reason=reason) for at, reason in plan.skip]
    entries += [WindowEntry(at, task_id=new_id()) for at in plan.fire]
    run = plan.passed_over
    if run is not None:
        entries.append(WindowEntry(run.through, reason=run.reason, passed_after=run.after))
    return entries


async def _write(database: Database, epoch: int, advances: Sequence[Advance], report: TickReport) -> None:
    moved, accounted = await windows.fire_windows(database, epoch, advances)
    if not moved:
        await _still_leading(database, epoch)
    schedules = {(a.schedule.tenant_id, a.schedule.name): a.schedule for a in advances}
    for window in accounted:
        schedule = schedules[window.tenant_id, window.schedule]
        if window.outcome == "skipped":
            report.skipped += 1
            continue
        report.fired += 1
        report.drifts.append((schedule.now_at - window.window_at).total_seconds())
        report.submitted.append((schedule.queue, schedule.task_name))


async def _still_leading(database: Database, epoch: int) -> None:
    """Nothing moved: either every schedule was changed meanwhile, or the epoch is over."""
    leader = await get_leader(database, ROLE)
    if leader is None or leader.epoch != epoch:
        raise NotLeader(f"The leadership of epoch {epoch} is over: another process was elected.")
