"""The entrance to schedules' rules."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from rowlock.domain.bounds import LATEST
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.triggers import (
    CalendarTrigger,
    CronTrigger,
    IntervalTrigger,
    OnceTrigger,
    TriggerKind,
    describe,
    next_windows,
    parse_trigger,
)

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_rule_of_every_kind_is_read() -> None:
    assert parse_trigger("cron", "@daily", "Europe/Berlin", ANCHOR) == CronTrigger("0 0 * * *", "Europe/Berlin")
    assert parse_trigger("interval", "15m", "UTC", ANCHOR) == IntervalTrigger(timedelta(minutes=15), ANCHOR)
    assert parse_trigger("once", "2026-01-01T01:00", "Europe/Berlin", ANCHOR) == OnceTrigger(ANCHOR, "Europe/Berlin")
    monthly = CalendarTrigger(1, "month", time(9), "Europe/Berlin", ANCHOR)
    assert parse_trigger("calendar", "1 month at 09:00", "Europe/Berlin", ANCHOR) == monthly


def test_jitter_lies_over_start_and_end() -> None:
    trigger = parse_trigger(
        "cron", "@hourly", "UTC", ANCHOR, starts_at=ANCHOR, ends_at=ANCHOR, jitter_seconds=60, seed="a"
    )
    assert list(trigger.windows_after(ANCHOR - timedelta(days=1))) == [ANCHOR]
    assert ANCHOR < trigger.fire_at(ANCHOR) < ANCHOR + timedelta(seconds=60)
    assert describe(trigger) == (
        "Every hour (UTC), from 2026-01-01 00:00:00+00:00, until 2026-01-01 00:00:00+00:00, up to 0:01:00 later"
    )


def test_what_is_read_can_be_remembered() -> None:
    """The store keeps triggers by their rows' values, and compares them."""
    again = [
        parse_trigger("calendar", "1 day at 09:00", "UTC", ANCHOR, starts_at=ANCHOR, jitter_seconds=1) for _ in range(2)
    ]
    assert len(set(again)) == 1


@pytest.mark.parametrize(
    ("kind", "expression", "timezone", "anchor", "field"),
    [
        ("solar", "noon", "UTC", ANCHOR, "kind"),
        ("once", "noon", "UTC", ANCHOR, "expression"),
        ("once", "2026-01-01T01:00", "Mars", ANCHOR, "timezone"),
        ("calendar", "noon", "UTC", ANCHOR, "expression"),
        ("calendar", "1 day at 09:00", "Mars", ANCHOR, "timezone"),
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


@pytest.mark.parametrize("field", ["starts_at", "ends_at", "jitter_seconds"])
def test_a_refusal_names_the_bound(field: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse_trigger("cron", "@daily", "UTC", ANCHOR, **{field: "soon"})  # type: ignore[arg-type]  # on purpose
    assert refusal.value.detail == {"field": field}


def test_an_unknown_kind_is_told_the_known_ones() -> None:
    with pytest.raises(InvalidArgument, match=r"^The kind 'solar' is unknown: use cron, interval, once or calendar\.$"):
        parse_trigger("solar", "noon", "UTC", ANCHOR)  # type: ignore[arg-type]  # on purpose


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
