"""One task as the reference knows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

ATTEMPTS_KEPT_DAYS = 30
STEPS_KEPT_DAYS = 7
WORKERS_KEPT_DAYS = 7
KEPT_DAYS = {"succeeded": 7, "cancelled": 7, "dead": 30}


@dataclass(frozen=True)
class Step:
    """A step that was kept: in which attempt, what it returned, and when."""

    attempt: int
    result: int
    day: date


@dataclass
class Task:
    """A unit of work. `token` is its current lease's; `attempts` are those that ended, first to last, when and how."""

    id: UUID
    tenant: str
    queue: str
    priority: int
    lane: str
    max_attempts: int
    visible_at: datetime
    payload: dict[str, int]
    unique_key: str | None = None
    deadline: datetime | None = None
    schedule: UUID | None = None
    window: datetime | None = None
    status: str = "pending"
    attempt: int = 0
    token: int | None = None
    worker: int | None = None
    asked_to_stop: bool = False
    reason: str | None = None
    result: int | None = None
    progress: int | None = None
    expires_on: date | None = None
    attempts: list[tuple[date, str]] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)
    kept_place: datetime | None = None  # where it stands in its lane, if it was claimed in its place

    @property
    def place(self) -> datetime:
        """By which a lane is in order."""
        return self.kept_place or self.visible_at

    @property
    def outcomes(self) -> list[str]:
        return [outcome for _, outcome in self.attempts]

    @property
    def live(self) -> bool:
        return self.status in ("pending", "running")

    def runs(self, now: datetime) -> bool:
        """Whether somebody may be at work on it: its lease lasts."""
        return self.status == "running" and self.visible_at > now

    def overdue(self, now: datetime) -> bool:
        """Whether it is too late to begin it: its deadline has passed, and nobody is at work on it."""
        return self.live and self.deadline is not None and self.deadline <= now and not self.runs(now)

    def state(self, now: datetime) -> str:
        """As the view `task_state` has it."""
        if self.status == "running":
            return "running" if self.runs(now) else "orphaned"
        if self.status != "pending":
            return self.status
        if self.visible_at <= now:
            return "ready"
        return "retrying" if self.attempt else "scheduled"

    def put_back(self, visible_at: datetime, reason: str, *, spent: bool) -> None:
        """It waits again; an attempt that is not spent does not count."""
        self.status, self.token, self.worker, self.kept_place = "pending", None, None, None
        self.visible_at, self.reason = visible_at, reason
        self.attempt -= not spent

    def end(self, status: str, today: date, reason: str | None) -> None:
        """It has reached a terminal state, which it leaves by a redrive alone."""
        self.status, self.reason, self.token = status, reason, None
        self.expires_on = date.fromordinal(today.toordinal() + KEPT_DAYS[status])
