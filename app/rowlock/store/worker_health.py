"""Workers as operators see them, from the view of that name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from rowlock.store.links import Runner

# Every health but that of a worker that has said goodbye, or vanished longer than a day ago.
PRESENT = ("healthy", "degraded", "unhealthy", "gone")


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker process. `health` is healthy, degraded, unhealthy, gone (no heartbeat and no goodbye; for a
    day) or stopped."""

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
    runner: Runner,
    *,
    healths: Collection[str] = (),
    before: int | None = None,
    limit: int = 100,
    ailing_first: bool = False,
) -> list[WorkerRecord]:
    """Workers with numbers below `before`, newest first; those of `healths` where given.

    With `ailing_first` unhealthy and degraded ones come before those that are well, and those that are gone or have
    stopped last.
    """
    asked = {"healths": list(healths) or None, "before": before, "limit": limit, "ailing_first": ailing_first}
    rows = await runner.run("list_workers", asked)
    return [WorkerRecord(*row) for row in rows]
