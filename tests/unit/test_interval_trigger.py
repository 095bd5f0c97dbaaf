"""Intervals: exact multiples from their anchor, whatever the distance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.bounds import LATEST, MAX_DELAY
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.interval_trigger import IntervalTrigger, parse_interval

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

triggers = st.builds(IntervalTrigger, st.timedeltas(timedelta(seconds=1), timedelta(days=400)), st.just(ANCHOR))
instants = st.datetimes(datetime(1970, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware


@pytest.mark.parametrize(
    ("expression", "interval"),
    [
        ("90", timedelta(seconds=90)),
        ("90s", timedelta(seconds=90)),
        ("1.5", timedelta(seconds=1.5)),
        (" 15M ", timedelta(minutes=15)),
        ("1h30m10s", timedelta(hours=1, minutes=30, seconds=10)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("36h", timedelta(hours=36)),
        ("3660d", MAX_DELAY),
        ("1", timedelta(seconds=1)),
    ],
)
def test_intervals_are_read(expression: str, interval: timedelta) -> None:
    assert parse_interval(expression, ANCHOR) == IntervalTrigger(interval, ANCHOR)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "is not an interval"),
        ("-5", "is not an interval"),
        ("5 minutes", "is not an interval"),
        ("10m1h", "is not an interval"),
        ("1e3", "is not an interval"),
        ("nan", "is not an interval"),
        ("٣", "is not an interval"),
        ("9" * 5_000, "is not an interval"),
        (90, "is not an interval"),
        (None, "is not an interval"),
        ("0", "is out of bounds"),
        ("0.999", "is out of bounds"),
        ("3661d", "is out of bounds"),
        ("9999d999999999h999999999m999999999s", "is out of bounds"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(expression: object, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^The expression .* {reason}: .*\.$") as refusal:
        parse_interval(expression, ANCHOR)
    assert refusal.value.detail == {"field": "expression"}


def test_an_anchor_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse_interval("90", datetime(2026, 1, 1))  # noqa: DTZ001 - naive on purpose
    assert refusal.value.detail == {"field": "anchor"}


def test_the_anchor_is_the_first_window() -> None:
    hourly = IntervalTrigger(timedelta(hours=1), ANCHOR)
    for earlier in (ANCHOR - MICROSECOND, ANCHOR - timedelta(days=9_000)):
        assert next(hourly.windows_after(earlier)) == ANCHOR
    assert next(hourly.windows_after(ANCHOR)) == ANCHOR + timedelta(hours=1)


@given(triggers, instants)
def test_windows_are_exact_multiples_and_strictly_after(trigger: IntervalTrigger, instant: datetime) -> None:
    first, second = islice(trigger.windows_after(instant), 2)
    assert first > instant
    assert first - trigger.interval <= instant or first == ANCHOR
    assert second - first == trigger.interval
    assert (first - ANCHOR) % trigger.interval == timedelta(0)


@given(triggers, st.integers(0, 300), st.integers(0, 300), st.integers(0, 50), st.timedeltas(timedelta(0), MAX_DELAY))
def test_the_newest_windows_are_the_last_of_all(
    trigger: IntervalTrigger, start: int, steps: int, n: int, odd: timedelta
) -> None:
    after = ANCHOR + (start - 3) * trigger.interval + odd % trigger.interval
    until = after + steps * trigger.interval
    windows = list(takewhile(lambda window: window <= until, trigger.windows_after(after)))
    assert trigger.newest_windows(after=after, until=until, n=n) == (windows[-n:] if n else [])


def test_there_are_no_windows_beyond_the_last_year() -> None:
    decade = IntervalTrigger(MAX_DELAY, ANCHOR)
    assert max(decade.windows_after(LATEST - timedelta(days=8_000))) <= LATEST
    assert list(decade.windows_after(LATEST)) == []
    assert list(decade.windows_after(datetime.max.replace(tzinfo=UTC))) == []
    assert len(decade.newest_windows(after=ANCHOR, until=datetime.max.replace(tzinfo=UTC), n=3)) == 3


def test_it_is_said_in_english() -> None:
    assert parse_interval("90", ANCHOR).describe() == "Every 0:01:30 from 2026-01-01 00:00:00+00:00 on"
