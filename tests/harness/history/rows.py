"""The rows that a run left behind. Ids are text and instants whole microseconds since 1970, as in the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TERMINAL = ("succeeded", "dead", "cancelled")


@dataclass(frozen=True, slots=True)
class TaskRow:
    id: str
    tenant: str
    queue: str
    lane: str
    name: str
    status: str
    attempt: int
    max_attempts: int
    token: int | None
    result: Any  # whatever JSON spells
    reason: str | None
    key: str | None
    schedule: str | None
    window_at: int | None
    created_at: int
    finished_at: int | None

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    task: str
    token: int
    tenant: str
    attempt: int
    worker: int
    outcome: str
    started_at: int
    finished_at: int


@dataclass(frozen=True, slots=True)
class KeyRow:
    tenant: str
    key: str
    task: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """`windows` are those from its last change up to its cursor, as its rule has them."""

    id: str
    tenant: str
    name: str
    missed_run_policy: str
    changed_at: int
    cursor_at: int
    windows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WindowRow:
    """With `passed_after`, all windows later than that and earlier than `window_at` were skipped as well."""

    schedule: str
    window_at: int
    tenant: str
    outcome: str
    task: str | None
    reason: str | None
    passed_after: int | None
    epoch: int
    recorded_at: int


@dataclass(frozen=True, slots=True)
class LimitRow:
    queue: str
    lane: str
    max_running: int


@dataclass(frozen=True, slots=True)
class WorkerRow:
    id: int
    stopped_at: int | None


@dataclass(frozen=True, slots=True)
class AuditRow:
    action: str
    task: str


@dataclass(frozen=True, slots=True)
class StepRow:
    task: str
    name: str
    occurrence: int
    token: int
    attempt: int
    tenant: str
    recorded_at: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What the run left."""

    tasks: tuple[TaskRow, ...] = ()
    executions: tuple[ExecutionRow, ...] = ()
    keys: tuple[KeyRow, ...] = ()
    schedules: tuple[ScheduleRow, ...] = ()
    windows: tuple[WindowRow, ...] = ()
    limits: tuple[LimitRow, ...] = ()
    workers: tuple[WorkerRow, ...] = ()
    audit: tuple[AuditRow, ...] = ()
    steps: tuple[StepRow, ...] = ()
