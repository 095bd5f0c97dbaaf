"""A window that waits for its jitter is due at once when the jitter is shortened, and not missed by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import NOON, OPERATOR, fired, make_schedule, new_epoch, outcomes, set_clock

from rowlock.domain.schedule_requests import schedule_request
from rowlock.engine.declared_schedules import sync_declared
from rowlock.engine.fire import fire_due
from rowlock.engine.schedules import get_schedule, update_schedule
from rowlock.store.schedules import ScheduleRecord

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
ONE = NOON + HOUR
RULE = {"cron": "0 * * * *", "missed_run_policy": "skip"}


@pytest.fixture
async def schedule(here: Installation) -> ScheduleRecord:
    """One whose first window waits for some minutes at least."""
    await set_clock(here, NOON)
    for nth in range(100):
        made = await make_schedule(here, f"report{nth}", **RULE, jitter=3_600)
        if ONE + 20 * MINUTE < made.trigger().fire_at(ONE) < ONE + 50 * MINUTE:
            return made
        await here.query("DELETE FROM rowlock.schedules")
    raise AssertionError("No draw was in the middle.")


async def change(here: Installation, schedule: ScheduleRecord, **changes: object) -> ScheduleRecord:
    return await update_schedule(here.database, TENANT, schedule.name, changes, actor=OPERATOR)


async def test_a_window_that_waited_fires_at_once_when_the_jitter_goes(
    here: Installation, schedule: ScheduleRecord
) -> None:
    await set_clock(here, ONE + 10 * MINUTE)
    changed = await change(here, schedule, jitter=0)
    assert (changed.cursor_at, changed.next_at) == (schedule.cursor_at, ONE + 10 * MINUTE)
    await set_clock(here, ONE + 10 * MINUTE + SECOND)
    await change(here, schedule, payload={"a": 1})  # which is not to make it late again
    await set_clock(here, ONE + 10 * MINUTE + 2 * SECOND)
    report = await fire_due(here.database, await new_epoch(here))
    assert (await fired(here), report.drifts) == ([ONE], [2.0])
    after = await get_schedule(here.database, TENANT, schedule.name)
    assert (after.cursor_at, after.next_at) == (ONE, ONE + HOUR)


async def test_a_deploy_that_shortens_the_jitter_fires_it_too(here: Installation, schedule: ScheduleRecord) -> None:
    await set_clock(here, ONE + 10 * MINUTE)
    await sync_declared(here.database, TENANT, "shop", [schedule_request(schedule.name, "reports.build", **RULE)])
    await fire_due(here.database, await new_epoch(here))
    assert await fired(here) == [ONE]


async def test_a_window_that_had_just_come_due_is_not_older_by_the_change(
    here: Installation, schedule: ScheduleRecord
) -> None:
    due = schedule.trigger().fire_at(ONE)
    await set_clock(here, due + 5 * SECOND)
    assert (await change(here, schedule, jitter=0)).next_at == due
    await fire_due(here.database, await new_epoch(here))
    assert await fired(here) == [ONE]


async def test_a_window_that_nobody_fires_within_the_grace_of_the_change_is_missed(
    here: Installation, schedule: ScheduleRecord
) -> None:
    await set_clock(here, ONE + 10 * MINUTE)
    await change(here, schedule, jitter=0)
    await set_clock(here, ONE + 11 * MINUTE + SECOND)
    await fire_due(here.database, await new_epoch(here))
    assert await outcomes(here, schedule.id) == {("skipped", "missed"): 1}


async def test_any_other_change_makes_nothing_of_what_was_missed(here: Installation) -> None:
    await set_clock(here, NOON)
    made = await make_schedule(here, **RULE, jitter=60)
    await set_clock(here, ONE + 2 * HOUR + 30 * MINUTE)
    await change(here, made, payload={"a": 1})
    await fire_due(here.database, await new_epoch(here))
    assert await outcomes(here, made.id) == {("skipped", "missed"): 3}


async def test_a_window_that_still_waits_under_the_shorter_jitter_fires_at_its_new_time(
    here: Installation, schedule: ScheduleRecord
) -> None:
    await set_clock(here, ONE + SECOND)
    changed = await change(here, schedule, jitter=1_800)
    assert changed.next_at == changed.trigger().fire_at(ONE) > ONE + SECOND
