"""What a change makes of a schedule: the request that results, where the cursor goes, which windows are passed over.

Decisions only. A schedule's windows count from its cursor on; when its rule changes, or when it is resumed, they count
anew from the database's now, and what the old rule still owed is skipped, with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.priorities import Priority
from rowlock.domain.schedule_requests import ScheduleRequest, schedule_request
from rowlock.domain.triggers import next_windows
from rowlock.domain.windows import MissedRunPolicy
from rowlock.store.schedules import ScheduleRecord
from rowlock.store.windows import WindowEntry

CHANGEABLE = frozenset(
    {
        "task_name", "cron", "interval", "timezone", "anchor_at", "missed_run_policy", "max_catch_up", "payload",
        "queue", "priority", "max_attempts", "timeout", "tags",
    }
)  # fmt: skip
MAX_LISTED = 100  # skipped windows that one change writes down each; a longer run before them is one row


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a schedule stands after a change: its cursor, its next window, and what is passed over."""

    cursor_at: datetime
    next_at: datetime | None
    skipped: tuple[WindowEntry, ...] = ()


def first_anchor(now: datetime) -> datetime:
    """From where intervals count when nobody says so: the making of the schedule, on a whole second."""
    return now.replace(microsecond=0)


def first_window(request: ScheduleRequest, *, after: datetime, anchor: datetime) -> datetime | None:
    """The first window after an instant; None where the rule has no more."""
    return next(iter(next_windows(request.trigger(anchor), after, 1)), None)


def request_of(record: ScheduleRecord) -> ScheduleRequest:
    """The request that would make the schedule as it is."""
    return ScheduleRequest(
        name=record.name,
        task_name=record.task_name,
        trigger_kind=record.trigger_kind,
        expression=record.expression,
        timezone=record.timezone,
        anchor_at=record.anchor_at,
        missed_run_policy=MissedRunPolicy(record.missed_run_policy),
        max_catch_up=record.max_catch_up,
        payload=orjson.dumps(record.payload).decode(),
        queue=record.queue,
        priority=Priority(record.priority),
        max_attempts=record.max_attempts,
        timeout=None if record.timeout_seconds is None else timedelta(seconds=record.timeout_seconds),
        tags=tuple(record.tags or ()),
    )


def amended(record: ScheduleRecord, changes: Mapping[str, Any], *, max_payload_bytes: int) -> ScheduleRequest:
    """The schedule's request with some arguments of `schedule_request` changed; everything is checked anew."""
    unknown = next((name for name in changes if name not in CHANGEABLE), None)
    if unknown is not None:
        raise InvalidArgument(
            f"The field {unknown} of a schedule cannot be changed: use one of {', '.join(sorted(CHANGEABLE))}.",
            field=unknown,
        )
    present = request_of(record)
    arguments: dict[str, Any] = {
        "timezone": present.timezone,
        "anchor_at": present.anchor_at,
        "missed_run_policy": present.missed_run_policy,
        "max_catch_up": present.max_catch_up,
        "payload": present.payload,
        "task_name": present.task_name,
        "queue": present.queue,
        "priority": present.priority,
        "max_attempts": present.max_attempts,
        "timeout": present.timeout,
        "tags": present.tags,
    }
    if not changes.keys() & {"cron", "interval"}:
        arguments[present.trigger_kind] = present.expression
    return schedule_request(name=record.name, **{**arguments, **changes}, max_payload_bytes=max_payload_bytes)


def same_rule(record: ScheduleRecord, request: ScheduleRequest) -> bool:
    """Whether both have the same windows. A request that leaves the anchor open keeps the schedule's."""
    return (
        record.trigger_kind == request.trigger_kind
        and record.expression == request.expression
        and record.timezone == request.timezone
        and request.anchor_at in (None, record.anchor_at)
    )


def same_schedule(record: ScheduleRecord, request: ScheduleRequest) -> bool:
    """Whether the request would change nothing."""
    present = request_of(record)
    return (
        same_rule(record, request)
        and _canonical(present.payload) == _canonical(request.payload)
        and _close(present.timeout, request.timeout)
        and all(
            getattr(present, name) == getattr(request, name)
            for name in (
                "task_name", "missed_run_policy", "max_catch_up", "queue", "priority", "max_attempts", "tags",
            )
        )
    )  # fmt: skip


def carried_on(record: ScheduleRecord) -> Turn:
    """The schedule goes on where it is."""
    return Turn(record.cursor_at, record.next_at)


def begun_anew(record: ScheduleRecord, request: ScheduleRequest) -> Turn:
    """The schedule goes on from now, and what was due until now is passed over."""
    now = record.read_at
    return Turn(
        cursor_at=now,
        next_at=first_window(request, after=now, anchor=record.anchor_at),
        skipped=tuple(_owed(record, "paused" if record.paused else "schedule_changed")),
    )


def _owed(record: ScheduleRecord, reason: str) -> list[WindowEntry]:
    """The windows due that nobody fired, the newest listed, a long run before them as one entry."""
    try:
        trigger = record.trigger()
    except InvalidArgument:
        return []  # a rule that cannot be read has no windows; the change is what mends it
    owed = trigger.newest_windows(after=record.cursor_at, until=record.read_at, n=MAX_LISTED + 1)
    run = record.cursor_at if len(owed) > MAX_LISTED else None
    return [WindowEntry(at, None, reason, run if nth == 0 else None) for nth, at in enumerate(owed)]


def _canonical(payload: str) -> bytes:
    return orjson.dumps(orjson.loads(payload), option=orjson.OPT_SORT_KEYS)


def _close(one: timedelta | None, other: timedelta | None) -> bool:
    """Equal as far as the column's four bytes can tell."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= 1e-6 * max(one, other)
