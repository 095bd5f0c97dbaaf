"""After a time without a leader: each policy's windows, exactly, none unaccounted for, and nobody held up by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.harness.installation import Installation
from tests.harness.schedules import NOON, fired, make_schedule, new_epoch, outcomes, set_clock

from rowlock.domain.triggers import next_windows
from rowlock.engine import fire
from rowlock.engine.fire import fire_due
from rowlock.store.schedules import ScheduleRecord

MINUTE, HOUR, WEEK = timedelta(minutes=1), timedelta(hours=1), timedelta(days=7)
HOURS = [NOON + n * HOUR for n in range(1, 169)]  # of the week; the leader is back five minutes after the last
BACK = NOON + WEEK + 5 * MINUTE


@pytest.fixture(autouse=True)
async def noon(here: Installation) -> None:
    await set_clock(here, NOON)


async def unaccounted(here: Installation, schedule: ScheduleRecord, until: datetime) -> list[datetime]:
    """Windows since the schedule's making that neither fired nor were skipped, listed or in a run."""
    rows = await here.query(
        "SELECT window_at, passed_after FROM rowlock.schedule_windows WHERE schedule_id = %(id)s", {"id": schedule.id}
    )
    alone = {window_at for window_at, _ in rows}
    runs = [(after, window_at) for window_at, after in rows if after is not None]
    expected = next_windows(schedule.trigger(), schedule.cursor_at, 12_000)
    return [
        at
        for at in expected
        if at <= until and at not in alone and not any(after < at <= through for after, through in runs)
    ]


Cut = Callable[[Sequence[datetime]], Sequence[datetime]]


@pytest.mark.parametrize(
    ("options", "fires", "reasons"),
    [
        ({"missed_run_policy": "catch_up", "max_catch_up": 200}, lambda hours: hours, set()),
        ({"missed_run_policy": "catch_up"}, lambda hours: hours[-100:], {"beyond_max_catch_up"}),
        ({"missed_run_policy": "catch_up", "max_catch_up": 5}, lambda hours: hours[-5:], {"beyond_max_catch_up"}),
        (
            {"missed_run_policy": "catch_up", "catch_up_window": 3 * HOUR},
            lambda hours: hours[-3:],
            {"beyond_catch_up_window"},
        ),
        (
            {"missed_run_policy": "catch_up", "max_catch_up": 5, "catch_up_window": 10 * HOUR},
            lambda hours: hours[-5:],
            {"beyond_catch_up_window", "beyond_max_catch_up"},
        ),
        ({"missed_run_policy": "latest_only"}, lambda hours: hours[-1:], {"superseded"}),
        ({"missed_run_policy": "skip"}, lambda hours: [], {"missed"}),
        ({"missed_run_policy": "skip", "misfire_grace": 400}, lambda hours: hours[-1:], {"missed"}),
        ({"missed_run_policy": "skip", "misfire_grace": 2 * HOUR}, lambda hours: hours[-2:], {"missed"}),
        (
            {"missed_run_policy": "catch_up", "max_catch_up": 200, "overlap_policy": "skip"},
            lambda hours: hours[:1],
            {"overlap"},
        ),
        (
            {"missed_run_policy": "catch_up", "max_catch_up": 200, "overlap_policy": "buffer_one"},
            lambda hours: hours[:2],
            {"overlap"},
        ),
    ],
)
async def test_a_week_of_silence_ends_with_the_windows_that_the_policy_promises(
    here: Installation, options: dict[str, Any], fires: Cut, reasons: set[str]
) -> None:
    schedule = await make_schedule(here, cron="0 * * * *", **options)
    await set_clock(here, BACK)
    report = await fire_due(here.database, await new_epoch(here))
    assert await fired(here, schedule.id) == list(fires(HOURS))
    told = await outcomes(here, schedule.id)
    assert {reason for outcome, reason in told if outcome == "skipped"} == reasons
    assert told["fired", None] == report.fired == len(fires(HOURS))
    assert await unaccounted(here, schedule, BACK) == []
    await set_clock(here, NOON + WEEK + HOUR)
    await fire_due(here.database, await new_epoch(here))
    assert await unaccounted(here, schedule, NOON + WEEK + HOUR) == []


async def test_a_long_run_of_skipped_windows_is_one_row(here: Installation) -> None:
    schedule = await make_schedule(here, missed_run_policy="latest_only")
    await set_clock(here, BACK)
    await fire_due(here.database, await new_epoch(here))
    assert await fired(here, schedule.id) == [BACK]
    assert sum((await outcomes(here, schedule.id)).values()) < 2 * fire.WINDOWS_PER_SCHEDULE
    assert await unaccounted(here, schedule, BACK) == []


async def test_a_year_of_missed_minutes_floods_nothing_and_stalls_nobody(here: Installation) -> None:
    """Tick by tick, fifty others fire on time, while the late one's share of each tick is bounded."""
    late = await make_schedule(here, "late", missed_run_policy="catch_up", max_catch_up=10_000, queue="late")
    back = NOON + timedelta(days=365)
    await set_clock(here, back)
    others = [await make_schedule(here, f"other{n}") for n in range(50)]
    epoch = await new_epoch(here)
    done = 0
    for tick in range(1, 8):
        await set_clock(here, back + tick * MINUTE)
        report = await fire_due(here.database, epoch)
        assert [await fired(here, other.id) for other in others] == [
            [back + n * MINUTE for n in range(1, tick + 1)] for _ in others
        ]
        caught_up = len(await fired(here, late.id))
        assert caught_up - done <= fire.ROUNDS * fire.WINDOWS_PER_SCHEDULE
        done = caught_up
    latest = back + 7 * MINUTE
    caught_up_to = [at for at in await fired(here, late.id) if at <= back + MINUTE]
    assert (report.lag_seconds, len(caught_up_to)) == (0, 10_000)
    assert (await fired(here, late.id))[-1] == latest
    assert await unaccounted(here, late, NOON + timedelta(days=8)) == []


async def test_a_tick_that_is_cut_short_goes_on_in_the_next(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fire, "ROUNDS", 1)
    late = await make_schedule(
        here, "late", cron="* * * * * *", allow_seconds=True, missed_run_policy="catch_up", max_catch_up=10_000
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


async def test_a_crowd_of_late_schedules_does_not_hide_those_that_are_on_time(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fire, "SCHEDULES_PER_ROUND", 5)
    monkeypatch.setattr(fire, "ROUNDS", 1)
    for n in range(20):
        await make_schedule(here, f"late{n}", missed_run_policy="catch_up", max_catch_up=10_000)
    await set_clock(here, NOON + WEEK)
    others = [await make_schedule(here, f"other{n}") for n in range(3)]
    await set_clock(here, NOON + WEEK + MINUTE)
    await fire_due(here.database, await new_epoch(here))
    for other in others:
        assert await fired(here, other.id) == [NOON + WEEK + MINUTE]
