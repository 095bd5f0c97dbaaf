"""Windows of schedules: those that are due, and those that are accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
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
    """What a decision about due windows is made from. `now_at` is the database's.

    What was due at `resumed_at` already has fallen into a pause, and does not fire. What a change of the jitter made
    due has been due from `due_since` on.
    """

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
    resumed_at: datetime | None
    updated_at: datetime
    due_since: datetime | None
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
class SkippedWindow:
    """A window that does not fire; with `passed_after`, neither do all windows later than that and earlier than it."""

    window_at: datetime
    reason: str
    passed_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Advance:
    """How one schedule moves on from where it was seen: its new cursor, when it is due next, and the windows between.

    Those that fire come in order, each with the id of its task.
    """

    schedule: DueSchedule
    cursor_at: datetime
    next_at: datetime | None
    fire: Sequence[tuple[datetime, UUID]] = ()
    skip: Sequence[SkippedWindow] = ()
    trigger: Trigger | None = None  # None where the rule cannot be read

    @property
    def due_seconds(self) -> float:
        """How long the first of the windows has been due."""
        windows = [at for at, _ in self.fire[:1]] + [entry.window_at for entry in self.skip]
        return self.drift_seconds(min(windows)) if windows else 0.0

    @property
    def late_seconds(self) -> float | None:
        """How long the next window has been due already; None where it is not due yet."""
        if self.next_at is None or self.next_at > self.schedule.now_at:
            return None
        return (self.schedule.now_at - self.next_at).total_seconds()

    def drift_seconds(self, window_at: datetime) -> float:
        """How late a window fires, its jitter counted in."""
        due_at = window_at if self.trigger is None else self.trigger.fire_at(window_at)
        if self.schedule.due_since is not None:
            due_at = max(due_at, self.schedule.due_since)
        return (self.schedule.now_at - due_at).total_seconds()


CANCELS_PER_STATEMENT = 1_000
CANCELS_PER_SCHEDULE = 100  # of which no schedule with a long queue of tasks has more than its share


@dataclass(frozen=True, slots=True)
class AccountedWindow:
    """One window that `fire_windows` has just accounted for."""

    schedule_id: UUID
    window_at: datetime
    outcome: str
    task_id: UUID | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Fired:
    """What `fire_windows` did: the schedules that moved, their windows, and how many tasks it cancelled for them."""

    moved: frozenset[UUID]
    windows: list[AccountedWindow]
    cancelled: int


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


async def fire_windows(runner: Runner, epoch: int, advances: Sequence[Advance]) -> Fired:
    """Moves schedules on in one transaction. None moves once the epoch is over.

    A schedule whose cursor is no longer where it was seen, or that was changed, is left alone; so is one that another
    transaction holds, and one of which more tasks have to be cancelled than a statement may, or one that another holds.
    """
    bounds = {"cancels": CANCELS_PER_STATEMENT, "cancels_per_schedule": CANCELS_PER_SCHEDULE}
    rows = await runner.run("fire_windows", {"epoch": epoch, **_seen(advances), **_windows(advances), **bounds})
    return Fired(
        moved=frozenset(row[0] for row in rows if row[0] is not None and row[1] is None),
        windows=[AccountedWindow(*row[:5]) for row in rows if row[1] is not None],
        cancelled=sum(row[6] or 0 for row in rows),
    )


def _seen(advances: Sequence[Advance]) -> dict[str, list[Any]]:
    """The schedules as columns; each has `fires` windows in the columns of those that fire, after its `firsts`."""
    names = (
        "tenant_ids",
        "names",
        "schedule_ids",
        "seen_cursors",
        "seen_updates",
        "cursors",
        "nexts",
        "firsts",
        "fires",
    )
    rows = []
    first = 0
    for advance in advances:
        seen = advance.schedule
        fires = len(advance.fire)
        rows.append(
            (
                seen.tenant_id, seen.name, seen.id, seen.cursor_at, seen.updated_at, advance.cursor_at, advance.next_at,
                first, fires,
            )
        )  # fmt: skip
        first += fires
    return dict(zip(names, column_lists(rows, len(names)), strict=True))


def _windows(advances: Sequence[Advance]) -> dict[str, list[Any]]:
    fired = [(at, task_id) for advance in advances for at, task_id in advance.fire]
    skipped = [
        (advance.schedule.id, entry.window_at, advance.schedule.tenant_id, entry.reason, entry.passed_after)
        for advance in advances
        for entry in advance.skip
    ]
    names = ("skip_ids", "skip_ats", "skip_tenants", "reasons", "passed_afters")
    return {
        **dict(zip(("fire_ats", "task_ids"), column_lists(fired, 2), strict=True)),
        **dict(zip(names, column_lists(skipped, len(names)), strict=True)),
    }


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
