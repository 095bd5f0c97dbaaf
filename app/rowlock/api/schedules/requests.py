"""From the bodies of requests to what the engine makes of schedules, in the names that clients use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rowlock.api.schedules.models import ScheduleCreate, SchedulePatch
from rowlock.api.services import Services
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.schedule_requests import ScheduleRequest
from rowlock.engine import schedules

_WIRE_NAMES = {"interval": "interval_seconds", "timeout": "timeout_seconds"}


async def new_schedule(services: Services, tenant_id: str, body: ScheduleCreate) -> ScheduleRequest:
    """The schedule that the body spells; its tasks' defaults come from their handler."""
    with told_by_wire_names():
        return await services.admission.schedule(
            tenant_id,
            body.name,
            body.task_name,
            body.payload,
            cron=body.cron,
            interval=body.interval_seconds,
            timezone=body.timezone,
            anchor_at=body.anchor_at,
            missed_run_policy=body.missed_run_policy,
            max_catch_up=body.max_catch_up,
            queue=body.queue,
            priority=body.priority,
            max_attempts=body.max_attempts,
            timeout=body.timeout_seconds,
            tags=body.tags,
        )


async def changes_of(services: Services, tenant_id: str, name: str, body: SchedulePatch) -> dict[str, Any]:
    """The engine's arguments for what the body changes."""
    changes = {field: getattr(body, field) for field in body.model_fields_set}
    if changes.keys() & {"task_name", "queue", "payload"}:
        seen = await schedules.get_schedule(services.database, tenant_id, name)
        task_name = body.task_name or seen.task_name
        payload = seen.payload if body.payload is None else body.payload
        await services.admission.check(tenant_id, task_name, body.queue or seen.queue, payload)
    for argument, field in _WIRE_NAMES.items():
        if field in changes:
            changes[argument] = changes.pop(field)
    return changes


@contextmanager
def told_by_wire_names() -> Iterator[None]:
    """Refusals name the fields that the client sent."""
    try:
        yield
    except InvalidArgument as error:
        field = error.detail.get("field")
        if field in _WIRE_NAMES:
            error.detail = {**error.detail, "field": _WIRE_NAMES[field]}
            error.message = error.message.replace(f"The field {field} ", f"The field {_WIRE_NAMES[field]} ")
        raise
