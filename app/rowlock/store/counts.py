"""Figures of queues: how much is live, how long it waits, who serves it, what is set for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rowlock.store.links import Runner

ALL_TENANTS = "*"


@dataclass(frozen=True, slots=True)
class LiveCount:
    """Live tasks of one tenant, queue and priority by state. `oldest_ready_seconds` counts orphans as ready;
    `without_handler` are those, of the scheduled or ready ones, that no worker could run that has met them."""

    tenant_id: str
    queue: str
    priority: int
    ready: int
    scheduled: int
    retrying: int
    running: int
    orphaned: int
    blocked: int
    oldest_ready_seconds: float | None
    without_handler: int


@dataclass(frozen=True, slots=True)
class DeadCount:
    """Dead letters of one tenant and queue."""

    tenant_id: str
    queue: str
    dead: int


@dataclass(frozen=True, slots=True)
class QueueRow:
    """What is set for a queue, by its tenant or (`*`) for all tenants."""

    tenant_id: str
    name: str
    paused_at: datetime | None
    paused_by: str | None
    retention_succeeded_days: int | None
    retention_cancelled_days: int | None
    retention_dead_days: int | None
    description: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class QueueServers:
    """Live workers that take from a queue, and handlers that name it."""

    queue: str
    workers: int
    handlers: int


async def count_live(runner: Runner) -> list[LiveCount]:
    """Reads all live tasks: milliseconds for thousands, a second for millions."""
    return [LiveCount(*row) for row in await runner.run("count_live")]


async def count_dead(runner: Runner) -> list[DeadCount]:
    return [DeadCount(*row) for row in await runner.run("count_dead")]


async def get_queue_rows(runner: Runner, tenant_id: str) -> list[QueueRow]:
    """By name; of two rows of one name the one for all tenants comes first."""
    return [QueueRow(*row) for row in await runner.run("get_queue_rows", {"tenant_id": tenant_id})]


async def get_paused_queues(runner: Runner) -> list[tuple[str, str]]:
    """Tenant (or `*`) and name of each paused queue."""
    return [(row[0], row[1]) for row in await runner.run("get_paused_queues")]


async def get_queue_servers(runner: Runner) -> dict[str, QueueServers]:
    """By queue."""
    return {row[0]: QueueServers(*row) for row in await runner.run("get_queue_servers")}
