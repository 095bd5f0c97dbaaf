"""Every window of every schedule, counted: what the rules say, what is on record, and which tasks there are.

The rules are asked from where each schedule began, and not by the cursors, for these are what is on trial.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from tests.harness.installation import Installation

from rowlock.store.schedules import ScheduleRecord

_WINDOWS = "SELECT schedule_id, window_at, outcome, task_id, reason, passed_after FROM rowlock.schedule_windows"
_TASKS = "SELECT schedule_id, window_at, id FROM rowlock.tasks WHERE window_at IS NOT NULL"


@dataclass(slots=True)
class Audit:
    """What became of the windows due by an instant. All but the first five figures are faults, and should be 0."""

    windows: int = 0
    fired: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    caught_up_schedules: int = 0  # those whose policies promise each window exactly once
    caught_up_windows: int = 0
    doubles: int = 0  # tasks beyond the first of a window
    gaps: int = 0  # windows that were promised to fire, and did not
    unaccounted: int = 0  # windows that neither fired nor were skipped with a reason
    strangers: int = 0  # tasks of instants that are no windows, or of windows that are not on record as fired

    @property
    def clean(self) -> bool:
        return not (self.doubles or self.gaps or self.unaccounted or self.strangers)


@dataclass(slots=True)
class _Books:
    """What is on record of one schedule."""

    fired: dict[datetime, UUID] = field(default_factory=dict)
    skipped: dict[datetime, str | None] = field(default_factory=dict)
    runs: list[tuple[datetime, datetime, str | None]] = field(default_factory=list)
    tasks: dict[datetime, list[UUID]] = field(default_factory=dict)


async def audit(here: Installation, made: list[ScheduleRecord], until: datetime) -> Audit:
    """Counts the windows of the schedules, each as it was when it was made, that were due by `until`."""
    books = {schedule.id: _Books() for schedule in made}
    for schedule_id, window_at, outcome, task_id, reason, passed_after in await here.query(_WINDOWS):
        book = books[schedule_id]
        if outcome == "fired":
            book.fired[window_at] = task_id
        else:
            book.skipped[window_at] = reason
        if passed_after is not None:
            book.runs.append((passed_after, window_at, reason))
    for schedule_id, window_at, task_id in await here.query(_TASKS):
        books[schedule_id].tasks.setdefault(window_at, []).append(task_id)
    found = Audit()
    for schedule in made:
        _count(found, schedule, books[schedule.id], until)
    return found


def _count(found: Audit, schedule: ScheduleRecord, book: _Books, until: datetime) -> None:
    trigger = schedule.trigger()
    last = max((until, *book.tasks, *book.fired))
    windows = list(takewhile(lambda window: window <= last, trigger.windows_after(schedule.cursor_at)))
    expected = [window for window in windows if trigger.fire_at(window) <= until]
    found.windows += len(expected)
    found.doubles += sum(len(tasks) - 1 for tasks in book.tasks.values())
    for window in expected:
        if window in book.fired:
            found.fired += 1
            continue
        reason = book.skipped.get(window) or next(
            (reason for after, through, reason in book.runs if after < window < through), None
        )
        if reason is None:
            found.unaccounted += 1
        else:
            found.skipped[reason] += 1
    every_one = schedule.missed_run_policy == "catch_up" and schedule.max_catch_up == 10_000
    if every_one and schedule.catch_up_window_seconds is None and schedule.overlap_policy == "allow":
        found.caught_up_schedules += 1
        found.caught_up_windows += len(expected)
        found.gaps += sum(window not in book.tasks for window in expected)
    _count_strangers(found, book, set(windows))


def _count_strangers(found: Audit, book: _Books, windows: set[datetime]) -> None:
    for window, tasks in book.tasks.items():
        found.strangers += sum(window not in windows or book.fired.get(window) != task for task in tasks)
    found.strangers += sum(window not in book.tasks for window in book.fired)
