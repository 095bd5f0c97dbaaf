"""A rule's days and times, forwards and backwards."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import islice

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.cron_rule import FIRST_DAY, LAST_OF_ALL_DAYS, read_rule

NOON = datetime(2026, 3, 1, 12)  # noqa: DTZ001 - clocks on the wall have no zone


def test_days_rise_and_fall_alike() -> None:
    rule = read_rule("0 0 L 2,12 *")
    days = [date(2026, 12, 31), date(2027, 2, 28), date(2027, 12, 31), date(2028, 2, 29)]
    assert list(rule.days(date(2026, 3, 1), date(2028, 2, 29))) == days
    assert list(rule.days_back(date(2028, 2, 29), date(2026, 3, 1))) == days[::-1]


def test_a_rule_that_matches_no_day_has_none() -> None:
    assert list(read_rule("0 0 */31 2 1#5").days(FIRST_DAY, LAST_OF_ALL_DAYS)) == []


def test_times_begin_with_the_minute_asked_for() -> None:
    rule = read_rule("15,45 0,30 8,20 * * *")
    assert list(rule.times(time(20, 10))) == [timedelta(hours=20, minutes=30, seconds=s) for s in (15, 45)]
    assert next(rule.times(time(20, 30, 50))) == timedelta(hours=20, minutes=30, seconds=15)
    assert next(rule.times(time(9, 45))) == timedelta(hours=20, seconds=15)
    assert len(list(rule.times(time()))) == 8
    assert list(rule.times(time(21))) == []


rules = st.sampled_from(["* * * * *", "*/7 3 * * *", "0,30 8,20 * * 1", "5 4 29 2 *", "0 0 13 * 5", "59 23 L 1-6 *"])


@given(rules, st.integers(1, 2_000), st.integers(0, 3_000_000))
def test_a_minute_is_found_as_far_back_as_cronsim_walks(fields: str, nth: int, minutes: int) -> None:
    until = NOON + timedelta(minutes=minutes)
    first = until.date() - timedelta(days=400)
    walk = CronSim(fields, until + timedelta(minutes=1), reverse=True)
    far = next(islice(walk, nth - 1, None)) if nth <= 60 else None
    found = read_rule(fields).minute_back(nth, until, first)
    if far is not None:
        assert found == (far if far.date() >= first else None)
    elif found is not None:  # one fewer back is later
        later = read_rule(fields).minute_back(nth - 1, until, first)
        assert later is not None
        assert later == next(CronSim(fields, found))


@pytest.mark.parametrize(
    ("until", "found"), [(time(8, 29), time(8)), (time(8, 30), time(8, 30)), (time(9), time(8, 30))]
)
def test_the_minute_of_the_end_counts(until: time, found: time) -> None:
    rule = read_rule("0,30 8,20 * * *")
    assert rule.minute_back(1, datetime.combine(NOON, until), NOON.date()) == datetime.combine(NOON, found)
    assert rule.minute_back(1, datetime.combine(NOON, time(7)), NOON.date()) is None
