"""Schedules as rows. What changes a schedule writes the audit log in the same statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from rowlock.domain.errors import NotFound
from rowlock.domain.schedule_requests import ScheduleRequest
from rowlock.domain.triggers import Trigger, TriggerKind, parse_trigger
from rowlock.store.links import Runner
from rowlock.store.operations import Actor
from rowlock.store.windows import WindowEntry

Json = Any  # whatever JSON spells


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """One schedule. Times are aware UTC and the database's; `read_at` is when it was read."""

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
    next_at: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    task_name: str
    queue: str
    priority: int
    payload: dict[str, Json]
    max_attempts: int
    timeout_seconds: float | None
    tags: list[str] | None
    source: str
    created_at: datetime
    updated_at: datetime
    read_at: datetime

    @property
    def paused(self) -> bool:
        return self.paused_at is not None

    @property
    def lag_seconds(self) -> float:
        """How long the oldest window that is due has waited; 0 where none is due."""
        if self.paused or self.next_at is None:
            return 0.0
        return max(0.0, (self.read_at - self.next_at).total_seconds())

    def trigger(self) -> Trigger:
        """The rule; raises `InvalidArgument` where this version or host cannot read it."""
        return parse_trigger(self.trigger_kind, self.expression, self.timezone, self.anchor_at)


async def get_schedule(runner: Runner, tenant_id: str, name: str) -> ScheduleRecord:
    """The schedule. Raises `NotFound`, also for another tenant's."""
    rows = await runner.run("get_schedule", {"tenant_id": tenant_id, "name": name})
    if not rows:
        raise NotFound(f"There is no schedule {name}.")
    return ScheduleRecord(*rows[0])


async def list_schedules(
    runner: Runner, tenant_id: str, *, past: str = "", source: str | None = None, limit: int = 100
) -> list[ScheduleRecord]:
    """At most `limit` schedules with names beyond `past`, by name."""
    parameters = {"tenant_id": tenant_id, "past": past, "source": source, "limit": limit}
    return [ScheduleRecord(*row) for row in await runner.run("list_schedules", parameters)]


async def read_clock(runner: Runner) -> datetime:
    """The database's time."""
    now: datetime = (await runner.run("read_clock"))[0][0]
    return now


async def insert_schedule(
    runner: Runner,
    tenant_id: str,
    request: ScheduleRequest,
    actor: Actor,
    *,
    schedule_id: UUID,
    now: datetime,
    anchor_at: datetime,
    next_at: datetime | None,
    source: str,
    paused: bool,
) -> bool:
    """Stores a schedule whose windows count from `now` on; False where the name is taken."""
    rows = await runner.run(
        "insert_schedule",
        {
            **_definition(request, anchor_at),
            **_who(actor),
            "id": schedule_id,
            "tenant_id": tenant_id,
            "source": source,
            "cursor_at": now,
            "next_at": next_at,
            "paused": paused,
        },
    )
    return bool(rows)


async def change_schedule(
    runner: Runner,
    seen: ScheduleRecord,
    request: ScheduleRequest,
    actor: Actor,
    *,
    action: str,
    detail: Mapping[str, Json],
    anchor_at: datetime,
    cursor_at: datetime,
    next_at: datetime | None,
    source: str,
    resumes: bool = False,
    skipped: Sequence[WindowEntry] = (),
) -> bool:
    """Writes the changed schedule, provided that it is still as it was `seen`; False where it is not."""
    rows = await runner.run(
        "change_schedule",
        {
            **_definition(request, anchor_at),
            **_who(actor),
            "id": seen.id,
            "tenant_id": seen.tenant_id,
            "seen_cursor_at": seen.cursor_at,
            "seen_updated_at": seen.updated_at,
            "seen_paused_at": seen.paused_at,
            "cursor_at": cursor_at,
            "next_at": next_at,
            "source": source,
            "resumes": resumes,
            "skipped": [entry.window_at for entry in skipped],
            "passed_afters": [entry.passed_after for entry in skipped],
            "reason": skipped[0].reason if skipped else None,
            "action": action,
            "detail": orjson.dumps(detail).decode(),
        },
    )
    return bool(rows)


async def pause_schedule(runner: Runner, tenant_id: str, name: str, actor: Actor) -> bool:
    """Stops a schedule from firing; False where it is paused already, or not there."""
    return bool(await runner.run("pause_schedule", {"tenant_id": tenant_id, "name": name, **_who(actor)}))


async def trigger_schedule(
    runner: Runner, tenant_id: str, name: str, actor: Actor, *, task_id: UUID
) -> tuple[str, str] | None:
    """Stores one task outside the windows; its queue and name, or None where there is no such schedule."""
    rows = await runner.run(
        "trigger_schedule", {"tenant_id": tenant_id, "name": name, "task_id": task_id, **_who(actor)}
    )
    return (rows[0][1], rows[0][2]) if rows else None


async def delete_schedule(runner: Runner, tenant_id: str, name: str, actor: Actor) -> bool:
    """Deletes a schedule; False where there is none."""
    return bool(await runner.run("delete_schedule", {"tenant_id": tenant_id, "name": name, **_who(actor)}))


def _definition(request: ScheduleRequest, anchor_at: datetime) -> dict[str, Any]:
    return {
        "name": request.name,
        "trigger_kind": request.trigger_kind,
        "expression": request.expression,
        "timezone": request.timezone,
        "anchor_at": anchor_at,
        "missed_run_policy": request.missed_run_policy.value,
        "max_catch_up": request.max_catch_up,
        "task_name": request.task_name,
        "queue": request.queue,
        "priority": int(request.priority),
        "payload": request.payload,
        "max_attempts": request.max_attempts,
        "timeout_seconds": request.timeout.total_seconds() if request.timeout else None,
        "tags": list(request.tags) or None,
    }


def _who(actor: Actor) -> dict[str, str | None]:
    return {"actor": actor.name, "request_id": actor.request_id}
