"""A tick: each window ends as one task or as skipped with a reason, whoever ticks, however late and however often."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import NOON, OPERATOR, fired, make_schedule, new_epoch, outcomes, set_clock

from rowlock.domain.errors import NotLeader
from rowlock.domain.triggers import next_windows
from rowlock.engine import fire
from rowlock.engine.fire import fire_due
from rowlock.engine.fire_decisions import decide
from rowlock.engine.schedules import get_schedule, list_windows, pause_schedule, update_schedule
from rowlock.store import windows
from rowlock.store.schedules import ScheduleRecord
from rowlock.store.tasks import get_task
from rowlock.store.windows import Advance

MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
async def noon(here: Installation) -> None:
    await set_clock(here, NOON)


async def unaccounted(here: Installation, schedule: ScheduleRecord, until: datetime) -> list[datetime]:
    """Windows since the schedule's making that neither fired nor were skipped, listed or in a run."""
    rows = await list_windows(here.database, schedule.tenant_id, schedule.name, limit=1000)
    alone = {row.window_at for row in rows}
    runs = [(row.passed_after, row.window_at) for row in rows if row.passed_after is not None]
    expected = next_windows(schedule.trigger(), schedule.cursor_at, 12_000)
    return [
        at
        for at in expected
        if at <= until and at not in alone and not any(after < at <= through for after, through in runs)
    ]


async def test_a_due_window_becomes_one_task_that_carries_it(here: Installation) -> None:
    schedule = await make_schedule(
        here, payload={"day": 1}, queue="reports", priority="high", max_attempts=7, timeout=90, tags=["night"]
    )
    epoch = await new_epoch(here)
    assert (await fire_due(here.database, epoch)).fired == 0
    await set_clock(here, NOON + MINUTE + timedelta(seconds=3))
    report = await fire_due(here.database, epoch)
    assert (report.fired, report.skipped, report.drifts, report.lag_seconds) == (1, 0, [3.0], 0)
    assert report.submitted == [("reports", "reports.build")]
    assert (await fire_due(here.database, epoch)).fired == 0

    [window] = await list_windows(here.database, "default", "report")
    assert (window.window_at, window.outcome, window.epoch) == (NOON + MINUTE, "fired", epoch)
    assert window.task_id is not None
    task = await get_task(here.database, "default", window.task_id)
    assert (task.schedule_id, task.window_at) == (schedule.id, NOON + MINUTE)
    assert (task.name, task.queue, task.priority, task.payload) == ("reports.build", "reports", 1, {"day": 1})
    assert (task.max_attempts, task.timeout_seconds, task.tags, task.status) == (7, 90, ["night"], "ready")
    after = await get_schedule(here.database, "default", "report")
    assert (after.cursor_at, after.next_at) == (NOON + MINUTE, NOON + 2 * MINUTE)


async def test_ticks_at_once_fire_each_window_once(here: Installation) -> None:
    made = [await make_schedule(here, f"s{n}", missed_run_policy="catch_up") for n in range(20)]
    epoch = await new_epoch(here)
    await set_clock(here, NOON + 10 * MINUTE)
    reports = await asyncio.gather(*(fire_due(here.database, epoch) for _ in range(4)))
    assert sum(report.fired for report in reports) == 200
    expected = [NOON + n * MINUTE for n in range(1, 11)]
    for schedule in made:
        assert await fired(here, schedule.id) == expected


async def test_an_epoch_that_is_over_changes_nothing(here: Installation) -> None:
    schedule = await make_schedule(here)
    former = await new_epoch(here, "former")
    await new_epoch(here, "present")
    await set_clock(here, NOON + MINUTE)
    with pytest.raises(NotLeader):
        await fire_due(here.database, former)
    assert await fired(here) == []
    assert (await get_schedule(here.database, "default", "report")).cursor_at == schedule.cursor_at


