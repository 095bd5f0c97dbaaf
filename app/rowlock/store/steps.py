"""Durable steps as rows: loaded and kept for the holder of a lease, listed for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rowlock.domain.errors import LeaseLost
from rowlock.domain.steps import StepName
from rowlock.store.links import Runner

Json = Any  # whatever JSON spells
LAST = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FinishedStep:
    """What the holder of a lease says of a step. `result` is JSON text."""

    step: StepName
    result: str
    run_seconds: float


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One finished step as people see it."""

    name: str
    occurrence: int
    attempt: int
    lease_token: int
    recorded_at: datetime
    run_seconds: float
    result: Json

    @property
    def step(self) -> StepName:
        return StepName(self.name, self.occurrence)

    @property
    def position(self) -> StepPosition:
        return StepPosition(self.recorded_at, self.step)


@dataclass(frozen=True, slots=True)
class StepPosition:
    """Where a step stands among those of its task."""

    recorded_at: datetime
    step: StepName


@dataclass(frozen=True, slots=True)
class StepPage:
    """Some steps, newest first, and whether there are older ones."""

    steps: list[StepRecord]
    more: bool


async def load_steps(runner: Runner, tenant_id: str, task_id: UUID, token: int) -> dict[StepName, Json]:
    """What a running task's finished steps returned. Raises `LeaseLost`."""
    rows = await runner.run("load_steps", {"tenant_id": tenant_id, "task_id": task_id, "lease_token": token})
    if not rows:
        raise LeaseLost(f"The lease on task {task_id} is lost, so its steps are for another attempt to take.")
    found: dict[StepName, Json] = {}
    for name, occurrence, result in rows:
        if name is not None:
            found.setdefault(StepName(name, occurrence), result)
    return found


async def record_step(
    runner: Runner, tenant_id: str, task_id: UUID, token: int, done: FinishedStep, *, lock_timeout: str | None = None
) -> Json:
    """Keeps a step, and returns what is kept; to ask again is harmless. Raises `LeaseLost`, and `DatabaseUnavailable`
    where it waited for a lock for longer than `lock_timeout` ("1s"; None is the session's own setting)."""
    rows = await runner.run(
        "record_step",
        {
            "tenant_id": tenant_id,
            "task_id": task_id,
            "lease_token": token,
            "name": done.step.name,
            "occurrence": done.step.occurrence,
            "result": done.result,
            "run_seconds": done.run_seconds,
            "lock_timeout": lock_timeout,
        },
    )
    if not rows:
        raise LeaseLost(f"The lease on task {task_id} is lost, so its step {str(done.step)!r} was not kept.")
    return rows[0][0]


async def list_steps(
    runner: Runner,
    tenant_id: str,
    task_id: UUID,
    *,
    since: datetime,
    before: StepPosition | None,
    limit: int,
    max_bytes: int,
) -> StepPage:
    """At most `limit` steps of a task made at `since`, newest first; fewer where `max_bytes` of results are reached."""
    start = before or StepPosition(LAST, StepName("", 0))
    rows = await runner.run(
        "list_steps",
        {
            "tenant_id": tenant_id,
            "task_id": task_id,
            "since": since,
            "before_at": start.recorded_at,
            "before_name": start.step.name,
            "before_occurrence": start.step.occurrence,
            "limit": limit + 1,
            "max_bytes": max_bytes,
        },
    )
    steps = [StepRecord(*row[:-1]) for row in rows[:limit]]
    return StepPage(steps, more=bool(rows) and rows[0][-1] > len(steps))
