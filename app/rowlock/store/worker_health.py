"""Workers as operators see them, from the view of that name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rowlock.store.links import Runner


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker process. `health` is healthy, degraded, unhealthy, gone (no heartbeat) or stopped."""

    id: int
    name: str
    hostname: str
    pid: int
    version: str
    queues: list[str]
    concurrency: int
    running: int
    health: str
    health_reason: str | None
    draining: bool
    started_at: datetime
    heartbeat_at: datetime


async def list_workers(
    runner: Runner, *, health: str | None = None, before: int | None = None, limit: int = 100
) -> list[WorkerRecord]:
    """Workers with numbers below `before`, newest first."""
    rows = await runner.run("list_workers", {"health": health, "before": before, "limit": limit})
    return [WorkerRecord(*row) for row in rows]
