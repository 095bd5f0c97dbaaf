"""The entrance to schedules' rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rowlock.domain.bounds import LATEST
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.triggers import CronTrigger, IntervalTrigger, TriggerKind, describe, next_windows, parse_trigger

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_rule_of_either_kind_is_read() -> None:
    assert parse_trigger("cron", "@daily", "Europe/Berlin", ANCHOR) == CronTrigger("0 0 * * *", "Europe/Berlin")
    assert parse_trigger("interval", "15m", "UTC", ANCHOR) == IntervalTrigger(timedelta(minutes=15), ANCHOR)


@pytest.mark.parametrize(
    ("kind", "expression", "timezone", "anchor", "field"),
    [
        ("solar", "noon", "UTC", ANCHOR, "kind"),
        ("cron", "61 * * * *", "UTC", ANCHOR, "expression"),
        ("cron", "@daily", "Mars", ANCHOR, "timezone"),
        ("cron", "@daily", "UTC", ANCHOR.replace(tzinfo=None), "anchor"),
        ("interval", "often", "UTC", ANCHOR, "expression"),
        ("interval", "90", "Mars", ANCHOR, "timezone"),
        ("interval", "90", "UTC", LATEST + timedelta(days=1), "anchor"),
    ],
)
def test_a_refusal_names_the_field(
    kind: TriggerKind, expression: str, timezone: str, anchor: datetime, field: str
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse_trigger(kind, expression, timezone, anchor)
    assert refusal.value.detail == {"field": field}


def test_seconds_can_be_forbidden() -> None:
    with pytest.raises(InvalidArgument, match="5 fields"):
        parse_trigger("cron", "0 * * * * *", "UTC", ANCHOR, allow_seconds=False)


def test_next_windows_are_strictly_after_and_as_many_as_there_are() -> None:
    hourly = parse_trigger("cron", "@hourly", "UTC", ANCHOR)
    assert next_windows(hourly, ANCHOR, 2) == [ANCHOR + timedelta(hours=1), ANCHOR + timedelta(hours=2)]
    assert next_windows(hourly, LATEST - timedelta(minutes=90), 9) == [
        LATEST.replace(minute=0, second=0, microsecond=0)
    ]
    assert next_windows(hourly, ANCHOR, 0) == []


def test_a_rule_is_described() -> None:
    assert describe(parse_trigger("cron", "*/5 * * * *", "UTC", ANCHOR)) == "Every 5 minutes (UTC)"
    assert describe(parse_trigger("interval", "60", "UTC", ANCHOR)).startswith("Every 0:01:00 ")
