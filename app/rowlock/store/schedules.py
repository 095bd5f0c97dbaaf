"""Schedules as rows. What changes a schedule writes the audit log in the same statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from rowlock.domain.errors import NotFound
from rowlock.domain.schedule_requests import ScheduleRequest
from rowlock.domain.triggers import Trigger, TriggerKind
from rowlock.store.links import Runner
from rowlock.store.operations import Actor
from rowlock.store.rules import stored_trigger
from rowlock.store.windows import SkippedWindow

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
    starts_at: datetime | None
    ends_at: datetime | None
    jitter_seconds: int
    allow_seconds: bool
    catch_up_window_seconds: int | None
    misfire_grace_seconds: int
    overlap_policy: str
    application: str | None
    payload_version: int
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
        return stored_trigger(self)


async def get_schedule(runner: Runner, tenant_id: str, name: str) -> ScheduleRecord:
    """The schedule. Raises `NotFound`, also for another tenant's."""
    rows = await runner.run("get_schedule", {"tenant_id": tenant_id, "name": name})
    if not rows:
        raise NotFound(f"There is no schedule {name}.")
    return ScheduleRecord(*rows[0])


async def list_schedules(runner: Runner, tenant_id: str, *, past: str = "", limit: int = 100) -> list[ScheduleRecord]:
    """At most `limit` schedules with names beyond `past`, by name."""
    parameters = {"tenant_id": tenant_id, "past": past, "limit": limit}
    return [ScheduleRecord(*row) for row in await runner.run("list_schedules", parameters)]


async def find_declared(runner: Runner, tenant_id: str, application: str, names: Sequence[str]) -> list[ScheduleRecord]:
    """Schedules of these names, and all that the application has declared, by name."""
    parameters = {"tenant_id": tenant_id, "application": application, "names": list(names)}
    return [ScheduleRecord(*row) for row in await runner.run("find_declared_schedules", parameters)]


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
    description: str,
    application: str | None,
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
            **_owner(application),
            "description": description,
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
    description: str,
    application: str | None,
    resumes: bool = False,
    skipped: Sequence[SkippedWindow] = (),
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
            "description": description,
            **_owner(application),
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
    """Stops a schedule from firing; False where it was paused already. Raises `NotFound`."""
    return bool((await runner.run("pause_schedule", {"tenant_id": tenant_id, "name": name, **_who(actor)}))[0][0])


async def trigger_schedule(runner: Runner, tenant_id: str, name: str, actor: Actor, *, task_id: UUID) -> None:
    """Stores one task outside the windows. Raises `NotFound`, and `AlreadyExists` where a task has or had the id."""
    await runner.run("trigger_schedule", {"tenant_id": tenant_id, "name": name, "task_id": task_id, **_who(actor)})


async def delete_schedule(runner: Runner, tenant_id: str, name: str, actor: Actor) -> None:
    """Deletes a schedule. Raises `NotFound`."""
    await runner.run("delete_schedule", {"tenant_id": tenant_id, "name": name, **_who(actor)})


def _definition(request: ScheduleRequest, anchor_at: datetime) -> dict[str, Any]:
    return {
        "name": request.name,
        "trigger_kind": request.trigger_kind,
        "expression": request.expression,
        "timezone": request.timezone,
        "anchor_at": anchor_at,
        "starts_at": request.starts_at,
        "ends_at": request.ends_at,
        "jitter_seconds": _seconds(request.jitter),
        "allow_seconds": request.allow_seconds,
        "missed_run_policy": request.missed_run_policy.value,
        "max_catch_up": request.max_catch_up,
        "catch_up_window_seconds": _seconds(request.catch_up_window),
        "misfire_grace_seconds": _seconds(request.misfire_grace),
        "overlap_policy": request.overlap_policy.value,
        "task_name": request.task_name,
        "queue": request.queue,
        "priority": int(request.priority),
        "payload": request.payload,
        "payload_version": request.payload_version,
        "max_attempts": request.max_attempts,
        "timeout_seconds": request.timeout.total_seconds() if request.timeout else None,
        "tags": list(request.tags) or None,
    }


def _who(actor: Actor) -> dict[str, str | None]:
    return {"actor": actor.name, "request_id": actor.request_id}


def _owner(application: str | None) -> dict[str, str | None]:
    return {"source": "api" if application is None else "code", "application": application}


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else span // timedelta(seconds=1)
