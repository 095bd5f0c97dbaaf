"""What a change makes of a schedule: the request that results, where the cursor goes, which windows are passed over.

Decisions only. A schedule's windows count from its cursor on; when its rule changes, or when it is resumed, they count
anew from the database's now, and what the old rule still owed is skipped, with a reason. A window that by its jitter is
not due yet is not owed: it fires at its time, where the new rule has it too. One that is due by a change of its jitter
is due from the change on, and `next_at` says so until it has fired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.overlap import OverlapPolicy
from rowlock.domain.payloads import canonical_text
from rowlock.domain.priorities import Priority
from rowlock.domain.schedule_requests import ScheduleRequest, schedule_request
from rowlock.domain.trigger_base import INSTANT
from rowlock.domain.triggers import Trigger, next_windows
from rowlock.domain.windows import MissedRunPolicy
from rowlock.store.schedules import ScheduleRecord
from rowlock.store.windows import SkippedWindow

CHANGEABLE = frozenset(
    {
        "task_name", "cron", "interval", "once", "calendar", "timezone", "anchor_at", "starts_at", "ends_at", "jitter",
        "allow_seconds", "missed_run_policy", "max_catch_up", "catch_up_window", "misfire_grace", "overlap_policy",
        "payload", "payload_version", "queue", "priority", "max_attempts", "timeout", "tags",
    }
)  # fmt: skip
RULES = frozenset({"cron", "interval", "once", "calendar"})
MAX_LISTED = 100  # skipped windows that one change writes down each; a longer run before them is one row


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a schedule stands after a change: its cursor, its next window, and what is passed over."""

    cursor_at: datetime
    next_at: datetime | None
    skipped: tuple[SkippedWindow, ...] = ()


def first_anchor(now: datetime) -> datetime:
    """From where intervals count when nobody says so: the making of the schedule, on a whole second."""
    return now.replace(microsecond=0)


def first_due(trigger: Trigger, after: datetime) -> datetime | None:
    """When the first window after an instant is due; None where the rule has no more."""
    window = next(iter(next_windows(trigger, after, 1)), None)
    return None if window is None else trigger.fire_at(window)


def request_of(record: ScheduleRecord) -> ScheduleRequest:
    """The request that would make the schedule as it is."""
    return ScheduleRequest(
        name=record.name,
        task_name=record.task_name,
        trigger_kind=record.trigger_kind,
        expression=record.expression,
        timezone=record.timezone,
        anchor_at=record.anchor_at,
        starts_at=record.starts_at,
        ends_at=record.ends_at,
        jitter=timedelta(seconds=record.jitter_seconds),
        allow_seconds=record.allow_seconds,
        missed_run_policy=MissedRunPolicy(record.missed_run_policy),
        max_catch_up=record.max_catch_up,
        catch_up_window=_span(record.catch_up_window_seconds),
        misfire_grace=timedelta(seconds=record.misfire_grace_seconds),
        overlap_policy=OverlapPolicy(record.overlap_policy),
        payload=orjson.dumps(record.payload).decode(),
        payload_version=record.payload_version,
        queue=record.queue,
        priority=Priority(record.priority),
        max_attempts=record.max_attempts,
        timeout=_span(record.timeout_seconds),
        tags=tuple(record.tags or ()),
    )


def amended(record: ScheduleRecord, changes: Mapping[str, Any], *, max_payload_bytes: int) -> ScheduleRequest:
    """The schedule's request with some arguments of `schedule_request` changed; everything is checked anew.

    It leaves the anchor open, which keeps the schedule's: of a declared schedule that was over at its making no window
    is left from there on, and yet its other fields may be changed.
    """
    unknown = next((name for name in changes if name not in CHANGEABLE), None)
    if unknown is not None:
        raise InvalidArgument(
            f"The field {unknown} of a schedule cannot be changed: use one of {', '.join(sorted(CHANGEABLE))}.",
            field=unknown,
        )
    present = request_of(record)
    arguments: dict[str, Any] = {name: getattr(present, name) for name in CHANGEABLE - RULES - {"anchor_at"}}
    if not changes.keys() & RULES:
        arguments[present.trigger_kind] = present.expression
    return schedule_request(name=record.name, **{**arguments, **changes}, max_payload_bytes=max_payload_bytes)


