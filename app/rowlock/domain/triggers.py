"""The entrance to schedules' rules: reading them, listing their windows, saying them in English."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Literal

from rowlock.domain.bounds import check_run_at, shown
from rowlock.domain.cron_expressions import parse_cron
from rowlock.domain.cron_trigger import CronTrigger
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.interval_trigger import IntervalTrigger, parse_interval
from rowlock.domain.time_zones import find_zone
from rowlock.domain.trigger_base import Trigger

TriggerKind = Literal["cron", "interval"]

__all__ = [
    "CronTrigger",
    "IntervalTrigger",
    "Trigger",
    "TriggerKind",
    "describe",
    "next_windows",
    "parse_trigger",
]


def parse_trigger(
    kind: TriggerKind,
    expression: str,
    timezone: str,
    anchor: datetime,
    *,
    allow_seconds: bool = True,
) -> Trigger:
    """The trigger of a schedule's row. `anchor` is where intervals are counted from; cron rules do
    not need it. Raises `InvalidArgument`, whose `field` is `kind`, `expression`, `timezone` or
    `anchor`."""
    anchor = check_run_at(anchor, field="anchor")
    if kind == "cron":
        return parse_cron(expression, timezone, allow_seconds=allow_seconds)
    if kind == "interval":
        find_zone(timezone)  # elapsed time has no zone, but a wrong one is refused all the same
        return parse_interval(expression, anchor)
    raise InvalidArgument(f"The kind {shown(kind)} is unknown: use cron or interval.", field="kind")


def next_windows(trigger: Trigger, after: datetime, n: int) -> list[datetime]:
    """The next `n` windows strictly after `after`; fewer if the rule has no more."""
    return list(islice(trigger.windows_after(after), n))


def describe(trigger: Trigger) -> str:
    """The trigger's rule in English, such as `At 09:00, Monday through Friday (Europe/Berlin)`."""
    return trigger.describe()
