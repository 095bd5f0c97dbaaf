"""What people do to tasks and queues: cancel, redrive, change, pause, configure. Each is one audited statement.

Refusals come as the domain's errors: `NotFound` where the tenant has no such thing, `Conflict` where its state does not
allow it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rowlock.store.links import Runner


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it, for the audit log: `key:…`, `cli:…`, or a program by its name."""

    name: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One reason why a task is where it is."""

    code: str
    explanation: str
    advice: str


@dataclass(frozen=True, slots=True)
class LimitRecord:
    """Most tasks of one lane that run at once."""

    lane: str
    max_running: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """What a tenant sets for a queue; None stands for the default (7, 7 and 30 days)."""

    description: str | None = None
    retention_succeeded_days: int | None = None
    retention_cancelled_days: int | None = None
    retention_dead_days: int | None = None


async def cancel_task(runner: Runner, tenant_id: str, task_id: UUID, reason: str | None, actor: Actor) -> str:
    """`cancelled`, or `cancel_requested` where the task runs and its worker has been asked."""
    rows = await runner.run("cancel_task", {"id": task_id, "tenant_id": tenant_id, "reason": reason, **_who(actor)})
    return str(rows[0][0])


async def redrive_task(runner: Runner, tenant_id: str, task_id: UUID, actor: Actor) -> None:
    """Puts a dead or cancelled task back to work under its own id."""
    await runner.run("redrive_task", {"id": task_id, "tenant_id": tenant_id, **_who(actor)})


async def redrive_dead(
    runner: Runner, tenant_id: str, *, queue: str | None, name: str | None, limit: int, actor: Actor
) -> list[UUID]:
    """Puts dead letters back to work, oldest first, at most `limit`; the ids of those."""
    rows = await runner.run(
        "redrive_dead",
        {"tenant_id": tenant_id, "queue": queue, "name": name, "limit": limit, **_who(actor)},
    )
    return [row[0] for row in rows]


async def change_task(
    runner: Runner,
    tenant_id: str,
    task_id: UUID,
    *,
    priority: int | None,
    run_at: datetime | None,
    delay_seconds: float | None,
    actor: Actor,
) -> bool:
    """Changes a pending task; False where the tenant has no pending task of that id."""
    parameters = {"priority": priority, "run_at": run_at, "delay_seconds": delay_seconds}
    rows = await runner.run("change_task", {"id": task_id, "tenant_id": tenant_id, **parameters, **_who(actor)})
    return bool(rows)


async def explain_task(runner: Runner, tenant_id: str, task_id: UUID) -> list[Explanation]:
    """Why the task is where it is, most telling reason first."""
    rows = await runner.run("explain_task", {"id": task_id, "tenant_id": tenant_id})
    return [Explanation(*row) for row in rows]


async def pause_queue(runner: Runner, tenant_id: str, queue: str, actor: Actor) -> bool:
    """Stops the claiming of the queue's tasks; False where it was paused already."""
    rows = await runner.run("pause_queue", {"queue": queue, "tenant_id": tenant_id, **_who(actor)})
    return bool(rows[0][0])


async def resume_queue(runner: Runner, tenant_id: str, queue: str, actor: Actor) -> bool:
    """Lets the queue's tasks be claimed again; False where it was not paused."""
    rows = await runner.run("resume_queue", {"queue": queue, "tenant_id": tenant_id, **_who(actor)})
    return bool(rows[0][0])


async def configure_queue(runner: Runner, tenant_id: str, queue: str, settings: QueueSettings, actor: Actor) -> bool:
    """Sets all that a tenant may set of a queue; True where nothing was set before."""
    rows = await runner.run(
        "configure_queue",
        {
            "tenant_id": tenant_id,
            "queue": queue,
            "description": settings.description,
            "retention_succeeded_days": settings.retention_succeeded_days,
            "retention_cancelled_days": settings.retention_cancelled_days,
            "retention_dead_days": settings.retention_dead_days,
            **_who(actor),
        },
    )
    return bool(rows[0][0])


async def get_limits(runner: Runner, tenant_id: str, queue: str, *, limit: int = 1_000) -> list[LimitRecord]:
    """Caps of the tenant's lanes in a queue."""
    parameters = {"tenant_id": tenant_id, "queue": queue, "limit": limit}
    return [LimitRecord(*row) for row in await runner.run("get_limits", parameters)]


async def set_limit(
    runner: Runner, tenant_id: str, queue: str, lane: str, *, max_running: int, actor: Actor
) -> LimitRecord:
    """Caps a lane of the tenant."""
    parameters = {"tenant_id": tenant_id, "queue": queue, "lane": lane, "max_running": max_running}
    return LimitRecord(*(await runner.run("set_limit", {**parameters, **_who(actor)}))[0])


async def lift_limit(runner: Runner, tenant_id: str, queue: str, lane: str, actor: Actor) -> bool:
    """Takes a cap away; False where the lane had none."""
    parameters = {"tenant_id": tenant_id, "queue": queue, "lane": lane}
    return bool(await runner.run("lift_limit", {**parameters, **_who(actor)}))


def _who(actor: Actor) -> dict[str, str | None]:
    return {"actor": actor.name, "request_id": actor.request_id}
