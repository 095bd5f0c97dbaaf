"""What a rule is about to do: in English, and window by window. Nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rowlock.domain.schedule_requests import ScheduleRequest
from rowlock.domain.triggers import Trigger, describe, next_windows
from rowlock.engine.schedule_changes import first_anchor
from rowlock.engine.schedules import MAX_PREVIEW, check_limit, check_request_comes, upcoming_windows
from rowlock.store.database import Database
from rowlock.store.schedules import ScheduleRecord, read_clock


@dataclass(frozen=True, slots=True)
class Preview:
    """A rule in English, and its next windows, each with when it is due: later than itself where there is jitter."""

    description: str
    windows: list[tuple[datetime, datetime]]


async def preview_rule(database: Database, request: ScheduleRequest, n: int = 5) -> Preview:
    """The next `n` (1 to 100) windows of a rule that nobody stores. Raises `InvalidArgument` where it never comes.

    Jitter is drawn for each schedule by itself, so another is drawn for the schedule once it is stored.
    """
    check_limit(n, MAX_PREVIEW)
    now = await read_clock(database)
    anchor = request.anchor_at or first_anchor(now)
    check_request_comes(request, anchor, now)
    trigger = request.trigger(anchor)
    return _preview(trigger, next_windows(trigger, now, n))


def preview_of(schedule: ScheduleRecord, n: int = 5) -> Preview:
    """The next `n` (1 to 100) windows of a schedule that were not due when it was read. Raises `InvalidArgument`."""
    return _preview(schedule.trigger(), upcoming_windows(schedule, n))


def _preview(trigger: Trigger, windows: Sequence[datetime]) -> Preview:
    return Preview(describe(trigger), [(at, trigger.fire_at(at)) for at in windows])
