"""What a tick decides about schedules that are due: which windows fire, which are skipped, where each goes on.

Pure, and as cheap as it gets: schedules that share a rule, a cursor and policies share one decision. A schedule whose
rule cannot be read is set aside for a while, for it must not stand at the head of every tick.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.ids import new_id
from rowlock.domain.trigger_base import Trigger
from rowlock.domain.windows import MissedRunPolicy, WindowPlan, decide_windows
from rowlock.store.windows import Advance, DueSchedule, SkippedWindow
from rowlock.telemetry.logs import get_logger

BROKEN_PAUSE = timedelta(seconds=60)

_log = get_logger("rowlock.schedules")


def decide(due: Sequence[DueSchedule], limit: int) -> tuple[list[Advance], int]:
    """How each schedule moves on, by at most `limit` windows; and how many could not be read."""
    plans: dict[Hashable, WindowPlan] = {}
    advances, broken = [], 0
    for schedule in due:
        try:
            trigger = schedule.trigger()
            paused = _paused(trigger, schedule)
            plan = _plan(trigger, schedule, paused[-1].window_at if paused else schedule.cursor_at, limit, plans)
        except (InvalidArgument, ValueError, ArithmeticError, LookupError) as error:
            broken += 1
            _complain(schedule, error)
            advances.append(Advance(schedule, schedule.cursor_at, schedule.now_at + BROKEN_PAUSE))
        else:
            fire = [(at, new_id()) for at in plan.fire]
            advances.append(Advance(schedule, plan.cursor, plan.next_at, fire, paused + _skipped(plan), trigger))
    return advances, broken


def _paused(trigger: Trigger, schedule: DueSchedule) -> list[SkippedWindow]:
    """What fell due in a pause that SQL has ended, which cannot tell it from what is due later: one run."""
    if schedule.resumed_at is None or schedule.resumed_at <= schedule.cursor_at:
        return []
    until = trigger.due_until(schedule.resumed_at)
    newest = trigger.newest_windows(after=schedule.cursor_at, until=until, n=1)
    return [SkippedWindow(at, "paused", schedule.cursor_at) for at in newest]


def _plan(
    trigger: Trigger, schedule: DueSchedule, cursor: datetime, limit: int, plans: dict[Hashable, WindowPlan]
) -> WindowPlan:
    key = (
        id(trigger),  # of which there is one for each rule
        cursor,
        schedule.now_at,
        schedule.missed_run_policy,
        schedule.max_catch_up,
        schedule.misfire_grace_seconds,
        schedule.catch_up_window_seconds,
        schedule.due_since,
    )
    plan = plans.get(key)
    if plan is None:
        plan = plans[key] = decide_windows(
            trigger,
            cursor=cursor,
            now=schedule.now_at,
            policy=MissedRunPolicy(schedule.missed_run_policy),
            max_catch_up=schedule.max_catch_up,
            limit=limit,
            misfire_grace=schedule.misfire_grace,
            catch_up_window=schedule.catch_up_window,
            due_since=schedule.due_since,
        )
    return plan


def _skipped(plan: WindowPlan) -> list[SkippedWindow]:
    skipped = [SkippedWindow(at, reason) for at, reason in plan.skip]
    run = plan.passed_over
    if run is not None:
        skipped.append(SkippedWindow(run.through, run.reason, run.after))
    return skipped


def _complain(schedule: DueSchedule, error: Exception) -> None:
    _log.error(
        "A schedule's rule cannot be read; its windows wait until it is changed.",
        tenant_id=schedule.tenant_id,
        schedule=schedule.name,
        expression=schedule.expression,
        timezone=schedule.timezone,
        error=str(error),
    )
