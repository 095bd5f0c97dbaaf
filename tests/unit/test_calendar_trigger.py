"""Calendar intervals: dates counted from the anchor, a time of day on the clocks of a zone."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.bounds import EARLIEST, LATEST
from rowlock.domain.calendar_trigger import CalendarTrigger, parse_calendar
from rowlock.domain.errors import InvalidArgument

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def windows(expression: str, zone: str, anchor: str, n: int) -> list[str]:
    trigger = parse_calendar(expression, zone, datetime.fromisoformat(anchor))
    return [f"{window:%Y-%m-%d %H:%M}" for window in islice(trigger.windows_after(EARLIEST), n)]


@pytest.mark.parametrize(
    ("expression", "zone", "anchor", "expected"),
    [
        ("1 day at 09:00", "UTC", "2026-02-28T00:00Z", ["2026-02-28 09:00", "2026-03-01 09:00"]),
        # From the anchor on: not before it on its own day, but at it.
        ("2 weeks at 09:00", "UTC", "2026-01-05T09:00Z", ["2026-01-05 09:00", "2026-01-19 09:00"]),
        ("2 weeks at 09:00", "UTC", "2026-01-05T09:01Z", ["2026-01-19 09:00", "2026-02-02 09:00"]),
        # The day is the anchor's in the zone, not in UTC.
        ("1 week at 00:30", "Asia/Tokyo", "2026-01-05T15:00Z", ["2026-01-05 15:30", "2026-01-12 15:30"]),
        # The end of a month is the 31st of a shorter one, and does not drift.
        ("1 month at 09:00", "UTC", "2026-01-31T00:00Z",
         ["2026-01-31 09:00", "2026-02-28 09:00", "2026-03-31 09:00", "2026-04-30 09:00", "2026-05-31 09:00"]),
        ("1 month at 09:00", "UTC", "2027-12-30T00:00Z", ["2027-12-30 09:00", "2028-01-30 09:00", "2028-02-29 09:00"]),
        ("6 months at 0:00:15", "UTC", "2026-08-31T00:00Z", ["2026-08-31 00:00", "2027-02-28 00:00"]),
        ("1 year at 09:00", "UTC", "2024-02-29T00:00Z",
         ["2024-02-29 09:00", "2025-02-28 09:00", "2026-02-28 09:00", "2027-02-28 09:00", "2028-02-29 09:00"]),
        # A time that clocks leave out comes at the shift; one that they show twice, at the first pass.
        ("1 day at 02:30", "Europe/Berlin", "2026-03-28T00:00Z",
         ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]),
        ("1 day at 02:30", "Europe/Berlin", "2026-10-24T00:00Z",
         ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
        # The day that Samoa left out: its time comes at the shift, which for midnight is that of the day after, too.
        ("1 day at 12:00", "Pacific/Apia", "2011-12-29T12:00Z",
         ["2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00"]),
        ("1 day at 00:00", "Pacific/Apia", "2011-12-29T08:00Z",
         ["2011-12-29 10:00", "2011-12-30 10:00", "2011-12-31 10:00"]),
    ],
)  # fmt: skip
def test_windows_by_table(expression: str, zone: str, anchor: str, expected: list[str]) -> None:
    assert windows(expression, zone, anchor, len(expected)) == expected


@pytest.mark.parametrize(
    ("expression", "number", "unit", "at"),
    [
        ("1 month at 09:00", 1, "month", time(9)),
        (" Every 2  Weeks at 3:30 ", 14, "day", time(3, 30)),
        ("10 years at 23:59:59", 120, "month", time(23, 59, 59)),
        ("3660 days at 00:00", 3_660, "day", time(0)),
    ],
)
def test_intervals_are_read(expression: str, number: int, unit: str, at: time) -> None:
    trigger = parse_calendar(expression, "UTC", NOON)
    assert (trigger.number, trigger.unit, trigger.at, trigger.anchor) == (number, unit, at, NOON)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "write a number of days, weeks, months or years and a time, as in 2 weeks at 03:30"),
        ("monthly", "write a number"),
        ("1 month", "write a number"),
        ("1 fortnight at 09:00", "write a number"),
        ("-1 day at 09:00", "write a number"),
        ("1.5 days at 09:00", "write a number"),
        ("99999 days at 09:00", "write a number"),
        ("٣ days at 09:00", "write a number"),
        (None, "write a number"),
        ("0 days at 09:00", "the number of days must be 1 to 3660"),
        ("3661 days at 09:00", "the number of days must be 1 to 3660"),
        ("523 weeks at 09:00", "the number of weeks must be 1 to 522"),
        ("121 months at 09:00", "the number of months must be 1 to 120"),
        ("11 years at 09:00", "the number of years must be 1 to 10"),
        ("1 day at 24:00", "the time is not one of a day: hour must be in 0..23"),
        ("1 day at 12:60", "the time is not one of a day: minute must be in 0..59"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(expression: object, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^The expression .* is not a calendar interval: .*\.$") as refusal:
        parse_calendar(expression, "UTC", NOON)
    assert reason in refusal.value.message
    assert refusal.value.detail == {"field": "expression"}


def test_zone_and_anchor_are_refused_under_their_own_names() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse_calendar("1 day at 09:00", "Mars", NOON)
    assert refusal.value.detail == {"field": "timezone"}
    with pytest.raises(InvalidArgument) as refusal:
        parse_calendar("1 day at 09:00", "UTC", NOON.replace(tzinfo=None))
    assert refusal.value.detail == {"field": "anchor"}


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1 day at 09:00", "Every day at 09:00, from 2026-01-31 on (Asia/Tokyo)"),
        ("14 days at 09:00:30", "Every 2 weeks at 09:00:30, from 2026-01-31 on (Asia/Tokyo)"),
        ("3 months at 09:00", "Every 3 months at 09:00, from 2026-01-31 on (Asia/Tokyo)"),
        ("12 months at 09:00", "Every year at 09:00, from 2026-01-31 on (Asia/Tokyo)"),
    ],
)
def test_an_interval_is_said_in_english(expression: str, text: str) -> None:
    assert parse_calendar(expression, "Asia/Tokyo", NOON).describe() == text


@pytest.mark.parametrize(
    ("expression", "gap"),
    [
        ("1 day at 02:30", DAY),
        ("2 weeks at 02:30", 14 * DAY),
        ("1 month at 02:30", 28 * DAY),
        ("1 year at 02:30", 365 * DAY),
    ],
)
def test_the_shortest_gap_is_that_of_the_calendar(expression: str, gap: timedelta) -> None:
    assert parse_calendar(expression, "Europe/Berlin", NOON).shortest_gap(100) == gap


def test_the_calendar_ends() -> None:
    for expression in ("10 years at 23:00", "3660 days at 23:00"):
        rare = parse_calendar(expression, "Pacific/Kiritimati", LATEST - 40 * DAY)
        assert [window.year for window in rare.windows_after(EARLIEST)] == [9998]
        assert rare.shortest_gap(100) == timedelta.max
        assert list(rare.windows_after(LATEST)) == []
        assert list(rare.windows_after(datetime.max.replace(tzinfo=UTC))) == []
        assert len(rare.newest_windows(after=EARLIEST, until=datetime.max.replace(tzinfo=UTC), n=3)) == 1
        assert rare.newest_windows(after=datetime.min.replace(tzinfo=UTC), until=EARLIEST, n=3) == []


triggers = st.builds(
    CalendarTrigger,
    st.integers(1, 40),
    st.sampled_from(["day", "month"]),
    st.sampled_from([time(0), time(2, 30), time(12)]),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo"]),
    st.datetimes(datetime(2008, 1, 1), datetime(2011, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - made aware
)


@given(triggers, st.integers(-500, 5_000), st.integers(0, 2_000), st.integers(-1, 30))
def test_windows_are_the_same_wherever_one_starts_and_looks_back_from(
    trigger: CalendarTrigger, start: int, length: int, n: int
) -> None:
    after = trigger.anchor + start * DAY / 3
    until = after + length * DAY / 3
    from_the_first = list(takewhile(lambda window: window <= until, trigger.windows_after(EARLIEST)))
    expected = [window for window in from_the_first if window > after]
    assert list(takewhile(lambda window: window <= until, trigger.windows_after(after))) == expected
    assert trigger.newest_windows(after=after, until=until, n=n) == (expected[-n:] if n > 0 else [])
    assert all(earlier < later for earlier, later in pairwise([trigger.anchor - DAY, *from_the_first]))


@given(st.dates(date(2000, 1, 1), date(2030, 12, 31)), st.integers(1, 30), st.integers(0, 50))
def test_no_date_drifts(first: date, months: int, step: int) -> None:
    anchor = datetime.combine(first, time(), UTC)
    trigger = CalendarTrigger(months, "month", time(12), "UTC", anchor)
    window = next(islice(trigger.windows_after(anchor), step, None)).date()
    assert (window.year - first.year) * 12 + window.month - first.month == step * months
    assert window.day == min(first.day, monthrange(window.year, window.month)[1])