def same_rule(record: ScheduleRecord, request: ScheduleRequest) -> bool:
    """Whether both have the same windows. A request that leaves the anchor open keeps the schedule's."""
    return (
        record.trigger_kind == request.trigger_kind
        and record.expression == request.expression
        and record.timezone == request.timezone
        and request.anchor_at in (None, record.anchor_at)
        and (record.starts_at, record.ends_at) == (request.starts_at, request.ends_at)
    )


def same_schedule(record: ScheduleRecord, request: ScheduleRequest) -> bool:
    """Whether the request would change nothing."""
    present = request_of(record)
    apart = {"anchor_at", "payload", "timeout"} | RULES
    return (
        same_rule(record, request)
        and canonical_text(present.payload) == canonical_text(request.payload)
        and _close(present.timeout, request.timeout)
        and all(getattr(present, name) == getattr(request, name) for name in CHANGEABLE - apart)
    )


def turned(record: ScheduleRecord, request: ScheduleRequest, *, anew: bool = False) -> Turn:
    """Where the schedule goes on: where it is if its windows stay the same, else from now.

    `anew` makes it count from now in any case, as after a pause. What was due until then is passed over.
    """
    trigger = request.trigger(record.anchor_at, str(record.id))
    if same_rule(record, request) and not anew:
        return Turn(record.cursor_at, _still_due(record, trigger))
    try:
        former = record.trigger()
    except InvalidArgument:  # a rule that cannot be read has no windows; the change is what mends it
        return Turn(record.read_at, first_due(trigger, record.read_at))
    ahead = _not_due_yet(record, former)
    # In a transaction that lasts, now is its beginning, and the leader may have gone further: it never goes back.
    cursor_at = max(record.cursor_at, record.read_at)
    if ahead is not None and _not_due_yet(record, trigger) == ahead:
        cursor_at = ahead - INSTANT
    return Turn(
        cursor_at=cursor_at,
        next_at=first_due(trigger, cursor_at),
        skipped=tuple(_owed(record, former, cursor_at, "paused" if record.paused else "schedule_changed")),
    )


def _still_due(record: ScheduleRecord, trigger: Trigger) -> datetime | None:
    """When the window after the cursor is due, where at most the jitter has changed.

    By the new jitter alone it might have been due for so long that it counts as missed at once. So it is not due before
    it was by the former one, or if it had waited until now, before now.
    """
    due, former = first_due(trigger, record.cursor_at), record.trigger()
    since = first_due(former, record.cursor_at)
    if due is None or since is None:
        return due
    if _not_due_yet(record, former) is not None and _not_due_yet(record, trigger) is None:
        since = record.read_at
    elif record.next_at is not None and record.next_at <= record.updated_at:  # says so of a change before this one
        since = max(since, record.next_at)
    return max(due, min(since, record.read_at))


def _not_due_yet(record: ScheduleRecord, trigger: Trigger) -> datetime | None:
    """The window whose instant has come, by jitter not its time; one at most, for jitter ends before another."""
    after = max(record.cursor_at, trigger.due_until(record.read_at))
    return next(iter(trigger.newest_windows(after=after, until=record.read_at, n=1)), None)


def _owed(record: ScheduleRecord, trigger: Trigger, until: datetime, reason: str) -> list[SkippedWindow]:
    """The windows that nobody fired, the newest listed, a long run before them as one entry."""
    owed = trigger.newest_windows(after=record.cursor_at, until=until, n=MAX_LISTED + 1)
    run = record.cursor_at if len(owed) > MAX_LISTED else None
    return [SkippedWindow(at, reason, run if nth == 0 else None) for nth, at in enumerate(owed)]


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _close(one: timedelta | None, other: timedelta | None) -> bool:
    """Equal as far as the column's four bytes can tell."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= 1e-6 * max(one, other)
