"""Start and end: windows outside of them do not exist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rowlock.domain.bounded_trigger import bounded, check_left
from rowlock.domain.bounds import EARLIEST, LATEST
from rowlock.domain.cron_trigger import CronTrigger
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.interval_trigger import IntervalTrigger
from rowlock.domain.once_trigger import OnceTrigger
from rowlock.domain.trigger_base import Trigger

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)
HOURLY = [CronTrigger("0 * * * *", "UTC"), IntervalTrigger(HOUR, NOON - 100 * HOUR)]


@pytest.mark.parametrize("rule", HOURLY)
def test_both_bounds_are_included(rule: Trigger) -> None:
    trigger = bounded(rule, NOON, NOON + 2 * HOUR)
    windows = [NOON, NOON + HOUR, NOON + 2 * HOUR]
    assert list(trigger.windows_after(EARLIEST)) == windows
    assert list(trigger.windows_after(NOON)) == windows[1:]
    assert list(trigger.windows_after(NOON + 2 * HOUR)) == []
    assert trigger.newest_windows(after=EARLIEST, until=LATEST, n=2) == windows[1:]
    assert trigger.newest_windows(after=EARLIEST, until=LATEST, n=9) == windows
    assert trigger.newest_windows(after=NOON, until=NOON + HOUR, n=9) == windows[1:2]
    assert trigger.newest_windows(after=EARLIEST, until=NOON - INSTANT, n=9) == []
    assert trigger.newest_windows(after=NOON + 2 * HOUR, until=LATEST, n=9) == []
    assert trigger.shortest_gap(10) == HOUR
    assert trigger.fire_at(NOON) == NOON


def test_either_bound_may_be_left_out() -> None:
    rule = HOURLY[0]
    assert bounded(rule, None, None) is rule
    assert next(bounded(rule, NOON + INSTANT, None).windows_after(EARLIEST)) == NOON + HOUR
    assert list(bounded(rule, None, NOON).windows_after(NOON - HOUR)) == [NOON]


def test_bounds_may_leave_one_window_alone() -> None:
    assert list(bounded(HOURLY[0], NOON, NOON).windows_after(EARLIEST)) == [NOON]


def test_bounds_are_said() -> None:
    assert bounded(HOURLY[0], NOON, NOON + HOUR).describe() == (
        "Every hour (UTC), from 2026-01-01 12:00:00+00:00, until 2026-01-01 13:00:00+00:00"
    )
    assert bounded(HOURLY[0], None, NOON).describe() == "Every hour (UTC), until 2026-01-01 12:00:00+00:00"
    assert bounded(HOURLY[0], NOON, None).describe() == "Every hour (UTC), from 2026-01-01 12:00:00+00:00"


@pytest.mark.parametrize(
    ("rule", "starts_at", "ends_at", "field", "reason"),
    [
        (HOURLY[0], NOON, NOON - INSTANT, "ends_at", "must not be before starts_at"),
        (HOURLY[0], NOON.replace(tzinfo=None), None, "starts_at", "must be a datetime with a time zone"),
        (HOURLY[0], None, LATEST + INSTANT, "ends_at", "must lie in the years"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(
    *, rule: Trigger, starts_at: datetime | None, ends_at: datetime | None, field: str, reason: str
) -> None:
    with pytest.raises(InvalidArgument, match=reason) as refusal:
        bounded(rule, starts_at, ends_at)
    assert refusal.value.detail == {"field": field}


@pytest.mark.parametrize(
    ("rule", "starts_at", "ends_at", "field"),
    [
        (HOURLY[0], NOON + INSTANT, NOON + 2 * INSTANT, "ends_at"),
        (HOURLY[1], None, NOON - 101 * HOUR, "ends_at"),
        (OnceTrigger(NOON), NOON + INSTANT, None, "starts_at"),
    ],
)
def test_bounds_that_leave_no_window_are_read_and_can_be_refused(
    *, rule: Trigger, starts_at: datetime | None, ends_at: datetime | None, field: str
) -> None:
    trigger = bounded(rule, starts_at, ends_at)
    assert list(trigger.windows_after(EARLIEST)) == []
    assert trigger.newest_windows(after=EARLIEST, until=LATEST, n=9) == []
    with pytest.raises(InvalidArgument, match="no window is left") as refusal:
        check_left(trigger, starts_at, ends_at)
    assert refusal.value.detail == {"field": field}


def test_bounds_that_leave_a_window_are_none_to_refuse() -> None:
    check_left(bounded(HOURLY[0], NOON, NOON), NOON, NOON)
    check_left(bounded(HOURLY[0], None, None), None, None)
