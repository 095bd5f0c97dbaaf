"""Shapes of schedules on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rowlock.api.body import WireModel
from rowlock.api.tasks.models import JsonObject, PriorityWord, Version
from rowlock.api.wire import Attempts, Instant, PriorityField, QueueName, Seconds, Tag, TaskId, TaskName, Timeout
from rowlock.domain.bounds import MAX_DELAY, MAX_TAGS
from rowlock.domain.jittered_trigger import MAX_JITTER
from rowlock.domain.schedule_rules import MAX_RULE_TEXT
from rowlock.domain.windows import MAX_CATCH_UP

RuleText = Annotated[str, Field(min_length=1, max_length=MAX_RULE_TEXT)]
ZoneName = Annotated[str, Field(min_length=1, max_length=100)]
CatchUp = Annotated[int, Field(ge=1, le=MAX_CATCH_UP)]
Tags = Annotated[list[Tag], Field(max_length=MAX_TAGS)]
WholeSeconds = Annotated[int, Field(ge=0, le=int(MAX_DELAY.total_seconds()))]
Jitter = Annotated[int, Field(ge=0, le=int(MAX_JITTER.total_seconds()))]
CatchUpWindow = Annotated[int, Field(ge=1, le=int(MAX_DELAY.total_seconds()))]
Policy = Literal["catch_up", "latest_only", "skip"]
Overlap = Literal["allow", "skip", "buffer_one", "cancel_running"]
Kind = Literal["cron", "interval", "once", "calendar"]


class RuleFields(WireModel):
    """A rule: one of `cron`, `interval_seconds`, `once` and `calendar`, and what bounds it."""

    cron: RuleText | None = Field(None, description="Five fields, six with seconds first, or `@daily` and its kin.")
    interval_seconds: Seconds | None = Field(None, description="Elapsed time between windows.")
    once: RuleText | None = Field(
        None, description="One instant: `2030-01-31T08:00:00Z`, or without an offset on the clocks of `timezone`."
    )
    calendar: RuleText | None = Field(
        None, description="Every so many days, weeks, months or years, as `1 month at 09:00`."
    )
    timezone: ZoneName = Field("UTC", description="IANA zone whose clocks the rule is read on.")
    anchor_at: Instant | None = Field(
        None, description="Where intervals and calendar intervals count from; now, where left out."
    )
    starts_at: Instant | None = Field(None, description="No windows before this.")
    ends_at: Instant | None = Field(None, description="No windows after this.")
    jitter_seconds: Jitter = Field(
        0, description="Longest delay from a window to its firing: another for each window, the same for one."
    )
    allow_seconds: bool = Field(False, description="Whether windows may be less than a minute apart.")


class ScheduleCreate(RuleFields):
    """A schedule to be made. Its windows count from now on. What its tasks lack comes from their handler."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "nightly", "task_name": "report.build", "cron": "0 3 * * *", "timezone": "Europe/Berlin"},
                {"name": "pulse", "task_name": "health.probe", "interval_seconds": 60, "overlap_policy": "skip"},
            ]
        }
    )

    name: QueueName = Field(description="Name, unique for the tenant.")
    task_name: TaskName = Field(description="Handler of the tasks it makes.")
    missed_run_policy: Policy = Field("latest_only", description="What becomes of windows that nobody fired in time.")
    max_catch_up: CatchUp = Field(100, description="Most missed windows that catch_up fires.")
    catch_up_window_seconds: CatchUpWindow | None = Field(None, description="How far back catch_up reaches.")
    misfire_grace_seconds: WholeSeconds = Field(60, description="How long after it was due a window counts as missed.")
    overlap_policy: Overlap = Field("allow", description="What becomes of a window while a task of it is live.")
    payload: JsonObject = Field({}, description="Payload of its tasks.")
    payload_version: Version | None = Field(None, description="Version of the payload's shape.")
    queue: QueueName | None = None
    priority: PriorityField | None = None
    max_attempts: Attempts | None = None
    timeout_seconds: Timeout | None = None
    tags: Tags = Field([], description="Tags of its tasks.")
    paused: bool = Field(False, description="Whether it begins paused.")


NULLABLE = frozenset({"timeout_seconds", "starts_at", "ends_at", "catch_up_window_seconds"})


class SchedulePatch(WireModel):
    """What is to be changed. Where the rule changes, its windows count from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cron": "30 3 * * *"}], "minProperties": 1})

    task_name: TaskName | None = None
    cron: RuleText | None = None
    interval_seconds: Seconds | None = None
    once: RuleText | None = None
    calendar: RuleText | None = None
    timezone: ZoneName | None = None
    anchor_at: Instant | None = None
    starts_at: Instant | None = Field(None, description="null takes the bound away.")
    ends_at: Instant | None = Field(None, description="null takes the bound away.")
    jitter_seconds: Jitter | None = None
    allow_seconds: bool | None = None
    missed_run_policy: Policy | None = None
    max_catch_up: CatchUp | None = None
    catch_up_window_seconds: CatchUpWindow | None = Field(None, description="null takes the bound away.")
    misfire_grace_seconds: WholeSeconds | None = None
    overlap_policy: Overlap | None = None
    payload: JsonObject | None = None
    payload_version: Version | None = Field(
        None, description="Where it is left out, a new payload or handler has the version that is registered."
    )
    queue: QueueName | None = None
    priority: PriorityField | None = None
    max_attempts: Attempts | None = None
    timeout_seconds: Timeout | None = Field(None, description="null takes the timeout away.")
    tags: Tags | None = None

    @model_validator(mode="after")
    def _something_and_no_nulls(self) -> SchedulePatch:
        if not self.model_fields_set:
            raise ValueError("Give at least one field to change.")
        for name in sorted(self.model_fields_set - NULLABLE):
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null: leave it out to keep it.")
        return self


class TriggerRequest(WireModel):
    """How a schedule is triggered."""

    id: TaskId | None = Field(
        None, description="Id of the task, best a UUIDv7, under which the request may be sent again; else one is made."
    )


class Schedule(BaseModel):
    """A schedule."""

    id: UUID
    tenant_id: str
    name: str
    task_name: str
    trigger_kind: Kind
    expression: str = Field(description="The rule as it was given.")
    description: str | None = Field(description="The rule in English; null where this host cannot read it.")
    timezone: str
    anchor_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    jitter_seconds: int
    allow_seconds: bool
    missed_run_policy: Policy
    max_catch_up: int
    catch_up_window_seconds: int | None
    misfire_grace_seconds: int
    overlap_policy: Overlap
    cursor_at: datetime = Field(description="Last window accounted for.")
    next_at: datetime | None = Field(description="When the next window is due; null where there is none.")
    lag_seconds: float = Field(description="How long the oldest window that is due has waited.")
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    queue: str
    priority: PriorityWord
    payload: dict[str, Any]
    payload_version: int
    max_attempts: int
    timeout_seconds: float | None
    tags: list[str]
    source: Literal["api", "code"]
    application: str | None = Field(description="Application whose code declares it.")
    created_at: datetime
    updated_at: datetime


class ScheduleDetail(Schedule):
    """A schedule with the windows to come."""

    next_windows: list[datetime] = Field(description="The next five windows.")


class SchedulePage(BaseModel):
    """One page of schedules, by name."""

    items: list[Schedule]
    next_cursor: str | None