async def test_a_decision_from_an_outdated_cursor_changes_nothing(here: Installation) -> None:
    await make_schedule(here)
    epoch = await new_epoch(here)
    await set_clock(here, NOON + MINUTE)
    [seen] = await windows.due_schedules(here.database, limit=10)
    await fire_due(here.database, epoch)
    again = Advance(seen, NOON + MINUTE, NOON + 2 * MINUTE, [(NOON + MINUTE, seen.id)])
    assert await windows.fire_windows(here.database, epoch, [again]) == windows.Fired(frozenset(), [], 0)
    assert await fired(here) == [NOON + MINUTE]


async def test_a_window_that_is_reserved_already_makes_no_second_task(here: Installation) -> None:
    """As after a cursor was moved back by hand: the reservation is the window's primary key."""
    await make_schedule(here)
    epoch = await new_epoch(here)
    await set_clock(here, NOON + MINUTE)
    await fire_due(here.database, epoch)
    await here.query("UPDATE rowlock.schedules SET cursor_at = %(at)s, next_at = %(at)s", {"at": NOON})
    assert (await fire_due(here.database, epoch)).fired == 0
    assert await fired(here) == [NOON + MINUTE]


async def test_catch_up_fires_what_a_week_of_silence_left_up_to_its_bound(here: Installation) -> None:
    hourly = await make_schedule(here, "hourly", cron="@hourly", missed_run_policy="catch_up", max_catch_up=200)
    bounded = await make_schedule(here, "bounded", cron="*/10 * * * *", missed_run_policy="catch_up", max_catch_up=5)
    await set_clock(here, NOON + WEEK)
    await fire_due(here.database, await new_epoch(here))
    assert await fired(here, hourly.id) == [NOON + n * timedelta(hours=1) for n in range(1, 169)]
    assert await fired(here, bounded.id) == [NOON + WEEK - n * 10 * MINUTE for n in reversed(range(5))]
    assert {reason for _, reason in await outcomes(here, bounded.id)} == {None, "beyond_max_catch_up"}
    for schedule in (hourly, bounded):
        assert await unaccounted(here, schedule, NOON + WEEK) == []


async def test_latest_only_fires_the_newest_window_of_a_week(here: Installation) -> None:
    schedule = await make_schedule(here, cron="0 * * * *", missed_run_policy="latest_only")
    await set_clock(here, NOON + WEEK + 5 * MINUTE)
    await fire_due(here.database, await new_epoch(here))
    assert await fired(here, schedule.id) == [NOON + WEEK]
    assert {reason for _, reason in await outcomes(here, schedule.id)} == {None, "superseded"}
    assert await unaccounted(here, schedule, NOON + WEEK) == []


async def test_skip_fires_nothing_that_was_missed(here: Installation) -> None:
    schedule = await make_schedule(here, cron="0 * * * *", missed_run_policy="skip")
    epoch = await new_epoch(here)
    await set_clock(here, NOON + WEEK + 5 * MINUTE)
    await fire_due(here.database, epoch)
    assert await fired(here, schedule.id) == []
    assert {reason for _, reason in await outcomes(here, schedule.id)} == {"missed"}
    assert await unaccounted(here, schedule, NOON + WEEK) == []
    await set_clock(here, NOON + WEEK + 60 * MINUTE)
    await fire_due(here.database, epoch)
    assert await fired(here, schedule.id) == [NOON + WEEK + 60 * MINUTE]


