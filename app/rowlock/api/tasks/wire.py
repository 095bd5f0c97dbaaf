"""Tasks and attempts as JSON."""

from __future__ import annotations

from datetime import date
from typing import Any

from rowlock.api.wire import utc
from rowlock.domain.priorities import Priority
from rowlock.store.listing import ListedTask
from rowlock.store.steps import StepRecord
from rowlock.store.tasks import ExecutionRecord, TaskRecord

BLOCKED_YEAR = 9999  # blocked and live rows carry a sentinel of that year, which is no time of theirs
_LABELS = {int(priority): priority.label for priority in Priority}


def task_json(task: TaskRecord) -> dict[str, Any]:
    """The members of `Task`, in its order."""
    _, _, flow_key = task.lane.partition("/")
    return {
        "id": task.id,
        "tenant_id": task.tenant_id,
        "status": task.status,
        "queue": task.queue,
        "name": task.name,
        "priority": _LABELS[task.priority],
        "attempt": task.attempt,
        "max_attempts": task.max_attempts,
        "payload": task.payload,
        "payload_version": task.payload_version,
        "result": task.result,
        "result_version": task.result_version,
        "reason": task.reason,
        "error": task.error,
        "progress": task.progress,
        "tags": task.tags or [],
        "metadata": task.metadata or {},
        "flow_key": flow_key or None,
        "unique_key": task.unique_key,
        "idempotency_key": task.idempotency_key,
        "parent_id": task.parent_id,
        "workflow_id": task.workflow_id,
        "schedule_id": task.schedule_id,
        "window_at": utc(task.window_at),
        "timeout_seconds": task.timeout_seconds,
        "deadline_at": utc(task.deadline_at),
        "created_at": utc(task.created_at),
        "visible_at": None if task.visible_at.year == BLOCKED_YEAR else utc(task.visible_at),
        "started_at": utc(task.started_at),
        "finished_at": utc(task.finished_at),
        "cancel_requested_at": utc(task.cancel_requested_at),
        "worker_id": task.worker_id,
        "wait_seconds": task.wait_seconds,
        "expires_on": _day(task.expires_on),
    }


def listed_json(listed: ListedTask) -> dict[str, Any]:
    """The members of `ListedTask`."""
    return {**task_json(listed.task), "omitted": list(listed.omitted)}


def execution_json(execution: ExecutionRecord) -> dict[str, Any]:
    """The members of `Execution`."""
    return {
        "attempt": execution.attempt,
        "outcome": execution.outcome,
        "started_at": utc(execution.started_at),
        "finished_at": utc(execution.finished_at),
        "wait_seconds": execution.wait_seconds,
        "run_seconds": execution.run_seconds,
        "worker_id": execution.worker_id,
        "lease_token": execution.lease_token,
        "reason": execution.reason,
        "error": execution.error,
        "traceback": execution.traceback,
    }


def step_json(step: StepRecord) -> dict[str, Any]:
    """The members of `Step`."""
    return {
        "name": step.name,
        "occurrence": step.occurrence,
        "result": step.result,
        "attempt": step.attempt,
        "lease_token": step.lease_token,
        "recorded_at": utc(step.recorded_at),
        "run_seconds": step.run_seconds,
    }


def _day(expires_on: date | None) -> str | None:
    return None if expires_on is None or expires_on.year == BLOCKED_YEAR else expires_on.isoformat()
