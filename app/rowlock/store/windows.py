"""Windows of schedules: those that are due, and those that are accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from rowlock.domain.triggers import Trigger, TriggerKind
from rowlock.store.links import Runner, column_lists
from rowlock.store.operations import Actor
from rowlock.store.rules import stored_trigger


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """One window that is accounted for: `fired` with its task, or `skipped` with the reason.

    With `passed_after` it ends a run: all windows later than that and earlier than `window_at` were skipped for the
    reason.
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
    starts_at: datetime | None
    ends_at: datetime | None
    jitter_seconds: int
    missed_run_policy: str
    max_catch_up: int
    catch_up_window_seconds: int | None
    misfire_grace_seconds: int
    cursor_at: datetime
    queue: str
    task_name: str
    now_at: datetime

    def trigger(self) -> Trigger:
        """The rule; raises `InvalidArgument` where this version or host cannot read it."""
        return stored_trigger(self)

    @property
    def misfire_grace(self) -> timedelta:
        return timedelta(seconds=self.misfire_grace_seconds)

    @property
    def catch_up_window(self) -> timedelta | None:
        return None if self.catch_up_window_seconds is None else timedelta(seconds=self.catch_up_window_seconds)


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
    trigger: Trigger | None = None  # None where the rule cannot be read

    @property
    def late_seconds(self) -> float:
        """How long the next window has been due already."""
        return 0.0 if self.next_at is None else (self.schedule.now_at - self.next_at).total_seconds()

    def drift_seconds(self, window_at: datetime) -> float:
        """How late a window fires, its jitter counted in."""
        due_at = window_at if self.trigger is None else self.trigger.fire_at(window_at)
        return (self.schedule.now_at - due_at).total_seconds()


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


async def find_window(runner: Runner, schedule_id: UUID, window_at: datetime) -> WindowRecord | None:
    """The row that accounts for an instant: its own, or that of the run of skipped windows it lies in."""
    rows = await runner.run("find_window", {"schedule_id": schedule_id, "window_at": window_at})
    return WindowRecord(*rows[0]) if rows else None


async def due_schedules(runner: Runner, *, limit: int, latest_first: bool = False) -> list[DueSchedule]:
    """At most `limit` schedules that have a window due, longest overdue first or last."""
    name = "due_schedules_latest" if latest_first else "due_schedules"
    return [DueSchedule(*row) for row in await runner.run(name, {"limit": limit})]


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


async def backfill_windows(
    runner: Runner,
    tenant_id: str,
    name: str,
    schedule_id: UUID,
    actor: Actor,
    *,
    seen_updated_at: datetime,
    tasks: Mapping[datetime, UUID],
) -> dict[datetime, UUID] | None:
    """Fires those of the windows that never fired, each as its task; None where the schedule was changed meanwhile."""
    [(found, _, task_ids, window_ats)] = await runner.run(
        "backfill_windows",
        {
            "tenant_id": tenant_id,
            "name": name,
            "id": schedule_id,
            "seen_updated_at": seen_updated_at,
            "window_ats": list(tasks),
            "task_ids": list(tasks.values()),
            "actor": actor.name,
            "request_id": actor.request_id,
        },
    )
    return dict(zip(window_ats or (), task_ids or (), strict=True)) if found else None
