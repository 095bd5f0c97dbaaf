"""Shapes of schedules on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rowlock.api.body import WireModel
from rowlock.api.tasks.models import JsonObject, PriorityWord
from rowlock.api.wire import Attempts, Instant, PriorityField, QueueName, Seconds, Tag, TaskName, Timeout
from rowlock.domain.bounds import MAX_TAGS
from rowlock.domain.windows import MAX_CATCH_UP

CronText = Annotated[str, Field(min_length=1, max_length=200)]
ZoneName = Annotated[str, Field(min_length=1, max_length=100)]
CatchUp = Annotated[int, Field(ge=1, le=MAX_CATCH_UP)]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]
Policy = Literal["catch_up", "latest_only", "skip"]


class ScheduleCreate(WireModel):
    """A schedule to be made. Its windows count from now on. What its tasks lack comes from their handler."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "nightly", "task_name": "report.build", "cron": "0 3 * * *", "timezone": "Europe/Berlin"},
                {"name": "pulse", "task_name": "health.probe", "interval_seconds": 60},
            ]
        }
    )

    name: QueueName = Field(description="Name, unique for the tenant.")
    task_name: TaskName = Field(description="Handler of the tasks it makes.")
    cron: CronText | None = Field(None, description="Five fields, six with seconds first, or `@daily` and its kin.")
    interval_seconds: Seconds | None = Field(None, description="Elapsed time between windows; excludes `cron`.")
    timezone: ZoneName = Field("UTC", description="IANA zone whose clocks the cron rule is read on.")
    anchor_at: Instant | None = Field(None, description="Where intervals are counted from; now, where left out.")
    missed_run_policy: Policy = Field("latest_only", description="What becomes of windows that nobody fired in time.")
    max_catch_up: CatchUp = Field(100, description="Most missed windows that catch_up fires.")
    payload: JsonObject = Field({}, description="Payload of its tasks.")
    queue: QueueName | None = None
    priority: PriorityField | None = None
    max_attempts: Attempts | None = None
    timeout_seconds: Timeout | None = None
    tags: Tags = Field([], description="Tags of its tasks.")
    paused: bool = Field(False, description="Whether it begins paused.")


class SchedulePatch(WireModel):
    """What is to be changed. Where the rule changes, its windows count from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cron": "30 3 * * *"}], "minProperties": 1})

    task_name: TaskName | None = None
    cron: CronText | None = None
    interval_seconds: Seconds | None = None
    timezone: ZoneName | None = None
    anchor_at: Instant | None = None
    missed_run_policy: Policy | None = None
    max_catch_up: CatchUp | None = None
    payload: JsonObject | None = None
    queue: QueueName | None = None
    priority: PriorityField | None = None
    max_attempts: Attempts | None = None
    timeout_seconds: Timeout | None = Field(None, description="null takes the timeout away.")
    tags: Tags | None = None

    @model_validator(mode="after")
    def _something_and_no_nulls(self) -> SchedulePatch:
        if not self.model_fields_set:
            raise ValueError("Give at least one field to change.")
        for name in sorted(self.model_fields_set - {"timeout_seconds"}):
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null: leave it out to keep it.")
        return self


class Schedule(BaseModel):
    """A schedule."""

    id: UUID
    tenant_id: str
    name: str
    task_name: str
    trigger_kind: Literal["cron", "interval"]
    expression: str = Field(description="The cron rule, or the interval as it was given.")
    description: str | None = Field(description="The rule in English; null where this host cannot read it.")
    timezone: str
    anchor_at: datetime
    missed_run_policy: Policy
    max_catch_up: int
    cursor_at: datetime = Field(description="Last window accounted for.")
    next_at: datetime | None = Field(description="Next window; null where there is none.")
    lag_seconds: float = Field(description="How long the oldest window that is due has waited.")
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    queue: str
    priority: PriorityWord
    payload: dict[str, Any]
    max_attempts: int
    timeout_seconds: float | None
    tags: list[str]
    source: Literal["api", "code"]
    created_at: datetime
    updated_at: datetime


class ScheduleDetail(Schedule):
    """A schedule with the windows to come."""

    next_windows: list[datetime] = Field(description="The next five windows.")


class SchedulePage(BaseModel):
    """One page of schedules, by name."""

    items: list[Schedule]
    next_cursor: str | None


class Window(BaseModel):
    """A window that is accounted for. With `passed_after` it stands for all later than that, up to `window_at`."""

    window_at: datetime
    outcome: Literal["fired", "skipped"]
    task_id: UUID | None
    reason: str | None
    passed_after: datetime | None
    epoch: int
    recorded_at: datetime


class WindowPage(BaseModel):
    """One page of windows, newest first."""

    items: list[Window]
    next_cursor: str | None
