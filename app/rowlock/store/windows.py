"""Windows of schedules: those that are due, and those that are accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from rowlock.domain.bounds import EARLIEST
from rowlock.domain.triggers import Trigger, TriggerKind, parse_trigger
from rowlock.store.links import Runner, column_lists

_read_rule = lru_cache(maxsize=4_096)(parse_trigger)


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """One window that is accounted for: `fired` with its task, or `skipped` with the reason.

    With `passed_after` it stands for a run of skipped windows: all that are later than that, up to `window_at`.
    """

    window_at: datetime
    outcome: str
    task_id: UUID | None
    reason: str | None
    passed_after: datetime | None
    epoch: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """What a decision about due windows is made from. `now_at` is the database's."""

    id: UUID
    tenant_id: str
    name: str
    trigger_kind: TriggerKind
    expression: str
    timezone: str
    anchor_at: datetime
    missed_run_policy: str
    max_catch_up: int
    cursor_at: datetime
    queue: str
    task_name: str
    now_at: datetime

    def trigger(self) -> Trigger:
        """The rule; raises `InvalidArgument` where this version or host cannot read it."""
        # Cron rules have no anchor, so schedules that share a rule share the trigger.
        anchor = EARLIEST if self.trigger_kind == "cron" else self.anchor_at
        return _read_rule(self.trigger_kind, self.expression, self.timezone, anchor)


@dataclass(frozen=True, slots=True)
class WindowEntry:
    """A window to account for: with a task's id it fires, with a reason it is skipped."""

    window_at: datetime
    task_id: UUID | None = None
    reason: str | None = None
    passed_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """How one schedule moves on from where it was seen: its new cursor, its next window, and the windows between."""

    schedule: DueSchedule
    cursor_at: datetime
    next_at: datetime | None
    windows: Sequence[WindowEntry] = ()


@dataclass(frozen=True, slots=True)
class AccountedWindow:
    """One window that `fire_windows` has just accounted for."""

    tenant_id: str
    schedule: str
    window_at: datetime
    outcome: str
    task_id: UUID | None
    reason: str | None


async def get_windows(runner: Runner, schedule_id: UUID, *, before: datetime, limit: int) -> list[WindowRecord]:
    """At most `limit` windows before an instant, newest first."""
    parameters = {"schedule_id": schedule_id, "before": before, "limit": limit}
    return [WindowRecord(*row) for row in await runner.run("get_schedule_windows", parameters)]


async def due_schedules(runner: Runner, *, limit: int) -> list[DueSchedule]:
    """At most `limit` schedules that have a window due, longest overdue first."""
    return [DueSchedule(*row) for row in await runner.run("due_schedules", {"limit": limit})]


async def fire_windows(runner: Runner, epoch: int, advances: Sequence[Advance]) -> tuple[int, list[AccountedWindow]]:
    """Moves schedules on in one transaction: how many moved, and the windows accounted for by it.

    A schedule whose cursor is no longer where it was seen is left alone. None moves once the epoch is over.
    """
    seen = [
        (a.schedule.tenant_id, a.schedule.name, a.schedule.id, a.schedule.cursor_at, a.cursor_at, a.next_at)
        for a in advances
    ]
    windows = [
        (a.schedule.id, entry.window_at, entry.task_id, entry.reason, entry.passed_after)
        for a in advances
        for entry in a.windows
    ]
    names = ("tenant_ids", "names", "schedule_ids", "seen_cursors", "cursors", "nexts")
    window_names = ("window_schedule_ids", "window_ats", "task_ids", "reasons", "passed_afters")
    rows = await runner.run(
        "fire_windows",
        {
            "epoch": epoch,
            **dict(zip(names, column_lists(seen, len(names)), strict=True)),
            **dict(zip(window_names, column_lists(windows, len(window_names)), strict=True)),
        },
    )
    moved = {(row[0], row[1]) for row in rows}
    return len(moved), [AccountedWindow(*row[:6]) for row in rows if row[2] is not None]
