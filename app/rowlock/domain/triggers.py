"""The entrance to schedules' rules: reading them, listing their windows, saying them in English."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Literal, get_args

from rowlock.domain.bounded_trigger import bounded, check_left
from rowlock.domain.bounds import check_run_at, shown
from rowlock.domain.calendar_trigger import CalendarTrigger, parse_calendar
from rowlock.domain.cron_expressions import parse_cron
from rowlock.domain.cron_trigger import CronTrigger
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.frequency import check_comes, check_frequency, shortest_gap
from rowlock.domain.interval_trigger import IntervalTrigger, parse_interval
from rowlock.domain.jittered_trigger import jittered
from rowlock.domain.once_trigger import OnceTrigger, parse_once
from rowlock.domain.time_zones import find_zone
from rowlock.domain.trigger_base import Trigger

TriggerKind = Literal["cron", "interval", "once", "calendar"]

TRIGGER_KINDS: tuple[TriggerKind, ...] = get_args(TriggerKind)
COUNTED_KINDS: frozenset[TriggerKind] = frozenset({"interval", "calendar"})  # from an anchor; others need none

__all__ = [
    "COUNTED_KINDS",
    "TRIGGER_KINDS",
    "CalendarTrigger",
    "CronTrigger",
    "IntervalTrigger",
    "OnceTrigger",
    "Trigger",
    "TriggerKind",
    "check_comes",
    "check_frequency",
    "check_left",
    "describe",
    "next_windows",
    "parse_trigger",
    "shortest_gap",
]


def parse_trigger(
    kind: TriggerKind,
    expression: str,
    timezone: str,
    anchor: datetime,
    *,
    allow_seconds: bool = True,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    jitter_seconds: float = 0,
    seed: str = "",
) -> Trigger:
    """The trigger of a schedule's row.

    `anchor` is where intervals and calendar intervals are counted from; the other kinds do not need
    it. Windows before `starts_at` or after `ends_at` do not exist. Each window fires up to
    `jitter_seconds` after itself, drawn from `seed` and the window. Raises `InvalidArgument`, whose
    `field` is the argument: `kind`, `expression`, `timezone`, `anchor`, `starts_at`, `ends_at` or
    `jitter_seconds`.
    """
    anchor = check_run_at(anchor, field="anchor")
    rule = _rule(kind, expression, timezone, anchor, allow_seconds)
    return jittered(bounded(rule, starts_at, ends_at), jitter_seconds, seed)


def _rule(kind: TriggerKind, expression: str, timezone: str, anchor: datetime, allow_seconds: bool) -> Trigger:
    if kind == "cron":
        return parse_cron(expression, timezone, allow_seconds=allow_seconds)
    if kind == "interval":
        find_zone(timezone)  # elapsed time has no zone, but a wrong one is refused all the same
        return parse_interval(expression, anchor)
    if kind == "once":
        return parse_once(expression, timezone)
    if kind == "calendar":
        return parse_calendar(expression, timezone, anchor)
    raise InvalidArgument(
        f"The kind {shown(kind)} is unknown: use {', '.join(TRIGGER_KINDS[:-1])} or {TRIGGER_KINDS[-1]}.",
        field="kind",
    )


def next_windows(trigger: Trigger, after: datetime, n: int) -> list[datetime]:
    """The next `n` windows strictly after `after`; fewer if the rule has no more."""
    return list(islice(trigger.windows_after(after), n))


def describe(trigger: Trigger) -> str:
    """The trigger's rule in English, such as `At 09:00, Monday through Friday (Europe/Berlin)`."""
    return trigger.describe()
