"""A pause costs the windows that fell due in it, and no other: one that jitter lets come later fires at its time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import NOON, OPERATOR, fired, make_schedule, new_epoch, outcomes, set_clock

from rowlock.engine.declared_schedules import SYNC, sync_declared
from rowlock.engine.explain_window import explain_window
from rowlock.engine.fire import fire_due
from rowlock.engine.schedule_changes import request_of
from rowlock.engine.schedules import get_schedule, pause_schedule, resume_schedule, update_schedule
from rowlock.store.schedules import ScheduleRecord

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
ONE, TWO = NOON + HOUR, NOON + 2 * HOUR
Resume = Callable[[Installation], Awaitable[object]]


async def by_python(here: Installation) -> None:
    await resume_schedule(here.database, TENANT, "report", actor=OPERATOR)


async def by_sql(here: Installation) -> None:
    await here.query("SELECT rowlock.resume_schedule('report')")


async def by_a_deploy(here: Installation) -> None:
    seen = await get_schedule(here.database, TENANT, "report")
    await sync_declared(here.database, TENANT, "test", [request_of(seen)])


ways = pytest.mark.parametrize("resume", [by_python, by_sql, by_a_deploy])


@pytest.fixture
async def schedule(here: Installation) -> ScheduleRecord:
    await set_clock(here, NOON)
    return await make_schedule(here, cron="0 * * * *", jitter=3_000, missed_run_policy="catch_up")


async def pause(here: Installation) -> None:
    await pause_schedule(here.database, TENANT, "report", actor=SYNC)  # which a deploy may resume, and others may too


async def tick(here: Installation, epoch: int, at: datetime) -> list[datetime]:
    await set_clock(here, at)
    await fire_due(here.database, epoch)
    return await fired(here)


def half_way(schedule: ScheduleRecord, window: datetime) -> tuple[datetime, datetime]:
    """An instant between the window and when it is due, and the latter."""
    due = schedule.trigger().fire_at(window)
    return window + (due - window) / 2, due


@ways
async def test_a_window_that_is_not_due_yet_outlives_a_pause(
    here: Installation, schedule: ScheduleRecord, resume: Resume
) -> None:
    epoch = await new_epoch(here)
    between, due = half_way(schedule, ONE)
    await set_clock(here, between)
    await pause(here)
    await resume(here)
    assert await tick(here, epoch, due - timedelta(microseconds=1)) == []
    assert await tick(here, epoch, due) == [ONE]
    assert await outcomes(here, schedule.id) == {("fired", None): 1}


@ways
async def test_what_was_due_in_the_pause_is_skipped_and_what_comes_due_after_it_fires(
    here: Installation, schedule: ScheduleRecord, resume: Resume
) -> None:
    epoch = await new_epoch(here)
    await pause(here)
    between, due = half_way(schedule, TWO)
    await set_clock(here, between)
    await resume(here)
    assert await tick(here, epoch, between) == []
    assert (await explain_window(here.database, TENANT, "report", ONE)).code == "paused"
    assert (await explain_window(here.database, TENANT, "report", TWO)).code == "not_due"
    assert await tick(here, epoch, due) == [TWO]


@ways
async def test_what_was_due_a_moment_before_the_pause_ended_does_not_fire(
    here: Installation, schedule: ScheduleRecord, resume: Resume
) -> None:
    epoch = await new_epoch(here)
    await pause(here)
    due = schedule.trigger().fire_at(ONE)
    await set_clock(here, due + SECOND)
    await resume(here)
    assert await tick(here, epoch, due + 2 * SECOND) == []
    assert (await explain_window(here.database, TENANT, "report", ONE)).code == "paused"
    assert await tick(here, epoch, schedule.trigger().fire_at(TWO)) == [TWO]


async def test_a_change_of_the_rule_keeps_a_window_of_both_that_is_not_due_yet(
    here: Installation, schedule: ScheduleRecord
) -> None:
    epoch = await new_epoch(here)
    between, due = half_way(schedule, ONE)
    await set_clock(here, between)
    await update_schedule(here.database, TENANT, "report", {"ends_at": NOON + 9 * HOUR}, actor=OPERATOR)
    assert await tick(here, epoch, due) == [ONE]


async def test_a_change_of_the_rule_accounts_for_a_window_that_the_new_one_does_not_have(
    here: Installation, schedule: ScheduleRecord
) -> None:
    epoch = await new_epoch(here)
    between, due = half_way(schedule, ONE)
    await set_clock(here, between)
    await update_schedule(here.database, TENANT, "report", {"cron": "0 */2 * * *"}, actor=OPERATOR)  # next is TWO
    assert await tick(here, epoch, due) == []
    assert await outcomes(here, schedule.id) == {("skipped", "schedule_changed"): 1}
