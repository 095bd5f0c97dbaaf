"""Jitter: when windows fire is spread, always in the same way, and never out of their order."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rowlock.domain.bounded_trigger import bounded
from rowlock.domain.bounds import LATEST
from rowlock.domain.cron_trigger import CronTrigger
from rowlock.domain.errors import InvalidArgument
from rowlock.domain.interval_trigger import IntervalTrigger
from rowlock.domain.jittered_trigger import MAX_JITTER, jittered
from rowlock.domain.once_trigger import OnceTrigger
from rowlock.domain.trigger_base import Trigger

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
INSTANT = timedelta(microseconds=1)
HOURLY = CronTrigger("0 * * * *", "UTC")


def test_windows_do_not_move() -> None:
    trigger = jittered(HOURLY, 600, "a")
    assert list(islice(trigger.windows_after(NOON), 3)) == list(islice(HOURLY.windows_after(NOON), 3))
    newest = trigger.newest_windows(after=NOON, until=NOON + 5 * HOUR, n=2)
    assert newest == [NOON + 4 * HOUR, NOON + 5 * HOUR]
    assert trigger.shortest_gap(10) == HOUR
    assert trigger.describe() == "Every hour (UTC), up to 0:10:00 later"


def test_a_window_fires_at_the_same_instant_for_ever() -> None:
    """Were these figures to change, schedulers of two versions would not agree during an upgrade."""
    assert jittered(HOURLY, 600, "a").fire_at(NOON) == NOON + timedelta(seconds=387.658891)
    assert jittered(HOURLY, 600, "b").fire_at(NOON) != jittered(HOURLY, 600, "a").fire_at(NOON)
    assert jittered(HOURLY, 600, "a").fire_at(NOON + HOUR) != jittered(HOURLY, 600, "a").fire_at(NOON) + HOUR


def test_schedules_are_spread_evenly() -> None:
    delays = [(jittered(HOURLY, 600, f"schedule {n}").fire_at(NOON) - NOON) / SECOND for n in range(2_000)]
    assert 0 <= min(delays) < 5
    assert 595 < max(delays) < 600
    assert abs(statistics.mean(delays) - 300) < 15
    assert all(80 < sum(lower <= delay < lower + 30 for delay in delays) < 120 + 20 for lower in range(0, 600, 30))


def test_without_jitter_the_rule_is_left_alone() -> None:
    assert jittered(HOURLY, 0, "a") is HOURLY
    assert HOURLY.fire_at(NOON) == HOURLY.due_until(NOON) == NOON


def test_the_last_window_has_its_whole_jitter() -> None:
    """Bounds hold for windows; what fires after the end fires for a window before it."""
    once = jittered(OnceTrigger(NOON), 3_600, "a")
    last = jittered(bounded(CronTrigger("* * * * *", "UTC"), None, NOON), 3_600, "a")
    assert NOON + MINUTE < once.fire_at(NOON) == last.fire_at(NOON) < NOON + HOUR
    assert jittered(OnceTrigger(LATEST), 3_600, "a").fire_at(LATEST) == LATEST


@pytest.mark.parametrize("seconds", [-1, MAX_JITTER.total_seconds() + 1, float("nan"), float("inf"), "60", None, True])
def test_jitter_out_of_bounds_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidArgument, match=r"^The field jitter_seconds is .*\.$") as refusal:
        jittered(HOURLY, seconds, "a")
    assert refusal.value.detail == {"field": "jitter_seconds"}


rules = st.sampled_from(
    [
        HOURLY,
        IntervalTrigger(timedelta(seconds=37), NOON),
        CronTrigger("0,1,30 * * * *", "Europe/Berlin"),
        CronTrigger("59 1,2 * * *", "Europe/Berlin"),  # a minute apart where clocks go forward
        bounded(CronTrigger("*/5 * * * *", "UTC"), None, NOON + timedelta(days=86)),
    ]
)
jitters = st.sampled_from([0.000_001, 1, 59.5, 60, 3_600, 86_400])
starts = st.sampled_from([NOON, datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)])


@given(rules, jitters, starts, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_windows_come_due_one_by_one_and_in_order(
    rule: Trigger, jitter: float, start: datetime, later: timedelta
) -> None:
    trigger = jittered(rule, jitter, "a")
    windows = list(islice(trigger.windows_after(start), 30))
    fires = [trigger.fire_at(window) for window in windows]
    for (window, fire), (following, _) in pairwise(zip(windows, fires, strict=True)):
        assert window <= fire < following
    assert all(fire - window < timedelta(seconds=jitter) for window, fire in zip(windows, fires, strict=True))
    nows = [start + later, *fires, *(fire - INSTANT for fire in fires)]
    for now in nows:
        due = [window for window, fire in zip(windows, fires, strict=True) if fire <= now]
        until = trigger.due_until(now)
        assert until <= now
        assert [window for window in windows if window <= until] == due


@given(rules, jitters, starts)
def test_apscheduler_is_told_when_windows_fire(rule: Trigger, jitter: float, start: datetime) -> None:
    trigger = jittered(rule, jitter, "a")
    fires = [trigger.fire_at(window) for window in islice(trigger.windows_after(start), 5)]
    previous, told = None, []
    for _ in fires:
        previous = trigger.get_next_fire_time(previous, fires[0])
        told.append(previous)
    assert told == fires
