"""Each reason for which a window did not fire has a code, a sentence and something to do."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import NOON, OPERATOR, make_schedule, new_epoch, set_clock

from rowlock.domain.errors import InvalidArgument, NotFound
from rowlock.engine.backfill import backfill
from rowlock.engine.explain_window import WindowExplanation, explain_window
from rowlock.engine.fire import fire_due
from rowlock.engine.schedules import get_schedule, pause_schedule, resume_schedule, trigger_now, update_schedule

MINUTE = timedelta(minutes=1)


def minute(n: float) -> datetime:
    return NOON + n * MINUTE


@pytest.fixture
async def epoch(here: Installation) -> int:
    await set_clock(here, NOON)
    return await new_epoch(here)


async def why(here: Installation, window: datetime | str | None = None) -> WindowExplanation:
    told = await explain_window(here.database, TENANT, "report", window)
    assert told.explanation.endswith(".")
    assert told.advice == "" or told.advice.endswith(".")
    return told


async def tick(here: Installation, epoch: int, n: float) -> None:
    await set_clock(here, minute(n))
    await fire_due(here.database, epoch)


async def test_one_that_fired_names_its_task(here: Installation, epoch: int) -> None:
    await make_schedule(here)
    await tick(here, epoch, 1.05)
    told = await why(here)
    [(task_id,)] = await here.query("SELECT id FROM rowlock.tasks_live")
    assert (told.code, told.window_at, told.task_id) == ("fired", minute(1), task_id)
    assert f"epoch {epoch}, 3.0 s after" in told.explanation
    assert f"rowlock tasks show {task_id}" in told.advice
    await backfill(here.database, TENANT, "report", since=minute(-1), until=minute(-1), actor=OPERATOR)
    assert "by a backfill" in (await why(here, minute(-1))).explanation


@pytest.mark.parametrize(
    ("code", "options", "at", "window"),
    [
        ("missed", {"missed_run_policy": "skip"}, 10, 5),
        ("superseded", {"missed_run_policy": "latest_only"}, 10, 9),
        ("beyond_max_catch_up", {"missed_run_policy": "catch_up", "max_catch_up": 3}, 10, 5),
        ("beyond_catch_up_window", {"missed_run_policy": "catch_up", "catch_up_window": 180}, 10, 5),
        ("superseded", {"missed_run_policy": "latest_only"}, 20_000, 10_000),
    ],
)
async def test_one_that_was_skipped_names_the_policy(
    here: Installation, epoch: int, *, code: str, options: dict[str, object], at: int, window: int
) -> None:
    await make_schedule(here, **options)
    await tick(here, epoch, at)
    told = await why(here, minute(window))
    assert (told.code, told.task_id) == (code, None)
    assert "It was skipped at" in told.explanation
    assert f"rowlock schedules backfill report --since {minute(window).isoformat()}" in told.advice


async def test_one_that_was_skipped_for_overlap(here: Installation, epoch: int) -> None:
    await make_schedule(here, overlap_policy="skip")
    await trigger_now(here.database, TENANT, "report", actor=OPERATOR)
    await tick(here, epoch, 1)
    told = await why(here)
    assert told.code == "overlap"
    assert "a task of the schedule that was still live" in told.explanation


async def test_one_that_a_later_one_took_the_place_of_names_no_live_task_for_certain(
    here: Installation, epoch: int
) -> None:
    await make_schedule(here, missed_run_policy="catch_up", overlap_policy="cancel_running")
    await tick(here, epoch, 2)
    assert (await why(here, minute(2))).code == "fired"
    told = await why(here, minute(1))
    assert (told.code, "or beside another window that was due at once" in told.explanation) == ("overlap", True)


@pytest.mark.parametrize(
    ("options", "changes", "told"),
    [
        (
            {"missed_run_policy": "catch_up", "catch_up_window": 180},
            {"catch_up_window": None},
            "longer ago than the catch-up window reached back at that time.",
        ),
        (
            {"missed_run_policy": "skip"},
            {"missed_run_policy": "catch_up", "misfire_grace": 7},
            "the missed-run policy was skip at that time.",
        ),
        ({}, {"missed_run_policy": "catch_up"}, "the missed-run policy was latest_only at that time."),
        (
            {"missed_run_policy": "catch_up", "max_catch_up": 3},
            {"max_catch_up": 77},
            "more windows were missed than max_catch_up allowed at that time, and this one was not among the latest.",
        ),
    ],
)
async def test_a_reason_stays_true_when_the_policy_is_changed(
    here: Installation, epoch: int, *, options: dict[str, object], changes: dict[str, object], told: str
) -> None:
    await make_schedule(here, **options)
    await tick(here, epoch, 10)
    before = await why(here, minute(5))
    await update_schedule(here.database, TENANT, "report", changes, actor=OPERATOR)
    assert await why(here, minute(5)) == before
    assert before.explanation.endswith(told)


async def test_one_that_is_not_due_yet_also_by_its_jitter(here: Installation, epoch: int) -> None:
    schedule = await make_schedule(here, jitter=59)
    due_at = schedule.next_at
    assert due_at is not None
    assert (await why(here)).window_at == minute(1)
    await tick(here, epoch, 1)
    told = await why(here, minute(1))
    assert (told.code, str(due_at) in told.explanation) == ("not_due", True)
    await set_clock(here, due_at)
    await fire_due(here.database, epoch)
    assert (await why(here, minute(1))).code == "fired"


async def test_one_of_a_pause(here: Installation, epoch: int) -> None:
    await make_schedule(here)
    await pause_schedule(here.database, TENANT, "report", actor=OPERATOR)
    await set_clock(here, minute(200))
    told = await why(here, minute(150))
    assert told.code == "paused"
    assert "paused since 2026-03-02 12:00:00+00:00 by cli:ann" in told.explanation
    assert "rowlock schedules resume report" in told.advice
    await resume_schedule(here.database, TENANT, "report", actor=OPERATOR)
    for window in (150, 3):
        told = await why(here, minute(window))
        assert (told.code, "It was skipped" in told.explanation) == ("paused", True)


async def test_one_before_the_schedule_was_made_or_changed(here: Installation, epoch: int) -> None:
    await make_schedule(here, cron="0 * * * *")
    assert (await why(here, minute(-60))).code == "before_creation"
    await set_clock(here, minute(30))
    await update_schedule(here.database, TENANT, "report", {"cron": "*/10 * * * *"}, actor=OPERATOR)
    assert (await why(here, minute(20))).code == "before_change"
    await set_clock(here, minute(90))
    await update_schedule(here.database, TENANT, "report", {"cron": "* * * * *"}, actor=OPERATOR)
    assert (await why(here, minute(50))).code == "schedule_changed"


async def test_one_that_is_older_than_the_records(here: Installation, epoch: int) -> None:
    await make_schedule(here, cron="0 * * * *")
    await tick(here, epoch, 60)
    await set_clock(here, minute(60) + timedelta(days=400))
    assert (await why(here, minute(60))).code == "fired"
    await here.query("DELETE FROM rowlock.schedule_windows")
    assert (await why(here, minute(60))).code == "before_change"
    await set_clock(here, minute(61) + timedelta(days=400))
    told = await why(here, minute(60))
    assert (told.code, told.advice) == ("before_records", "")
    assert "kept for 400 days" in told.explanation
    made_later = await why(here, minute(-60))
    assert (made_later.code, made_later.advice) == ("before_creation", "")
    assert (await why(here, minute(120))).code == "scheduler_absent"


async def test_one_outside_of_the_bounds(here: Installation, epoch: int) -> None:
    await make_schedule(here, starts_at=minute(10), ends_at=minute(20))
    assert (await why(here, minute(9))).code == "before_start"
    assert (await why(here, minute(10))).code == "not_due"
    assert (await why(here, minute(21))).code == "after_end"


async def test_an_instant_that_is_no_window_has_neighbours(here: Installation, epoch: int) -> None:
    await make_schedule(here, cron="0 9 * * *", timezone="Europe/Berlin")
    told = await why(here, "2026-03-05T09:30")
    assert (told.code, told.window_at.isoformat()) == ("not_a_window", "2026-03-05T08:30:00+00:00")
    assert "At 09:00 (Europe/Berlin)" in told.explanation
    assert told.advice == "Its nearest windows: 2026-03-05 08:00:00+00:00 and 2026-03-06 08:00:00+00:00."
    assert (await why(here, "2026-03-05T09:00")).code == "not_due"


async def test_one_that_is_due_while_nobody_leads_or_the_leader_lags(here: Installation) -> None:
    await set_clock(here, NOON)
    await make_schedule(here)
    await set_clock(here, minute(1))
    assert "none has ever led" in (await why(here)).explanation
    await new_epoch(here, "host:1:abc")
    assert (await why(here)).code == "due"
    await set_clock(here, minute(1) + timedelta(seconds=8))
    lagging = await why(here)
    assert (lagging.code, "host:1:abc" in lagging.explanation) == ("scheduler_lagging", True)
    await set_clock(here, minute(1) + timedelta(seconds=20))
    absent = await why(here)
    assert (absent.code, "rowlock scheduler" in absent.advice) == ("scheduler_absent", True)


async def test_a_rule_that_cannot_be_read(here: Installation, epoch: int) -> None:
    await make_schedule(here)
    await here.query("UPDATE rowlock.schedules SET timezone = 'Mars/Olympus'")
    assert (await why(here)).code == "unreadable_rule"


async def test_what_cannot_be_asked(here: Installation, epoch: int) -> None:
    await make_schedule(here)
    with pytest.raises(InvalidArgument) as refused:
        await why(here, "yesterday")
    assert refused.value.detail["field"] == "window"
    with pytest.raises(NotFound):
        await explain_window(here.database, "acme", "report")
    assert (await get_schedule(here.database, TENANT, "report")).cursor_at == NOON
