"""Shapes of tasks on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from rowlock.api.body import WireModel, drop_unknown
from rowlock.api.problems import MAX_ERRORS
from rowlock.api.wire import (
    Attempts,
    Delay,
    FlowKey,
    Instant,
    Key,
    Lifetime,
    PriorityField,
    QueueName,
    Tag,
    TaskId,
    TaskName,
    Timeout,
)
from rowlock.config import Settings
from rowlock.domain.bounds import MAX_TAGS, MAX_VERSION
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.states import Status

JsonObject = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]  # Any: whatever JSON spells
Version = Annotated[int, Field(ge=1, le=MAX_VERSION)]
PriorityWord = Literal["critical", "high", "normal", "low"]

EXAMPLE: JsonDict = {
    "name": "mail.send",
    "payload": {"to": "ada@example.org"},
    "queue": "mail",
    "priority": "high",
    "delay_seconds": 30,
    "max_attempts": 5,
    "timeout_seconds": 60,
    "tags": ["welcome"],
}


class TaskCreate(WireModel):
    """A task to be stored. What is left out takes the handler's default, where one is registered."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: TaskName = Field(description="Name of the handler that is to run it.")
    payload: JsonObject = Field({}, description="Arguments of the handler, as its payload schema has them.")
    queue: QueueName | None = Field(None, description="Queue; else the handler's, else `default`.")
    priority: PriorityField | None = Field(None, description="critical (0), high (1), normal (2) or low (3).")
    delay_seconds: Delay | None = Field(None, description="Run no sooner than so many seconds from now.")
    run_at: Instant | None = Field(None, description="Run no sooner than this instant; excludes `delay_seconds`.")
    max_attempts: Attempts | None = Field(None, description="Attempts, the first included, until it is dead.")
    timeout_seconds: Timeout | None = Field(None, description="Longest run of one attempt.")
    expires_in_seconds: Lifetime | None = Field(
        None, description="From now; a task that has not finished by then ends as dead, with the reason `expired`."
    )
    tags: Annotated[list[Tag], Field(max_length=MAX_TAGS)] = Field([], description="Words to find it by.")
    unique_key: Key | None = Field(None, description="At most one live task of this name has this key.")
    on_duplicate: Literal["skip", "replace", "refuse"] = Field(
        "skip",
        description="Where a live task has the unique key: answer with it, give it this payload, or refuse (409).",
    )
    flow_key: FlowKey | None = Field(None, description="Lane of its own in the queue, for fairness and limits.")
    metadata: JsonObject | None = Field(None, description="Notes of the caller; `trace` holds a trace context.")
    payload_version: Version | None = Field(None, description="Version of the payload's shape.")
    parent_id: TaskId | None = Field(None, description="Task that this one belongs to.")
    id: TaskId | None = Field(None, description="Id, best a UUIDv7; else one is made.")

    @model_validator(mode="after")
    def _one_time(self) -> TaskCreate:
        if self.delay_seconds is not None and self.run_at is not None:
            raise ValueError("Give either delay_seconds or run_at, not both.")
        return self


class BatchTask(TaskCreate):
    """A task of a batch. It has its idempotency key in itself, as there is one header for all."""

    idempotency_key: Key | None = Field(None, description="Names this task: sent again, it is answered with the first.")


class TaskBatch(WireModel):
    """Tasks to be stored together, all or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tasks": [EXAMPLE]}]})

    tasks: Annotated[list[BatchTask], Field(min_length=1)] = Field(description="At most `max_batch` (1,000) tasks.")

    @classmethod
    def trim(cls, body: dict[str, Any], settings: Settings) -> int:
        cut = super().trim(body, settings)
        tasks = body.get("tasks")
        if not isinstance(tasks, list):
            return cut
        if len(tasks) > settings.max_batch:
            most = settings.max_batch
            raise InvalidArgument(f"The batch has {len(tasks)} tasks, but may have at most {most}.", field="tasks")
        left = MAX_ERRORS
        for task in tasks:
            if isinstance(task, dict):
                unknown = drop_unknown(BatchTask, task, left)
                cut += max(0, unknown - left)
                left = max(0, left - unknown)
        return cut


class TaskPatch(WireModel):
    """What may be changed while a task waits for a worker."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"priority": "critical", "delay_seconds": 0}], "minProperties": 1}
    )

    priority: PriorityField | None = None
    run_at: Instant | None = Field(None, description="An instant in the past means now.")
    delay_seconds: Delay | None = None

    @model_validator(mode="after")
    def _something_and_one_time(self) -> TaskPatch:
        if self.delay_seconds is not None and self.run_at is not None:
            raise ValueError("Give either delay_seconds or run_at, not both.")
        if self.priority is None and self.run_at is None and self.delay_seconds is None:
            raise ValueError("Give priority, run_at or delay_seconds.")
        return self


