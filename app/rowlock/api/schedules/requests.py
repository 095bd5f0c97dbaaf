"""From the bodies of requests to what the engine makes of schedules, in the names that clients use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rowlock.api.schedules.models import RuleFields, ScheduleCreate, SchedulePatch
from rowlock.api.schedules.window_models import RulePreview
from rowlock.api.services import Services
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.schedule_requests import ScheduleRequest, schedule_request

_WIRE_NAMES = {
    name: f"{name}_seconds" for name in ("interval", "timeout", "jitter", "catch_up_window", "misfire_grace")
}


async def new_schedule(services: Services, tenant_id: str, body: ScheduleCreate) -> ScheduleRequest:
    """The schedule that the body spells; its tasks' defaults come from their handler."""
    with told_by_wire_names():
        return await services.admission.schedule(
            tenant_id,
            body.name,
            body.task_name,
            body.payload,
            **_rule(body),
            missed_run_policy=body.missed_run_policy,
            max_catch_up=body.max_catch_up,
            catch_up_window=body.catch_up_window_seconds,
            misfire_grace=body.misfire_grace_seconds,
            overlap_policy=body.overlap_policy,
            payload_version=body.payload_version,
            queue=body.queue,
            priority=body.priority,
            max_attempts=body.max_attempts,
            timeout=body.timeout_seconds,
            tags=body.tags,
        )


def tried_rule(body: RulePreview) -> ScheduleRequest:
    """The rule that the body spells, as that of a schedule that nobody stores."""
    with told_by_wire_names():
        return schedule_request("preview", "preview", **_rule(body))


def _rule(body: RuleFields) -> dict[str, Any]:
    return {
        "cron": body.cron,
        "interval": body.interval_seconds,
        "once": body.once,
        "calendar": body.calendar,
        "timezone": body.timezone,
        "anchor_at": body.anchor_at,
        "starts_at": body.starts_at,
        "ends_at": body.ends_at,
        "jitter": body.jitter_seconds,
        "allow_seconds": body.allow_seconds,
    }


async def changes_of(services: Services, tenant_id: str, name: str, body: SchedulePatch) -> dict[str, Any]:
    """The engine's arguments for what the body changes."""
    said = {field: getattr(body, field) for field in body.model_fields_set}
    changes = await services.admission.schedule_change(tenant_id, name, said)
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
