"""Workers and handlers as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rowlock.store.links import Runner


@dataclass(frozen=True, slots=True)
class HandlerRecord:
    """A handler as workers have registered it."""

    name: str
    queue: str
    priority: int
    max_attempts: int
    timeout_seconds: float | None
    payload_version: int
    payload_schema: dict[str, Any] | None
    executor: str
    description: str | None
    registered_at: datetime | None = None
    seen_at: datetime | None = None
    expires_in_seconds: float | None = None
    oldest_payload_version: int = 1


async def register_worker(
    runner: Runner,
    *,
    name: str,
    hostname: str,
    pid: int,
    version: str,
    queues: list[str],
    concurrency: int,
    expires_seconds: float,
) -> tuple[int, bool]:
    """Enters a worker; its number, and whether all that live know of claims in place."""
    rows = await runner.run(
        "register_worker",
        {
            "name": name,
            "hostname": hostname,
            "pid": pid,
            "version": version,
            "queues": queues,
            "concurrency": concurrency,
            "expires_seconds": expires_seconds,
        },
    )
    number, in_place = rows[0]
    return number, in_place


async def beat(
    runner: Runner,
    worker_id: int,
    *,
    expires_seconds: float,
    running: int,
    health: str,
    health_reason: str | None,
    draining: bool,
) -> bool | None:
    """The heartbeat: whether all workers that live know of claims in place. None where the worker's row is gone and it
    must register anew."""
    rows = await runner.run(
        "beat_worker",
        {
            "worker_id": worker_id,
            "expires_seconds": expires_seconds,
            "running": running,
            "health": health,
            "health_reason": health_reason,
            "draining": draining,
        },
    )
    return rows[0][0] if rows else None


async def stop_worker(runner: Runner, worker_id: int) -> None:
    """The worker says goodbye."""
    await runner.run("stop_worker", {"worker_id": worker_id})


async def register_handlers(runner: Runner, handlers: Sequence[tuple[HandlerRecord, str | None]]) -> None:
    """Enters handlers, each with the JSON text of its payload's schema, if it has one."""
    for handler, schema in handlers:
        await runner.run(
            "register_handler",
            {
                "name": handler.name,
                "queue": handler.queue,
                "priority": handler.priority,
                "max_attempts": handler.max_attempts,
                "timeout_seconds": handler.timeout_seconds,
                "payload_version": handler.payload_version,
                "payload_schema": schema,
                "executor": handler.executor,
                "description": handler.description,
                "expires_in_seconds": handler.expires_in_seconds,
                "oldest_payload_version": handler.oldest_payload_version,
            },
        )


async def get_handlers(runner: Runner) -> list[HandlerRecord]:
    """All handlers that workers have registered, by name."""
    return [HandlerRecord(*row) for row in await runner.run("get_handlers")]