async def test_a_year_of_missed_seconds_does_not_hold_up_others(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick is cut short; what it leaves is its lag, and the next ones go on from there."""
    monkeypatch.setattr(fire, "ROUNDS", 1)
    late = await make_schedule(
        here,
        "late",
        cron="* * * * * *",
        allow_seconds=True,
        missed_run_policy="catch_up",
        max_catch_up=10_000,
        queue="late",
    )
    await set_clock(here, NOON + timedelta(days=365))
    other = await make_schedule(here, "other")
    now = NOON + timedelta(days=365) + MINUTE
    await set_clock(here, now)
    epoch = await new_epoch(here)
    report = await fire_due(here.database, epoch)
    assert await fired(here, other.id) == [now]
    assert report.fired <= 1 + fire.WINDOWS_PER_SCHEDULE
    assert report.lag_seconds > 3_600
    second = await fire_due(here.database, epoch)
    assert (second.fired, second.skipped) == (fire.WINDOWS_PER_SCHEDULE, 0)
    assert await unaccounted(here, late, NOON + timedelta(hours=3)) == []


async def test_a_schedule_that_cannot_be_read_stalls_no_other_and_is_tried_again(here: Installation) -> None:
    broken = await make_schedule(here, "broken", missed_run_policy="catch_up")
    sound = await make_schedule(here, "sound")
    await here.query("UPDATE rowlock.schedules SET timezone = 'Mars/Olympus' WHERE name = 'broken'")
    epoch = await new_epoch(here)
    await set_clock(here, NOON + MINUTE)
    report = await fire_due(here.database, epoch)
    assert (report.fired, report.broken) == (1, 1)
    assert await fired(here) == [NOON + MINUTE]
    assert (await fire_due(here.database, epoch)).broken == 0
    await here.query("UPDATE rowlock.schedules SET timezone = 'UTC' WHERE name = 'broken'")
    await set_clock(here, NOON + 2 * MINUTE)
    await fire_due(here.database, epoch)
    for schedule in (broken, sound):
        assert await fired(here, schedule.id) == [NOON + MINUTE, NOON + 2 * MINUTE]


async def test_a_paused_schedule_does_not_fire(here: Installation) -> None:
    await make_schedule(here)
    await pause_schedule(here.database, "default", "report", actor=OPERATOR)
    await set_clock(here, NOON + MINUTE)
    assert (await fire_due(here.database, await new_epoch(here))).fired == 0


async def test_a_rule_without_further_windows_is_left_alone(here: Installation) -> None:
    await make_schedule(here, interval="1d", anchor_at=datetime(9998, 12, 31, tzinfo=NOON.tzinfo))
    await set_clock(here, datetime(9998, 12, 31, 1, tzinfo=NOON.tzinfo))
    epoch = await new_epoch(here)
    assert (await fire_due(here.database, epoch)).fired == 1
    assert (await get_schedule(here.database, "default", "report")).next_at is None
    assert (await fire_due(here.database, epoch)).fired == 0


async def test_thousands_of_schedules_due_at_once_are_fired_by_one_tick(here: Installation) -> None:
    await make_schedule(here, "s")
    await here.query(
        "INSERT INTO rowlock.schedules (id, tenant_id, name, trigger_kind, expression, cursor_at, next_at, task_name)"
        " SELECT rowlock.new_id(), 'default', 's' || n, 'cron', '* * * * *', %(noon)s, %(next)s, 't'"
        " FROM generate_series(2, 3000) AS n",
        {"noon": NOON, "next": NOON + MINUTE},
    )
    await set_clock(here, NOON + MINUTE)
    report = await fire_due(here.database, await new_epoch(here))
    assert (report.fired, report.lag_seconds) == (3_000, 0)
    [(tasks,)] = await here.query("SELECT count(DISTINCT schedule_id) FROM rowlock.tasks_live")
    assert tasks == 3_000


async def test_what_was_decided_of_a_schedule_that_is_changed_meanwhile_is_decided_anew(here: Installation) -> None:
    """A change of its jitter moves no cursor, and yet the window may be due at another time."""
    await make_schedule(here)
    epoch = await new_epoch(here)
    await set_clock(here, NOON + MINUTE)
    advances, _ = decide(await windows.due_schedules(here.database, limit=10), 100)
    await update_schedule(here.database, TENANT, "report", {"jitter": 30}, actor=OPERATOR)
    done = await windows.fire_windows(here.database, epoch, advances)
    assert (done.moved, done.windows) == (frozenset(), [])
    await set_clock(here, NOON + MINUTE + timedelta(seconds=30))
    assert (await fire_due(here.database, epoch)).fired == 1
