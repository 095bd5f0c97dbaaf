"""One date: with an offset, or on the clocks of a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.once_trigger import OnceTrigger, parse_once

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("expression", "timezone", "at"),
    [
        ("2026-03-01T12:00Z", "Europe/Berlin", NOON),
        ("2026-03-01t12:00:00z", "UTC", NOON),
        (" 2026-03-01 13:00+01:00 ", "UTC", NOON),
        ("2026-03-01T13:00", "Europe/Berlin", NOON),
        ("2026-03-01 13:00:00.5", "Europe/Berlin", NOON + timedelta(seconds=0.5)),
        ("2026-03-29T02:30", "Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),  # left out: at the shift
        ("2026-10-25T02:30", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice: the first pass
    ],
)
def test_dates_are_read(expression: str, timezone: str, at: datetime) -> None:
    assert parse_once(expression, timezone) == OnceTrigger(at, timezone)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "is not a date: write it as 2026-03-01T09:00, with an offset"),
        ("tomorrow", "is not a date: write it"),
        ("2026-03-01", "is not a date: write it"),
        ("20260301T0900", "is not a date: write it"),
        ("2026-03-01T09:00+0100", "is not a date: write it"),
        ("2026-W09-1T09:00", "is not a date: write it"),
        ("9" * 5_000, "is not a date: write it"),
        (1_772_000_000, "is not a date: write it"),
        (None, "is not a date: write it"),
        ("2026-02-30T09:00", "is not a date: day is out of range for month"),
        ("2026-03-01T24:00", "is not a date: hour must be in 0..23"),
        ("1969-12-31T23:59", "is not a date: it must lie in the years 1970 to 9998"),
        ("0001-01-01T00:00", "is not a date: it must lie in the years 1970 to 9998"),
        ("9999-12-31T23:59", "is not a date: it must lie in the years 1970 to 9998"),
        ("0001-01-01T00:00+01:00", "must lie in the years 1970 to 9998"),
        ("1970-01-01T00:30+01:00", "must lie in the years 1970 to 9998"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(expression: object, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^The .*expression .*\.$") as refusal:
        parse_once(expression, "UTC")
    assert reason in refusal.value.message
    assert refusal.value.detail == {"field": "expression"}


def test_the_zone_is_refused_under_its_own_name() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse_once("2026-03-01T12:00Z", "Mars")
    assert refusal.value.detail == {"field": "timezone"}


def test_there_is_one_window() -> None:
    once = OnceTrigger(NOON)
    assert list(once.windows_after(NOON - INSTANT)) == [NOON]
    assert list(once.windows_after(NOON)) == []
    assert once.newest_windows(after=NOON - INSTANT, until=NOON, n=5) == [NOON]
    assert once.newest_windows(after=NOON, until=NOON + INSTANT, n=5) == []
    assert once.newest_windows(after=NOON - INSTANT, until=NOON - INSTANT, n=5) == []
    assert once.newest_windows(after=NOON - INSTANT, until=NOON, n=0) == []
    assert once.shortest_gap(100) == timedelta.max


def test_it_is_said_on_the_clocks_of_its_zone() -> None:
    assert OnceTrigger(NOON, "Europe/Berlin").describe() == "Once, at 2026-03-01 13:00:00 (Europe/Berlin)"
