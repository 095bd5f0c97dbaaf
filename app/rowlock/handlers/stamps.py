"""What an application adds to requests of its own accord: parent, trace, and for how long a key names its task."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson

from rowlock.config import Settings
from rowlock.domain.requests import RequestSeries, TaskRequest
from rowlock.handlers.context import Context, current_context
from rowlock.telemetry.tracing import METADATA_KEY, inject_context


def stamped(requests: Sequence[TaskRequest], settings: Settings) -> Sequence[TaskRequest]:
    """The requests with their parent, where a handler enqueues them, their trace, and their keys' lifetime."""
    current, trace = current_context(), inject_context()
    if isinstance(requests, RequestSeries):
        return requests.replace(**_stamp(requests.first, current, trace, settings))
    stamps = [_stamp(request, current, trace, settings) for request in requests]
    return [request._replace(**stamp) if stamp else request for request, stamp in zip(requests, stamps, strict=True)]


def _stamp(request: TaskRequest, current: Context | None, trace: dict[str, str], settings: Settings) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if current is not None and request.parent_id is None:
        changes.update(parent_id=current.task_id, workflow_id=current.workflow_id or current.task_id)
    if trace:
        metadata = orjson.loads(request.metadata) if request.metadata else {}
        changes["metadata"] = orjson.dumps({METADATA_KEY: trace, **metadata}).decode()
    if request.idempotency_key is not None and request.idempotency_ttl is None:
        changes["idempotency_ttl"] = timedelta(hours=settings.idempotency_hours)
    return changes
