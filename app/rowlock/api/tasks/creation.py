"""From the body of a request to a stored task. What may be stored is the engine's rule (`engine.admission`)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from rowlock.api.services import Services
from rowlock.api.tasks.models import TaskBatch, TaskCreate
from rowlock.domain.errors import (
    Conflict,
    DatabaseUnavailable,
    NotFound,
    RowlockError,
)
from rowlock.domain.requests import TaskRequest, lane_of
from rowlock.engine import inspect
from rowlock.engine.enqueue_once import enqueue_once
from rowlock.engine.payload_schemas import Inline
from rowlock.store.tasks import Stored, TaskRecord
from rowlock.telemetry.tracing import METADATA_KEY, inject_context


async def read_request(
    services: Services, tenant_id: str, body: TaskCreate, idempotency_key: str | None, inline: Inline | None = None
) -> TaskRequest:
    """The request that the body spells. Raises `InvalidArgument` and its kinds."""
    return await services.admission.task(
        tenant_id,
        body.name,
        body.payload,
        inline=inline,
        queue=body.queue,
        priority=body.priority,
        delay=body.delay_seconds,
        run_at=body.run_at,
        max_attempts=body.max_attempts,
        timeout=body.timeout_seconds,
        expires_in=body.expires_in_seconds,
        tags=body.tags,
        idempotency_key=idempotency_key,
        unique_key=body.unique_key,
        on_duplicate=body.on_duplicate,
        flow_key=body.flow_key,
        metadata=_with_trace(body.metadata),
        payload_version=body.payload_version,
        parent_id=body.parent_id,
        id=body.id,
    )


async def read_batch(services: Services, tenant_id: str, body: TaskBatch) -> list[TaskRequest]:
    """The requests of a batch; what is wrong with one of them is told with its place."""
    requests, inline = [], Inline()
    for index, task in enumerate(body.tasks):
        try:
            requests.append(await read_request(services, tenant_id, task, task.idempotency_key, inline))
        except RowlockError as error:
            raise _in_batch(error, index) from error
    return requests


async def store(services: Services, tenant_id: str, request: TaskRequest) -> tuple[TaskRecord, bool]:
    """Stores the task; the one that answers the request, and whether that is a new one."""
    if not request.chosen_id and not request.keyed:
        stored_at = await services.gathered.enqueue(tenant_id, request)
        _count(services, [request])
        if stored_at is not None:
            return _as_requested(tenant_id, request, stored_at), True
        return await _read_back(services, tenant_id, request), True
    stored = (await _store_all(services, tenant_id, [request]))[0]
    if stored.created:
        return await _read_back(services, tenant_id, request), True
    try:
        return await inspect.get_task(services.database, tenant_id, stored.id), False
    except NotFound as error:
        raise Conflict(
            f"The key names task {stored.id}, which has ended and has been dropped since. Use a new key."
        ) from error


async def _read_back(services: Services, tenant_id: str, request: TaskRequest) -> TaskRecord:
    """The task that the request made."""
    try:
        return await inspect.get_task(services.database, tenant_id, request.id)
    except (DatabaseUnavailable, NotFound):
        # It was stored, and to say otherwise would be wrong. Dated by this machine's clock, for want of a better one.
        return _as_requested(tenant_id, request, datetime.now(UTC))


async def store_batch(services: Services, tenant_id: str, requests: Sequence[TaskRequest]) -> Sequence[Stored]:
    """Stores all of them or none; answers in order."""
    return await _store_all(services, tenant_id, requests)


async def _store_all(services: Services, tenant_id: str, requests: Sequence[TaskRequest]) -> Sequence[Stored]:
    stored = await enqueue_once(services.database, tenant_id, requests)
    _count(services, [asked for asked, one in zip(requests, stored, strict=True) if one.created])
    return stored


def _count(services: Services, made: Sequence[TaskRequest]) -> None:
    services.metrics.record_submitted([(request.queue, request.name) for request in made], "rest")


def _as_requested(tenant_id: str, request: TaskRequest, created_at: datetime) -> TaskRecord:
    """The task as it was stored: all that the request and the instant tell."""
    visible_at = request.run_at or created_at + request.delay
    columns: dict[str, Any] = dict.fromkeys(TaskRecord.__dataclass_fields__)
    columns.update(
        id=request.id,
        tenant_id=tenant_id,
        queue=request.queue,
        name=request.name,
        priority=int(request.priority),
        lane=lane_of(tenant_id, request.flow_key),
        status="ready" if visible_at <= created_at else "scheduled",
        attempt=0,
        max_attempts=request.max_attempts,
        created_at=created_at,
        visible_at=visible_at,
        timeout_seconds=_as_real(request.timeout.total_seconds()) if request.timeout else None,
        deadline_at=created_at + request.expires_in if request.expires_in else None,
        payload=orjson.loads(request.payload),
        payload_version=request.payload_version,
        tags=list(request.tags),
        metadata=orjson.loads(request.metadata) if request.metadata else None,
        idempotency_key=request.idempotency_key,
        unique_key=request.unique_key,
        parent_id=request.parent_id,
        workflow_id=request.workflow_id,
    )
    return TaskRecord(**columns)


def _as_real(number: float) -> float:
    """What a column of type real keeps of it."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _in_batch(error: RowlockError, index: int) -> RowlockError:
    """The error, told of which task of a batch it speaks."""
    field = error.detail.get("field")
    error.message = f"Task {index} of the batch (counted from 0): {error.message}"
    error.detail = {**error.detail, "index": index, "field": f"tasks.{index}.{field}" if field else f"tasks.{index}"}
    return error


def _with_trace(metadata: dict[str, object] | None) -> dict[str, object] | None:
    trace = inject_context()
    if not trace:
        return metadata
    return {METADATA_KEY: trace, **(metadata or {})}
