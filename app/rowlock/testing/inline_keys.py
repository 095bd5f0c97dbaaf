"""The keys of an inline block: which earlier task answers a request, as the database would say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson

from rowlock.domain.errors import DuplicateTask, IdempotencyKeyReused
from rowlock.domain.payloads import canonical_text
from rowlock.domain.requests import TaskRequest
from rowlock.testing.inline_tasks import InlineTask

_NOBODY = UUID(int=0)
_NONE: frozenset[str] = frozenset()


def earlier_task(tasks: Iterable[InlineTask], tenant_id: str, request: TaskRequest) -> InlineTask | None:
    """The task that answers the request; None where it makes one of its own.

    Raises `IdempotencyKeyReused` or `DuplicateTask`.
    """
    ours = [task for task in tasks if task.tenant_id == tenant_id]
    return _same_request(ours, request) or _same_meaning(ours, request)


def _same_request(tasks: list[InlineTask], request: TaskRequest) -> InlineTask | None:
    if request.idempotency_key is None:
        return None
    for task in tasks:
        if task.request.idempotency_key == request.idempotency_key:
            if not _same(_essence(task.request), _essence(request)):
                raise IdempotencyKeyReused(
                    f"Idempotency key {request.idempotency_key!r} names another request, which made task {task.id}. "
                    "Use a new key for a new request."
                )
            return task
    return None


def _same_meaning(tasks: list[InlineTask], request: TaskRequest) -> InlineTask | None:
    if request.unique_key is None:
        return None
    for task in tasks:
        asked = task.request
        if not task.finished and (asked.name, asked.unique_key) == (request.name, request.unique_key):
            if request.on_duplicate == "refuse":
                raise DuplicateTask(
                    f"Task {task.id} already holds the unique key {request.unique_key!r} for {request.name}."
                )
            if request.on_duplicate == "replace" and task.status != "running":
                task.request = asked._replace(payload=request.payload, payload_version=request.payload_version)
                task.payload = orjson.loads(request.payload)
            return task
    return None


def _same(one: TaskRequest, other: TaskRequest) -> bool:
    """Whether both say the same, whatever defaults filled in, or come to the same, whoever said it."""
    return _said(one) == _said(other) or one._replace(filled_in=_NONE) == other._replace(filled_in=_NONE)


def _said(request: TaskRequest) -> TaskRequest:
    filled_in: dict[str, Any] = dict.fromkeys(request.filled_in)
    return request._replace(**filled_in)


def _essence(request: TaskRequest) -> TaskRequest:
    """What makes two requests the same: all but their ids, their parents, their trace, and how JSON is spelt."""
    return request._replace(
        id=_NOBODY,
        chosen_id=False,
        parent_id=None,
        workflow_id=None,
        metadata=None,
        idempotency_ttl=None,
        payload=canonical_text(request.payload),
    )
