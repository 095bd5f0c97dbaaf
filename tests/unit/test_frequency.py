"""The floor under frequencies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.triggers import TriggerKind, check_comes, check_frequency, parse_trigger, shortest_gap

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("kind", "expression", "floor", "allow_seconds"),
    [
        ("cron", "* * * * *", MINUTE, False),
        ("cron", "30 * * * * *", MINUTE, False),
        ("cron", "59 1,2 * * *", HOUR, False),  # nearer on one day a year
        ("cron", "* * * * * *", MINUTE, True),
        ("cron", "*/10 * * * * *", 10 * SECOND, True),
        ("interval", "60", MINUTE, False),
        ("interval", "1", MINUTE, True),
        ("once", "2026-03-01T09:00Z", 100 * HOUR, False),
        ("calendar", "1 day at 02:30", 24 * HOUR, False),
    ],
)
def test_what_is_rare_enough_passes(
    *, kind: TriggerKind, expression: str, floor: timedelta, allow_seconds: bool
) -> None:
    check_frequency(parse_trigger(kind, expression, "Europe/Berlin", ANCHOR), floor, allow_seconds=allow_seconds)


@pytest.mark.parametrize(
    ("kind", "expression", "floor", "allow_seconds", "reason"),
    [
        ("cron", "*/10 * * * * *", MINUTE, False,
         "comes every 0:00:10 at its closest, but the floor is 0:01:00: allow seconds, or choose a rarer rule."),
        ("interval", "59.9", MINUTE, False, "but the floor is 0:01:00: allow seconds"),
        ("interval", "59", 10 * SECOND, False, "but the floor is 0:01:00: allow seconds"),
        ("interval", "9", 10 * SECOND, True, "but the floor is 0:00:10: choose a rarer rule."),
        ("cron", "*/4 * * * *", 5 * MINUTE, False, "but the floor is 0:05:00: choose a rarer rule."),
        ("cron", "*/4 * * * *", 5 * MINUTE, True, "but the floor is 0:05:00: choose a rarer rule."),
        ("cron", "0 0 13 * 5", 25 * HOUR, False, "comes every 1 day, 0:00:00 at its closest"),
        ("calendar", "1 day at 02:30", 25 * HOUR, False, "but the floor is 1 day, 1:00:00"),
    ],
)  # fmt: skip
def test_what_comes_too_often_is_refused(
    *, kind: TriggerKind, expression: str, floor: timedelta, allow_seconds: bool, reason: str
) -> None:
    trigger = parse_trigger(kind, expression, "UTC", ANCHOR, jitter_seconds=5, ends_at=ANCHOR + 9_999 * HOUR)
    with pytest.raises(InvalidArgument, match=r"^The expression comes every .*\.$") as refusal:
        check_frequency(trigger, floor, allow_seconds=allow_seconds)
    assert reason in refusal.value.message
    assert refusal.value.detail == {"field": "expression"}


def test_the_default_floor_is_a_minute() -> None:
    often = parse_trigger("interval", "30", "UTC", ANCHOR)
    check_frequency(often, allow_seconds=True)
    with pytest.raises(InvalidArgument):
        check_frequency(often, allow_seconds=False)


def test_a_larger_sample_may_find_a_shorter_gap() -> None:
    now_and_then = parse_trigger("cron", "0 0 29 2 0", "UTC", ANCHOR)  # the 29th, or a Sunday of February
    assert shortest_gap(now_and_then, sample=2) == timedelta(days=7)
    assert shortest_gap(now_and_then, sample=100) == timedelta(days=1)


def test_what_never_comes_again_is_refused() -> None:
    once = parse_trigger("once", "2026-01-01T00:00Z", "UTC", ANCHOR)
    assert check_comes(once, ANCHOR - SECOND) == ANCHOR
    with pytest.raises(InvalidArgument, match=r"^The expression never comes again after 2026-01-01 .*\.$") as refusal:
        check_comes(once, ANCHOR)
    assert refusal.value.detail == {"field": "expression"}
