"""Shapes of dead letters on the wire."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from rowlock.api.body import WireModel
from rowlock.api.tasks.models import Execution, Task
from rowlock.api.wire import QueueName, TaskName
from rowlock.engine.operate import MAX_REDRIVE


class DeadLetter(Task):
    """A dead task, its latest attempts, first to last, and the traceback of the last of them that left one."""

    traceback: str | None
    attempts: list[Execution]
    earlier: int = Field(description="Attempts before these, which the answer leaves out.")


class RedriveRequest(WireModel):
    """Which dead letters to put back to work: all of the tenant, or those of a queue or handler."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"queue": "mail", "limit": 100}]})

    queue: QueueName | None = None
    name: TaskName | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_REDRIVE)] = Field(1_000, description="Most of them, oldest first.")


class RedriveReply(BaseModel):
    """What was put back to work."""

    redriven: int
    ids: list[UUID]
