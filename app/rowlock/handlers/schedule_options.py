"""The options of schedules, as type checkers and editors know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

from rowlock.domain.priorities import Priority


class ScheduleOptions(TypedDict, total=False):
    """What a schedule is, beside its name and its handler; as of `@app.schedule`, and the payload's version where that
    is not the handler's."""

    cron: str
    interval: timedelta | float | str
    once: datetime | str
    calendar: str
    tz: str
    anchor_at: datetime
    starts_at: datetime | None
    ends_at: datetime | None
    jitter: timedelta | float
    allow_seconds: bool
    missed_run_policy: str
    max_catch_up: int
    catch_up_window: timedelta | float | None
    misfire_grace: timedelta | float
    overlap_policy: str
    payload_version: int
    queue: str
    priority: Priority | str | int
    max_attempts: int
    timeout: timedelta | float | None
    tags: Sequence[str]


class ScheduleChanges(ScheduleOptions, total=False):
    """What of a schedule may be changed; None takes a bound or the timeout away."""

    task_name: str
    payload: Mapping[str, Any]
