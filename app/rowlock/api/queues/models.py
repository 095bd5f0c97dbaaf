"""Shapes of queues on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rowlock.api.body import WireModel
from rowlock.api.wire import FlowKey
from rowlock.engine.operate import MAX_DESCRIPTION, MAX_RETENTION_DAYS, MAX_RUNNING

Days = Annotated[int, Field(ge=1, le=MAX_RETENTION_DAYS)]


class Depth(BaseModel):
    """Live tasks by state; `orphaned` ones ran under a lease that ended, and are about to be taken over."""

    ready: int
    scheduled: int
    retrying: int
    running: int
    orphaned: int
    blocked: int


class Queue(BaseModel):
    """A queue as the tenant sees it."""

    name: str
    depth: Depth
    lag_seconds: float | None = Field(description="How long the oldest ready or orphaned task has waited.")
    dead_letters: int
    workers: int = Field(description="Live workers that take from it.")
    handlers: int = Field(description="Handlers that name it.")
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    description: str | None
    retention_succeeded_days: int
    retention_cancelled_days: int
    retention_dead_days: int


class QueueList(BaseModel):
    """All queues that the tenant has tasks in or has set something for, or that workers or handlers name."""

    items: list[Queue]


class QueueConfiguration(WireModel):
    """What a tenant may set of a queue. What is left out goes back to its default."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"description": "Mail", "retention_dead_days": 90}]})

    description: Annotated[str, Field(max_length=MAX_DESCRIPTION, pattern=r"^[^\x00]*$")] | None = None
    retention_succeeded_days: Days | None = Field(None, description="Days that succeeded tasks are kept (7).")
    retention_cancelled_days: Days | None = Field(None, description="Days that cancelled tasks are kept (7).")
    retention_dead_days: Days | None = Field(None, description="Days that dead tasks are kept (30).")


class LimitChange(WireModel):
    """A cap on how many tasks of a lane run at once: those without a flow key, or those of one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"flow_key": "customer-7", "max_running": 2}]})

    max_running: Annotated[int, Field(ge=0, le=MAX_RUNNING)] = Field(description="0 holds the lane.")
    flow_key: FlowKey | None = None


class Limit(BaseModel):
    """A cap."""

    flow_key: str | None
    max_running: int
    created_at: datetime


class LimitList(BaseModel):
    """Caps of the tenant's lanes in a queue, at most 1,000."""

    items: list[Limit]
