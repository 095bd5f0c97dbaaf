"""Triggers under APScheduler: its interface, and one of its own loops around it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger

from rowlock.domain.bounds import LATEST
from rowlock.domain.cron_trigger import CronTrigger
from rowlock.domain.interval_trigger import IntervalTrigger
from rowlock.domain.trigger_base import Trigger

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = [CronTrigger("0 * * * *", "UTC"), IntervalTrigger(HOUR, NOON - 100 * HOUR)]


@pytest.mark.parametrize("trigger", HOURLY)
def test_the_first_time_may_be_now(trigger: Trigger) -> None:
    assert isinstance(trigger, BaseTrigger)
    assert trigger.get_next_fire_time(None, NOON) == NOON
    assert trigger.get_next_fire_time(None, NOON + timedelta(microseconds=1)) == NOON + HOUR


@pytest.mark.parametrize("trigger", HOURLY)
def test_a_later_time_follows_the_previous_one_even_into_the_past(trigger: Trigger) -> None:
    assert trigger.get_next_fire_time(NOON, NOON + 5 * HOUR) == NOON + HOUR


@pytest.mark.parametrize("trigger", HOURLY)
def test_after_the_last_window_there_is_none(trigger: Trigger) -> None:
    assert trigger.get_next_fire_time(LATEST, NOON) is None


def test_apscheduler_can_combine_them() -> None:
    either = OrTrigger([CronTrigger("30 * * * *", "UTC"), HOURLY[1]])
    assert either.get_next_fire_time(None, NOON + timedelta(minutes=1)) == NOON + timedelta(minutes=30)
