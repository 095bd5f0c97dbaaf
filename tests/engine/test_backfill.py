"""Backfilling: what never fired fires once, what fired does not fire again, whoever asks, however often."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from tests.harness.installation import TENANT, Installation
from tests.harness.partitions import make_partition, tables
from tests.harness.schedules import (
    NOON,
    OPERATOR,
    audited,
    fired,
    make_schedule,
    new_epoch,
    outcomes,
    set_clock,
)

from rowlock.domain.errors import Conflict, InvalidArgument, NotFound
from rowlock.engine import backfill as backfilling
from rowlock.engine.backfill import Backfill, backfill
from rowlock.engine.fire import fire_due
from rowlock.engine.retain import maintain
from rowlock.engine.schedules import get_schedule, list_windows, pause_schedule, resume_schedule, update_schedule
from rowlock.store.tasks import get_task

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
async def noon(here: Installation) -> None:
    await set_clock(here, NOON)


def minute(n: int) -> datetime:
    return NOON + n * MINUTE


async def back(here: Installation, since: datetime, until: datetime) -> Backfill:
    return await backfill(here.database, TENANT, "report", since=since, until=until, actor=OPERATOR)


async def test_windows_before_the_schedule_was_made_are_fired_with_their_instant(here: Installation) -> None:
    made = await make_schedule(here, cron="0 * * * *", payload={"a": 1}, queue="reports", priority="low")
    done = await back(here, NOON - 3 * HOUR, NOON - HOUR)
    expected = [NOON - 3 * HOUR, NOON - 2 * HOUR, NOON - HOUR]
    assert (done.windows, list(done.fired)) == (3, expected)
    assert await fired(here, made.id) == expected
    task = await get_task(here.database, TENANT, done.fired[NOON - HOUR])
    assert (task.schedule_id, task.window_at, task.payload) == (made.id, NOON - HOUR, {"a": 1})
    assert (task.queue, task.priority, task.status) == ("reports", 3, "ready")
    rows = await list_windows(here.database, TENANT, "report")
    assert [(row.window_at, row.outcome, row.epoch) for row in reversed(rows)] == [(at, "fired", 0) for at in expected]
    assert (await get_schedule(here.database, TENANT, "report")).cursor_at == made.cursor_at
    assert await audited(here) == ["schedule.create", "schedule.backfill"]


async def test_what_fired_is_not_fired_again_and_what_was_skipped_is(here: Installation) -> None:
    made = await make_schedule(here, missed_run_policy="latest_only")
    await set_clock(here, minute(5))
    await fire_due(here.database, await new_epoch(here))
    assert await fired(here) == [minute(5)]
    first = await back(here, minute(3), minute(5))
    assert (first.windows, list(first.fired)) == (3, [minute(3), minute(4)])
    again = await back(here, minute(3), minute(5))
    assert (again.windows, again.fired) == (3, {})
    assert await fired(here) == [minute(3), minute(4), minute(5)]
    assert await outcomes(here, made.id) == {("fired", None): 3, ("skipped", "superseded"): 2}


async def test_backfills_and_ticks_at_once_fire_each_window_once(here: Installation) -> None:
    await make_schedule(here, missed_run_policy="catch_up", max_catch_up=100)
    epoch = await new_epoch(here)
    await set_clock(here, minute(50))
    await asyncio.gather(
        *(back(here, minute(1), minute(50)) for _ in range(3)), *(fire_due(here.database, epoch) for _ in range(3))
    )
    assert await fired(here) == [minute(n) for n in range(1, 51)]


async def test_a_run_of_skipped_windows_outlives_the_backfill_of_its_last_one(here: Installation) -> None:
    made = await make_schedule(here, missed_run_policy="latest_only")
    await set_clock(here, NOON + timedelta(days=30))
    await fire_due(here.database, await new_epoch(here))
    [run] = [row for row in await list_windows(here.database, TENANT, "report") if row.passed_after]
    await back(here, run.window_at, run.window_at)
    [after] = [row for row in await list_windows(here.database, TENANT, "report") if row.passed_after]
    assert (after.window_at, after.outcome, after.reason) == (run.window_at, "fired", "superseded")
    assert after.passed_after == run.passed_after
    inside = run.window_at - 7 * MINUTE
    assert list((await back(here, inside, inside)).fired) == [inside]
    assert sorted(await fired(here, made.id)) == [inside, run.window_at, NOON + timedelta(days=30)]


async def test_windows_of_a_pause_can_be_fired_and_are_not_skipped_when_it_ends(here: Installation) -> None:
    made = await make_schedule(here)
    await pause_schedule(here.database, TENANT, "report", actor=OPERATOR)
    await set_clock(here, NOON + timedelta(hours=3))
    oldest_listed = minute(180 - 100)
    assert len((await back(here, minute(1), oldest_listed)).fired) == 80
    await resume_schedule(here.database, TENANT, "report", actor=OPERATOR)
    assert await outcomes(here, made.id) == {("fired", None): 79, ("fired", "paused"): 1, ("skipped", "paused"): 100}


async def test_a_change_in_between_is_a_conflict_and_asking_again_completes_it(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_schedule(here)
    await set_clock(here, minute(30))
    monkeypatch.setattr(backfilling, "WINDOWS_PER_STATEMENT", 10)
    fill = backfilling.windows.backfill_windows
    turns = iter(range(10))

    async def changed_before_the_third(*args: object, **options: object) -> object:
        if next(turns) == 2:
            await update_schedule(here.database, TENANT, "report", {"queue": "other"}, actor=OPERATOR)
        return await fill(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(backfilling.windows, "backfill_windows", changed_before_the_third)
    with pytest.raises(Conflict, match="20 of 30"):
        await back(here, minute(1), minute(30))
    assert len(await fired(here)) == 20
    assert list((await back(here, minute(1), minute(30))).fired) == [minute(n) for n in range(21, 31)]


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        (minute(-10), minute(-20), "until"),
        (minute(-10), minute(1), "until"),
        (minute(-20_000), minute(0), "until"),
        (datetime(2026, 1, 1), minute(0), "since"),  # noqa: DTZ001 - that it is naive is the point
        (minute(-1), datetime(9999, 1, 1, tzinfo=NOON.tzinfo), "until"),
    ],
)
async def test_a_range_that_cannot_be_names_its_field_and_fires_nothing(
    here: Installation, since: datetime, until: datetime, field: str
) -> None:
    await make_schedule(here)
    with pytest.raises(InvalidArgument) as refused:
        await back(here, since, until)
    assert refused.value.detail["field"] == field
    assert await fired(here) == []


async def test_another_tenants_schedule_is_not_backfilled(here: Installation) -> None:
    await make_schedule(here, tenant="acme")
    with pytest.raises(NotFound):
        await back(here, minute(-10), minute(0))
    assert await fired(here) == []


@pytest.mark.parametrize("by_month", [True, False])
async def test_repeating_it_doubles_nothing_however_old_the_window_and_its_record(
    here: Installation, by_month: bool
) -> None:
    """Whether the window's month has a partition, or its record lies with those of all months that have none."""
    await make_schedule(here)
    at = NOON - timedelta(days=390)
    month = await make_partition(here, "schedule_windows", 390) if by_month else None
    assert list((await back(here, at, at)).fired) == [at]
    for days in (60, 399):
        await set_clock(here, NOON + timedelta(days=days))
        assert month not in (await maintain(here.database)).dropped
        again = await back(here, at, at)
        assert (again.windows, again.fired) == (1, {})
    await set_clock(here, NOON + timedelta(days=401))
    await maintain(here.database)
    assert month not in await tables(here)
    assert await here.query("SELECT FROM rowlock.schedule_windows") == []
    with pytest.raises(InvalidArgument, match="known for 400 days"):
        await back(here, at, at)


async def test_windows_are_fired_as_far_back_as_it_is_known_what_has_fired(here: Installation) -> None:
    await make_schedule(here, cron="@daily")
    now = NOON + timedelta(days=500)
    await set_clock(here, now)
    with pytest.raises(InvalidArgument) as refused:
        await back(here, now - timedelta(days=400, seconds=1), now)
    assert refused.value.detail["field"] == "since"
    assert (await back(here, now - timedelta(days=400), now)).windows == 400
    assert len(await fired(here)) == 400