class CancelRequest(WireModel):
    """Why a task is cancelled."""

    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] | None = None


class Task(BaseModel):
    """A task. Instants are RFC 3339 in UTC."""

    id: UUID
    tenant_id: str
    status: Status
    queue: str
    name: str
    priority: PriorityWord
    attempt: int = Field(description="Attempts spent; the running one counts.")
    max_attempts: int
    payload: dict[str, Any]
    payload_version: int
    result: Any = Field(description="What the handler returned.")
    result_version: int | None = Field(description="Version of the result's shape; null without a result.")
    reason: str | None = Field(description="Reason code of the latest wait or end.")
    error: str | None = Field(description="Message of the latest failure.")
    progress: Any = Field(description="What the handler last reported.")
    tags: list[str]
    metadata: dict[str, Any]
    flow_key: str | None
    unique_key: str | None
    idempotency_key: str | None
    parent_id: UUID | None
    workflow_id: UUID | None
    schedule_id: UUID | None
    window_at: datetime | None = Field(description="Window of the schedule that made it.")
    timeout_seconds: float | None
    deadline_at: datetime | None = Field(description="When it ends as dead, `expired`, unless it has finished.")
    created_at: datetime
    visible_at: datetime | None = Field(
        description="When a worker may claim it; while it runs, when its lease ends; null while it is blocked."
    )
    started_at: datetime | None = Field(description="When the latest attempt was claimed.")
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    worker_id: int | None
    wait_seconds: float | None = Field(description="How long the latest attempt was visible before it was claimed.")
    expires_on: str | None = Field(description="Day on which a finished task may be dropped.")


class ListedTask(Task):
    """A task on a page."""

    omitted: list[str] = Field(description="Fields too large for a list (above 16 KiB); the task itself has them.")


class TaskPage(BaseModel):
    """One page of tasks, newest first unless asked otherwise."""

    items: list[ListedTask]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last one.")


class BatchItem(BaseModel):
    """A task of a batch. `created` is false where an earlier task answered it."""

    id: UUID
    created: bool


class BatchReply(BaseModel):
    """The tasks of a batch, in its order."""

    items: list[BatchItem]


class CancelReply(BaseModel):
    """`cancelled`: it is over. `cancel_requested`: it runs, and its worker has been asked to stop it."""

    status: Literal["cancelled", "cancel_requested"]
    task: Task


class Execution(BaseModel):
    """One finished attempt."""

    attempt: int
    outcome: Literal["succeeded", "failed", "timed_out", "snoozed", "released", "cancelled", "lease_expired"]
    started_at: datetime
    finished_at: datetime
    wait_seconds: float | None
    run_seconds: float
    worker_id: int
    lease_token: int
    reason: str | None
    error: str | None
    traceback: str | None


class ExecutionList(BaseModel):
    """Attempts, first to last."""

    items: list[Execution]
    earlier: int = Field(description="Attempts before these, which the answer leaves out.")


class Step(BaseModel):
    """One finished durable step."""

    name: str
    occurrence: int = Field(description="Which use of the name in an attempt it is, from 1.")
    result: Any = Field(description="What it returned.")
    attempt: int = Field(description="The attempt that took it.")
    lease_token: int
    recorded_at: datetime
    run_seconds: float


class StepPage(BaseModel):
    """One page of steps, newest first. Large results end a page early."""

    items: list[Step]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last one.")


class Reason(BaseModel):
    """Why a task is where it is: a code for programs, sentences for people."""

    code: str
    explanation: str
    advice: str


class Explained(BaseModel):
    """Reasons, most telling first."""

    items: list[Reason]


class Children(BaseModel):
    """How the children of a task stand."""

    total: int
    by_status: dict[str, int]
