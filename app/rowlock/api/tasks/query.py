"""Filters of the lists of tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from rowlock.api.pagination import PageQuery, positive
from rowlock.api.wire import QueueName, Tag, TaskId, TaskName
from rowlock.domain.bounds import check_name
from rowlock.domain.states import Status
from rowlock.domain.steps import StepName
from rowlock.engine.inspect import MAX_EXECUTIONS
from rowlock.store.listing import TaskFilter
from rowlock.store.steps import StepPosition


class TaskQuery(PageQuery):
    """Filters of `GET /v1/tasks`; several statuses are joined by OR, all else by AND."""

    status: list[Status] = Field([], description="One or more statuses.")
    queue: QueueName | None = None
    name: TaskName | None = None
    tag: Tag | None = None
    parent_id: TaskId | None = None
    schedule_id: TaskId | None = None
    order: Literal["newest", "oldest"] = Field("newest", description="Which come first, by when they were enqueued.")

    def filters(self) -> dict[str, Any]:
        """Without the order that is usual, for whose pages versions that know no other have made cursors."""
        given = super().filters()
        return {name: value for name, value in given.items() if (name, value) != ("order", "newest")}

    def wanted(self) -> TaskFilter:
        return TaskFilter(
            statuses=frozenset(self.status),
            queue=self.queue,
            name=self.name,
            tag=self.tag,
            parent_id=self.parent_id,
            schedule_id=self.schedule_id,
        )


class ExecutionQuery(BaseModel):
    """How many attempts."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_EXECUTIONS)] = Field(
        MAX_EXECUTIONS, description="How many of the latest attempts at most."
    )


def step_key(position: StepPosition) -> str:
    """A step's place as a cursor's key."""
    return orjson.dumps([position.recorded_at, *position.step]).decode()


def step_before(key: str) -> StepPosition:
    """The place that such a key spells. Raises `ValueError`, `TypeError` or `InvalidArgument` where it spells none."""
    recorded_at, name, occurrence = orjson.loads(key)
    return StepPosition(datetime.fromisoformat(recorded_at), StepName(check_name(name), positive(occurrence)))
