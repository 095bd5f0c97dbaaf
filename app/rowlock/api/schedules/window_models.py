"""Shapes of windows on the wire: what became of them, what is to come, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from rowlock.api.body import WireModel
from rowlock.api.schedules.models import RuleFields
from rowlock.api.wire import Instant
from rowlock.engine.schedules import MAX_PREVIEW


class Window(BaseModel):
    """A window that is accounted for. With `passed_after`, all later than that and earlier than it were skipped."""

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


class WindowExplanation(BaseModel):
    """Why a window fired or not, and what to do about it."""

    schedule: str
    window_at: datetime
    code: str = Field(description="`fired`, `not_due`, `paused`, `overlap`, `scheduler_absent` and the like.")
    explanation: str
    advice: str
    task_id: UUID | None = Field(description="The task that the window became.")


class ExplainQuery(BaseModel):
    """Which window is to be explained."""

    model_config = ConfigDict(extra="forbid")

    window: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        None,
        description="An instant; without an offset, on the clocks of the schedule's zone. Default: the latest due.",
    )


class BackfillRange(WireModel):
    """The past windows to fire: those from `since` to `until`, both included."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"since": "2026-03-01T00:00:00Z", "until": "2026-03-07T23:59:59Z"}]}
    )

    since: Instant
    until: Instant


class FiredWindow(BaseModel):
    """A window and the task that it became."""

    window_at: datetime
    task_id: UUID


class Backfilled(BaseModel):
    """What a backfill fired. The windows of the range that are not among these had fired before."""

    windows: int = Field(description="Windows in the range.")
    fired: list[FiredWindow]


class RulePreview(RuleFields):
    """A rule to be tried; nothing is stored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"}]})

    limit: Annotated[int, Field(ge=1, le=MAX_PREVIEW)] = 5


class PreviewQuery(BaseModel):
    """How far to look ahead."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_PREVIEW)] = 5


class ComingWindow(BaseModel):
    """A window to come, and when it is due: later than itself where the schedule has jitter."""

    window_at: datetime
    due_at: datetime


class Preview(BaseModel):
    """What a rule does: in English, and its next windows."""

    description: str
    windows: list[ComingWindow]
