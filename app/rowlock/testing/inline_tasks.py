"""The tasks of an inline block: what was asked, and how their attempts went. A test may look at every field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from pydantic_core import to_jsonable_python

from rowlock.domain.requests import TaskRequest, lane_of
from rowlock.engine.writing import Ending, Way
from rowlock.store.leases import ClaimedTask
from rowlock.store.tasks import TaskRecord

FINISHED = ("succeeded", "dead", "cancelled")
_STATUSES = {
    Way.COMPLETE: "succeeded",
    Way.COMPLETE_WITH_RESULT: "succeeded",
    Way.RETRY: "retrying",
    Way.SNOOZE: "scheduled",
    Way.BURY: "dead",
    Way.CANCEL: "cancelled",
}


@dataclass(slots=True, kw_only=True, eq=False)
class InlineTask:
    """One task. `status` is the public one; `outcomes` has an entry for each attempt; `delay` is what a retry or a
    snooze asked for; `exception` is what the handler raised last; `on` is what was passed as `on=`; `steps` holds what
    each durable step returned, by its name (`charge`, `charge#2`)."""

    request: TaskRequest
    tenant_id: str
    on: object = None
    status: str = "ready"
    attempt: int = 0
    outcomes: list[str] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    result: Any = None
    result_version: int | None = None
    reason: str | None = None
    error: str | None = None
    traceback: str | None = None
    exception: BaseException | None = None
    delay: timedelta | None = None
    progress: Any = None
    steps: dict[str, Any] = field(default_factory=dict)
    lease_token: int | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def id(self) -> UUID:
        return self.request.id

    @property
    def name(self) -> str:
        return self.request.name

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    @property
    def root_id(self) -> UUID:
        """The task that this one's tree began with; itself, where it has no parent."""
        return self.request.workflow_id or self.id

    @property
    def record(self) -> TaskRecord:
        """The task as the database would show it."""
        asked = self.request
        return TaskRecord(
            id=asked.id,
            tenant_id=self.tenant_id,
            queue=asked.queue,
            name=asked.name,
            priority=int(asked.priority),
            lane=lane_of(self.tenant_id, asked.flow_key),
            status=self.status,
            attempt=self.attempt,
            max_attempts=asked.max_attempts,
            created_at=self.created_at,
            visible_at=asked.run_at or self.created_at + asked.delay,
            started_at=self.started_at,
            finished_at=self.finished_at,
            worker_id=None,
            timeout_seconds=asked.timeout.total_seconds() if asked.timeout else None,
            wait_seconds=0,
            payload=self.payload,
            payload_version=asked.payload_version,
            result=self.result,
            reason=self.reason,
            error=self.error,
            progress=self.progress,
            tags=list(asked.tags) or None,
            metadata=orjson.loads(asked.metadata) if asked.metadata else None,
            idempotency_key=asked.idempotency_key,
            unique_key=asked.unique_key,
            parent_id=asked.parent_id,
            workflow_id=asked.workflow_id,
            schedule_id=None,
            window_at=None,
            cancel_requested_at=None,
            deadline_at=self.created_at + asked.expires_in if asked.expires_in else None,
            result_version=self.result_version,
            expires_on=date(9999, 12, 31),
        )

    def claimed(self, lease_token: int) -> ClaimedTask:
        """Begins the next attempt, as a worker would receive it."""
        asked = self.request
        self.attempt += 1
        self.status = "running"
        self.lease_token = lease_token
        self.started_at, self.finished_at = datetime.now(UTC), None
        self.exception = None
        return ClaimedTask(
            id=asked.id,
            lease_token=lease_token,
            tenant_id=self.tenant_id,
            queue=asked.queue,
            priority=int(asked.priority),
            lane=lane_of(self.tenant_id, asked.flow_key),
            name=asked.name,
            attempt=self.attempt,
            max_attempts=asked.max_attempts,
            timeout_seconds=asked.timeout.total_seconds() if asked.timeout else None,
            payload_text=asked.payload,
            payload_version=asked.payload_version,
            metadata_text=asked.metadata,
            wait_seconds=0,
            claimed_epoch=self.started_at.timestamp(),
            cancel_requested=False,
            parent_id=asked.parent_id,
            workflow_id=asked.workflow_id,
            deadline_seconds=asked.expires_in.total_seconds() if asked.expires_in else None,
        )

    def end(self, ending: Ending) -> None:
        """Takes down how an attempt ended."""
        self.status = _STATUSES[ending.way]
        self.lease_token = None
        self.outcomes.append(ending.outcome)
        self.result = orjson.loads(ending.result) if ending.result is not None else None
        self.result_version = ending.result_version if ending.result is not None else None
        said = ending.said
        self.reason, self.error, self.traceback = (said.reason, said.error, said.traceback) if said else (None,) * 3
        self.delay = timedelta(seconds=said.delay_seconds) if said and not self.finished else None
        if ending.way is Way.SNOOZE:
            self.attempt -= 1
        if self.finished:
            self.finished_at = datetime.now(UTC)


def fits(task: InlineTask, name: str | None, arguments: Mapping[str, Any]) -> bool:
    """Whether the task is of that name and has these arguments, among others."""
    wanted = to_jsonable_python(dict(arguments))
    return (name is None or task.name == name) and all(
        key in task.payload and task.payload[key] == value for key, value in wanted.items()
    )
