"""What people do to tasks and queues, each audited under the name of whoever does it.

Refusals say why: `NotFound` for what the tenant does not have, `TaskNotCancellable`, `TaskNotRedrivable` and
`TaskNotChangeable` where the task's state does not allow it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, cast
from uuid import UUID

from rowlock.domain import bounds
from rowlock.domain.errors import (
    Conflict,
    InvalidArgument,
    NotFound,
    TaskNotCancellable,
    TaskNotChangeable,
    TaskNotRedrivable,
)
from rowlock.domain.priorities import Priority
from rowlock.domain.requests import lane_of
from rowlock.store import operations, tasks
from rowlock.store.database import Database
from rowlock.store.links import Runner
from rowlock.store.operations import Actor, LimitRecord, QueueSettings
from rowlock.store.reading import Reading

__all__ = [
    "Actor",
    "QueueSettings",
    "cancel_task",
    "change_task",
    "configure_queue",
    "lift_limit",
    "pause_queue",
    "redrive_dead",
    "redrive_task",
    "resume_queue",
    "set_limit",
]

MAX_REASON = 500
MAX_REDRIVE = 10_000
MAX_RUNNING = 100_000
MAX_DESCRIPTION = 500
MAX_RETENTION_DAYS = 365

Cancelled = Literal["cancelled", "cancel_requested"]


async def cancel_task(
    runner: Runner, tenant_id: str, task_id: UUID, *, actor: Actor, reason: str | None = None
) -> Cancelled:
    """Cancels a waiting task at once; asks the worker of a running one. Says which it was."""
    if reason is not None:
        reason = bounds.storable_text(reason)[:MAX_REASON]
    try:
        said = await operations.cancel_task(runner, tenant_id, task_id, reason, actor)
    except Conflict as conflict:
        raise TaskNotCancellable(conflict.message) from conflict
    return cast(Cancelled, said)


async def redrive_task(runner: Runner, tenant_id: str, task_id: UUID, *, actor: Actor) -> None:
    """Puts a dead or cancelled task back to work under its own id, with all attempts ahead of it."""
    try:
        await operations.redrive_task(runner, tenant_id, task_id, actor)
    except Conflict as conflict:
        raise TaskNotRedrivable(conflict.message) from conflict


async def redrive_dead(
    database: Database,
    tenant_id: str,
    *,
    actor: Actor,
    queue: str | None = None,
    name: str | None = None,
    limit: int = 1_000,
) -> list[UUID]:
    """Puts dead letters back to work, oldest first; the ids of those."""
    if not 1 <= limit <= MAX_REDRIVE:
        raise InvalidArgument(f"The field limit is {limit}, but must be 1 to {MAX_REDRIVE}.", field="limit")
    return await operations.redrive_dead(database, tenant_id, queue=queue, name=name, limit=limit, actor=actor)


async def change_task(
    database: Database,
    tenant_id: str,
    task_id: UUID,
    *,
    actor: Actor,
    priority: Priority | None = None,
    run_at: datetime | None = None,
    delay: timedelta | None = None,
) -> None:
    """Changes priority or run time of a task that waits for a worker; the past means now."""
    if run_at is not None and delay is not None:
        raise InvalidArgument("Give either delay_seconds or run_at, not both.", field="delay_seconds")
    changed = await operations.change_task(
        database,
        tenant_id,
        task_id,
        priority=None if priority is None else int(priority),
        run_at=None if run_at is None else bounds.check_run_at(run_at),
        delay_seconds=None if delay is None else bounds.check_delay(delay).total_seconds(),
        actor=actor,
    )
    if not changed:
        task = await tasks.get_task(Reading(database), tenant_id, task_id)
        raise TaskNotChangeable(
            f"Task {task_id} is {task.status}: priority and run time can be changed only while it waits for a worker."
        )


async def pause_queue(database: Database, tenant_id: str, queue: str, *, actor: Actor) -> bool:
    """Stops the claiming of the queue's tasks; running ones go on. False where it was paused."""
    return await operations.pause_queue(database, tenant_id, bounds.check_queue(queue), actor)


async def resume_queue(database: Database, tenant_id: str, queue: str, *, actor: Actor) -> bool:
    """Lets the queue's tasks be claimed again. False where it was not paused."""
    return await operations.resume_queue(database, tenant_id, bounds.check_queue(queue), actor)


async def configure_queue(
    database: Database, tenant_id: str, queue: str, settings: QueueSettings, *, actor: Actor
) -> bool:
    """Sets all that a tenant may set of a queue. True where nothing had been set before."""
    for field in ("retention_succeeded_days", "retention_cancelled_days", "retention_dead_days"):
        days = getattr(settings, field)
        if days is not None and not 1 <= days <= MAX_RETENTION_DAYS:
            raise InvalidArgument(
                f"The field {field} is {days}, but must be 1 to {MAX_RETENTION_DAYS} days.", field=field
            )
    return await operations.configure_queue(database, tenant_id, bounds.check_queue(queue), settings, actor)


async def set_limit(
    database: Database,
    tenant_id: str,
    queue: str,
    flow_key: str | None,
    max_running: int,
    *,
    actor: Actor,
) -> LimitRecord:
    """Caps how many of the tenant's tasks, or of one flow of them, run at once; 0 holds them."""
    if not 0 <= max_running <= MAX_RUNNING:
        raise InvalidArgument(
            f"The field max_running is {max_running}, but must be 0 to {MAX_RUNNING}.", field="max_running"
        )
    lane = lane_of(tenant_id, None if flow_key is None else bounds.check_flow_key(flow_key))
    queue = bounds.check_queue(queue)
    return await operations.set_limit(database, tenant_id, queue, lane, max_running=max_running, actor=actor)


async def lift_limit(database: Database, tenant_id: str, queue: str, flow_key: str | None, *, actor: Actor) -> None:
    """Takes a cap away; `NotFound` where there is none."""
    lane = lane_of(tenant_id, flow_key)
    if not await operations.lift_limit(database, tenant_id, queue, lane, actor):
        raise NotFound(f"Lane {lane!r} of queue {queue!r} has no limit.")
