"""What the tools answer, each field described for the model that reads it. Times are UTC, durations are seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from rowlock.domain.priorities import Priority
from rowlock.engine.queue_board import QueueRecord
from rowlock.store.listing import ListedTask
from rowlock.store.steps import StepRecord
from rowlock.store.tasks import ExecutionPage, ExecutionRecord, TaskRecord

Status = Literal["blocked", "scheduled", "ready", "running", "retrying", "succeeded", "dead", "cancelled"]
PriorityName = Literal["critical", "high", "normal", "low"]
Json = Any  # whatever JSON spells
GATHERED = {"attempts", "earlier_attempts", "children", "steps"}  # what a task's own row does not have


class Queue(BaseModel):
    """A queue at a glance."""

    name: str
    depth: dict[str, int] = Field(description="Live tasks by state.")
    lag_seconds: float | None = Field(
        description="How long the oldest ready or orphaned task has waited; null when there is none."
    )
    dead_letters: int = Field(description="Dead tasks still kept.")
    workers: int = Field(description="Live workers that take tasks from it.")
    paused: bool = Field(description="While true, no task of it is started.")
    paused_by: str | None

    @classmethod
    def of(cls, record: QueueRecord) -> Queue:
        return cls(**{name: getattr(record, name) for name in cls.model_fields})


class TaskLine(BaseModel):
    """A task in a list."""

    id: UUID
    name: str = Field(description="Name of the handler that runs it.")
    queue: str
    status: str
    priority: str
    attempt: int = Field(description="Attempts spent; the running one counts.")
    max_attempts: int
    created_at: datetime
    visible_at: datetime = Field(description="When a worker may claim it; while it runs, when its lease ends.")
    finished_at: datetime | None
    reason: str | None = Field(description="Reason code of the latest wait or end.")
    error: str | None = Field(description="Message of the latest failure.")
    tags: list[str]

    @classmethod
    def of(cls, record: TaskRecord) -> TaskLine:
        return cls(**_line(record))


class TaskPage(BaseModel):
    """Some tasks, newest first."""

    tasks: list[TaskLine]
    next_before: UUID | None = Field(description="Pass it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, listed: list[ListedTask], limit: int) -> TaskPage:
        more = listed[-1].task.id if len(listed) == limit else None
        return cls(tasks=[TaskLine.of(one.task) for one in listed], next_before=more)


class Attempt(BaseModel):
    """One finished attempt."""

    attempt: int
    outcome: str
    started_at: datetime
    finished_at: datetime
    wait_seconds: float | None = Field(description="How long the task was ready before a worker took it.")
    run_seconds: float
    worker_id: int
    reason: str | None
    error: str | None
    traceback: str | None

    @classmethod
    def of(cls, record: ExecutionRecord) -> Attempt:
        return cls(**{name: getattr(record, name) for name in cls.model_fields})


class Step(BaseModel):
    """One finished durable step; later attempts take its result instead of running it again."""

    step: str = Field(description="Its name; `name#2` where an attempt used the name a second time.")
    attempt: int = Field(description="The attempt that took it.")
    recorded_at: datetime
    run_seconds: float
    result: Json = Field(description="What it returned.")

    @classmethod
    def of(cls, record: StepRecord) -> Step:
        own = {name: getattr(record, name) for name in cls.model_fields if name != "step"}
        return cls(step=str(record.step), **own)


class Task(TaskLine):
    """A task with all there is to know of it."""

    payload: dict[str, Json] = Field(description="Arguments of the handler.")
    result: Json = Field(description="What the handler returned.")
    progress: Json = Field(description="What the handler last reported of its progress.")
    started_at: datetime | None
    timeout_seconds: float | None
    deadline_at: datetime | None = Field(description="When it ends as dead, `expired`, unless it has finished.")
    worker_id: int | None
    parent_id: UUID | None = Field(description="Task whose handler enqueued this one.")
    unique_key: str | None
    cancel_requested_at: datetime | None
    children: dict[str, int] = Field(description="Tasks that it enqueued, by status.")
    attempts: list[Attempt] = Field(
        description="The latest finished attempts, first to last, at most 20; fewer with large tracebacks."
    )
    earlier_attempts: int = Field(description="How many finished attempts came before these and are left out.")
    steps: list[Step] = Field(description="Finished durable steps, newest first, at most 50; fewer large ones.")

    @classmethod
    def known(
        cls,
        record: TaskRecord,
        attempts: ExecutionPage,
        children: dict[str, int],
        steps: list[StepRecord],
    ) -> Task:
        own = cls.model_fields.keys() - TaskLine.model_fields.keys() - GATHERED
        fields = {**_line(record), **{name: getattr(record, name) for name in own}}
        return cls(
            **fields,
            attempts=[Attempt.of(one) for one in attempts.latest],
            earlier_attempts=attempts.earlier,
            children=children,
            steps=[Step.of(one) for one in steps],
        )


class Reason(BaseModel):
    """Why a task is where it is."""

    code: str
    explanation: str
    advice: str = Field(description="What to do about it; empty where nothing is to be done.")


class Enqueued(BaseModel):
    """What became of a request for a task."""

    id: UUID
    created: bool = Field(description="False where an earlier task with the same key answers the request.")


class Done(BaseModel):
    """What an act has changed."""

    changed: bool = Field(description="False where it was so already.")
    outcome: str


def _line(record: TaskRecord) -> dict[str, Any]:
    taken = TaskLine.model_fields.keys() - {"priority", "tags"}
    fields: dict[str, Any] = {name: getattr(record, name) for name in taken}
    return {**fields, "priority": Priority(record.priority).label, "tags": record.tags or []}
