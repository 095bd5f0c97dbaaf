"""Schedules and windows as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rowlock.api.wire import utc
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.priorities import Priority
from rowlock.engine.backfill import Backfill
from rowlock.engine.explain_window import WindowExplanation
from rowlock.engine.previews import Preview
from rowlock.engine.schedules import describe_schedule, upcoming_windows
from rowlock.store.schedules import ScheduleRecord
from rowlock.store.windows import WindowRecord


def schedule_json(schedule: ScheduleRecord) -> dict[str, Any]:
    """The members of `Schedule`."""
    return {
        "id": schedule.id,
        "tenant_id": schedule.tenant_id,
        "name": schedule.name,
        "task_name": schedule.task_name,
        "trigger_kind": schedule.trigger_kind,
        "expression": schedule.expression,
        "description": _description(schedule),
        "timezone": schedule.timezone,
        "anchor_at": utc(schedule.anchor_at),
        "starts_at": utc(schedule.starts_at),
        "ends_at": utc(schedule.ends_at),
        "jitter_seconds": schedule.jitter_seconds,
        "allow_seconds": schedule.allow_seconds,
        "missed_run_policy": schedule.missed_run_policy,
        "max_catch_up": schedule.max_catch_up,
        "catch_up_window_seconds": schedule.catch_up_window_seconds,
        "misfire_grace_seconds": schedule.misfire_grace_seconds,
        "overlap_policy": schedule.overlap_policy,
        "cursor_at": utc(schedule.cursor_at),
        "next_at": utc(schedule.next_at),
        "lag_seconds": schedule.lag_seconds,
        "paused": schedule.paused,
        "paused_at": utc(schedule.paused_at),
        "paused_by": schedule.paused_by,
        "queue": schedule.queue,
        "priority": Priority(schedule.priority).label,
        "payload": schedule.payload,
        "payload_version": schedule.payload_version,
        "max_attempts": schedule.max_attempts,
        "timeout_seconds": schedule.timeout_seconds,
        "tags": schedule.tags or [],
        "source": schedule.source,
        "application": schedule.application,
        "created_at": utc(schedule.created_at),
        "updated_at": utc(schedule.updated_at),
    }


def detail_json(schedule: ScheduleRecord) -> dict[str, Any]:
    """The members of `ScheduleDetail`."""
    try:
        upcoming = [utc(at) for at in upcoming_windows(schedule)]
    except InvalidArgument:
        upcoming = []  # a zone or rule that this host cannot read, as the missing description says
    return {**schedule_json(schedule), "next_windows": upcoming}


def window_json(window: WindowRecord) -> dict[str, Any]:
    """The members of `Window`."""
    return {
        "window_at": utc(window.window_at),
        "outcome": window.outcome,
        "task_id": window.task_id,
        "reason": window.reason,
        "passed_after": utc(window.passed_after),
        "epoch": window.epoch,
        "recorded_at": utc(window.recorded_at),
    }


def explanation_json(explained: WindowExplanation) -> dict[str, Any]:
    """The members of `WindowExplanation`."""
    return {**asdict(explained), "window_at": utc(explained.window_at)}


def preview_json(preview: Preview) -> dict[str, Any]:
    """The members of `Preview`."""
    return {
        "description": preview.description,
        "windows": [{"window_at": utc(at), "due_at": utc(due_at)} for at, due_at in preview.windows],
    }


def backfilled_json(done: Backfill) -> dict[str, Any]:
    """The members of `Backfilled`."""
    return {
        "windows": done.windows,
        "fired": [{"window_at": utc(at), "task_id": task_id} for at, task_id in done.fired.items()],
    }


def _description(schedule: ScheduleRecord) -> str | None:
    try:
        return describe_schedule(schedule)
    except InvalidArgument:
        return None
