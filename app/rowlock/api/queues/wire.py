"""Queues and their limits as JSON."""

from __future__ import annotations

from typing import Any

from rowlock.api.wire import utc
from rowlock.engine.queue_board import QueueRecord
from rowlock.store.operations import LimitRecord


def queue_json(queue: QueueRecord) -> dict[str, Any]:
    """The members of `Queue`."""
    return {
        "name": queue.name,
        "depth": queue.depth,
        "lag_seconds": queue.lag_seconds,
        "dead_letters": queue.dead_letters,
        "workers": queue.workers,
        "handlers": queue.handlers,
        "paused": queue.paused,
        "paused_at": utc(queue.paused_at),
        "paused_by": queue.paused_by,
        "description": queue.description,
        "retention_succeeded_days": queue.retention_succeeded_days,
        "retention_cancelled_days": queue.retention_cancelled_days,
        "retention_dead_days": queue.retention_dead_days,
    }


def limit_json(limit: LimitRecord) -> dict[str, Any]:
    """The members of `Limit`."""
    _, _, flow_key = limit.lane.partition("/")
    return {"flow_key": flow_key or None, "max_running": limit.max_running, "created_at": utc(limit.created_at)}
