"""Schedules as people deal with them: what is stored, what is refused, what moves the cursor, what is audited."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.harness.installation import TENANT, Installation
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

from rowlock.domain.errors import AlreadyExists, InvalidArgument, NotFound
from rowlock.domain.schedule_requests import schedule_request
from rowlock.engine.fire import fire_due
from rowlock.engine.previews import preview_of, preview_rule
from rowlock.engine.schedules import (
    create_schedule,
    delete_schedule,
    describe_schedule,
    get_schedule,
    list_schedules,
    list_windows,
    pause_schedule,
    resume_schedule,
    trigger_now,
    upcoming_windows,
    update_schedule,
)
from rowlock.store.tasks import get_task

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
async def noon(here: Installation) -> None:
    await set_clock(here, NOON)


async def test_a_schedule_is_stored_as_it_was_asked_for(here: Installation) -> None:
    made = await make_schedule(
        here,
        cron="0 9 * * 1-5",
        timezone="Europe/Berlin",
        payload={"to": "all"},
        timeout=30,
        tags=["mail"],
        priority="low",
    )
    assert made == await get_schedule(here.database, TENANT, "report")
    assert (made.trigger_kind, made.expression, made.timezone) == ("cron", "0 9 * * 1-5", "Europe/Berlin")
    assert (made.payload, made.timeout_seconds, made.tags, made.priority) == ({"to": "all"}, 30, ["mail"], 3)
    assert (made.cursor_at, made.source, made.paused) == (NOON, "api", False)
    assert made.next_at == NOON.replace(day=3, hour=8)
    assert upcoming_windows(made, 2) == [NOON.replace(day=3, hour=8), NOON.replace(day=4, hour=8)]
    assert describe_schedule(made) == "At 09:00, Monday through Friday (Europe/Berlin)"


async def test_a_window_that_waits_for_its_jitter_comes_first_until_it_has_fired(here: Installation) -> None:
    made = await make_schedule(here, cron="0 * * * *", jitter=3_000)
    waiting, following = upcoming_windows(made, 2)
    assert made.next_at is not None
    assert made.next_at > waiting
    await set_clock(here, made.next_at - timedelta(seconds=1))
    seen = await get_schedule(here.database, TENANT, "report")
    assert upcoming_windows(seen, 2) == [waiting, following]
    assert preview_of(seen, 1).windows == [(waiting, made.next_at)]
    await set_clock(here, made.next_at)
    await fire_due(here.database, await new_epoch(here))
    assert await fired(here, made.id) == [waiting]
    assert upcoming_windows(await get_schedule(here.database, TENANT, "report"), 1) == [following]


async def test_an_interval_counts_from_its_anchor_or_its_making(here: Installation) -> None:
    await set_clock(here, NOON + timedelta(seconds=7.25))
    free = await make_schedule(here, "free", interval=90)
    assert (free.anchor_at, free.next_at) == (NOON + timedelta(seconds=7), NOON + timedelta(seconds=97))
    bound = await make_schedule(here, "bound", interval="1h", anchor_at=NOON - timedelta(minutes=50))
    assert bound.next_at == NOON + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("rule", "window"),
    [
        ({"calendar": "1 month at 09:00"}, datetime(2026, 4, 2, 9, tzinfo=UTC)),
        ({"interval": "10d"}, datetime(2026, 4, 1, 12, tzinfo=UTC)),
    ],
)
async def test_bounds_are_held_against_windows_that_count_from_the_making(
    here: Installation, rule: dict[str, str], window: datetime
) -> None:
    around = {"starts_at": window - timedelta(hours=12), "ends_at": window + timedelta(hours=12)}
    asked = schedule_request("report", "t", **rule, **around)
    assert (await preview_rule(here.database, asked)).windows == [(window, window)]
    made = await create_schedule(here.database, TENANT, asked, actor=OPERATOR)
    assert (made.next_at, upcoming_windows(made)) == (window, [window])
    past = {"starts_at": window + timedelta(days=1), "ends_at": window + timedelta(days=2)}
    never = schedule_request("never", "t", **rule, **past)
    with pytest.raises(InvalidArgument, match="no window is left") as refused:
        await create_schedule(here.database, TENANT, never, actor=OPERATOR)
    assert refused.value.detail == {"field": "ends_at"}
    with pytest.raises(InvalidArgument, match="no window is left"):
        await update_schedule(here.database, TENANT, "report", past, actor=OPERATOR)


async def test_a_name_is_taken_once_in_a_tenant(here: Installation) -> None:
    await make_schedule(here)
    with pytest.raises(AlreadyExists):
        await make_schedule(here)
    other = await make_schedule(here, tenant="acme")
    assert other.tenant_id == "acme"
    request = schedule_request("many", "t", cron="@daily")
    made = await asyncio.gather(
        *(create_schedule(here.database, TENANT, request, actor=OPERATOR) for _ in range(5)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in made) == ["AlreadyExists"] * 4 + ["ScheduleRecord"]


async def test_another_tenants_schedule_does_not_exist(here: Installation) -> None:
    await make_schedule(here)
    for attempt in (
        get_schedule(here.database, "acme", "report"),
        update_schedule(here.database, "acme", "report", {"queue": "q"}, actor=OPERATOR),
        pause_schedule(here.database, "acme", "report", actor=OPERATOR),
        resume_schedule(here.database, "acme", "report", actor=OPERATOR),
        trigger_now(here.database, "acme", "report", actor=OPERATOR),
        list_windows(here.database, "acme", "report"),
        delete_schedule(here.database, "acme", "report", actor=OPERATOR),
        get_schedule(here.database, TENANT, "nul\0"),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await audited(here) == ["schedule.create"]


async def test_schedules_are_listed_by_name_page_by_page(here: Installation) -> None:
    for name in ("b", "d", "a", "c", "e"):
        await make_schedule(here, name)
    await make_schedule(here, "a2", tenant="acme")
    first = await list_schedules(here.database, TENANT, limit=2)
    second = await list_schedules(here.database, TENANT, past=first[-1].name, limit=2)
    third = await list_schedules(here.database, TENANT, past=second[-1].name, limit=2)
    assert ["".join(s.name for s in page) for page in (first, second, third)] == ["ab", "cd", "e"]
    with pytest.raises(InvalidArgument):
        await list_schedules(here.database, TENANT, limit=0)


async def test_a_change_that_leaves_the_rule_keeps_the_cursor(here: Installation) -> None:
    made = await make_schedule(here)
    await set_clock(here, NOON + 5 * MINUTE)
    changed = await update_schedule(
        here.database,
        TENANT,
        "report",
        {"payload": {"a": 1}, "queue": "slow", "missed_run_policy": "catch_up", "timeout": 1.5, "max_catch_up": 9},
        actor=OPERATOR,
    )
    assert (changed.cursor_at, changed.next_at, changed.id) == (made.cursor_at, made.next_at, made.id)
    assert (changed.payload, changed.queue, changed.missed_run_policy) == ({"a": 1}, "slow", "catch_up")
    assert (changed.timeout_seconds, changed.max_catch_up, changed.expression) == (1.5, 9, made.expression)
    await fire_due(here.database, await new_epoch(here))
    assert len(await fired(here)) == 5


async def test_a_change_of_rule_counts_from_now_and_skips_what_was_owed(here: Installation) -> None:
    made = await make_schedule(here, missed_run_policy="catch_up")
    await set_clock(here, NOON + 3 * MINUTE)
    changed = await update_schedule(here.database, TENANT, "report", {"interval": "1h"}, actor=OPERATOR)
    assert (changed.trigger_kind, changed.expression) == ("interval", "1h")
    assert (changed.cursor_at, changed.next_at) == (NOON + 3 * MINUTE, NOON + 60 * MINUTE)
    assert await outcomes(here, made.id) == {("skipped", "schedule_changed"): 3}
    assert (await fire_due(here.database, await new_epoch(here))).fired == 0
    assert await audited(here) == ["schedule.create", "schedule.update"]


async def test_a_change_that_changes_nothing_is_none(here: Installation) -> None:
    made = await make_schedule(here, timeout=0.1, payload={"a": [1, 2.5]}, tags=["x"])
    await set_clock(here, NOON + MINUTE)
    same = await update_schedule(
        here.database,
        TENANT,
        "report",
        {"timeout": 0.1, "payload": {"a": [1, 2.5]}, "tags": ["x"], "cron": "* * * * *"},
        actor=OPERATOR,
    )
    assert same.updated_at == made.updated_at
    assert await audited(here) == ["schedule.create"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": None}, "cron"),
        ({"interval": 0.5}, "interval"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"payload": {"a": float("nan")}}, "payload"),
        ({"name": "other"}, "name"),
        ({"cursor_at": NOON}, "cursor_at"),
    ],
)
async def test_a_refused_change_names_the_field_and_stores_nothing(
    here: Installation, changes: dict[str, object], field: str
) -> None:
    made = await make_schedule(here)
    with pytest.raises(InvalidArgument) as refused:
        await update_schedule(here.database, TENANT, "report", changes, actor=OPERATOR)
    assert refused.value.detail["field"] == field
    assert await get_schedule(here.database, TENANT, "report") == made


async def test_changes_and_ticks_at_once_lose_nothing(here: Installation) -> None:
    await make_schedule(here, cron="* * * * * *", allow_seconds=True, missed_run_policy="catch_up")
    epoch = await new_epoch(here)
    for second in range(1, 8):
        await set_clock(here, NOON + timedelta(seconds=second))
        await asyncio.gather(
            fire_due(here.database, epoch),
            *(
                update_schedule(here.database, TENANT, "report", {name: value + second}, actor=OPERATOR)
                for name, value in (("max_attempts", 1), ("max_catch_up", 10))
            ),
        )
    await fire_due(here.database, epoch)
    assert await fired(here) == [NOON + timedelta(seconds=second) for second in range(1, 8)]
    changed = await get_schedule(here.database, TENANT, "report")
    assert (changed.max_attempts, changed.max_catch_up) == (8, 17)


async def test_windows_of_a_pause_are_skipped_when_it_ends(here: Installation) -> None:
    made = await make_schedule(here, missed_run_policy="catch_up", max_catch_up=1_000)
    paused = await pause_schedule(here.database, TENANT, "report", actor=OPERATOR)
    assert (paused.paused_at, paused.paused_by) == (NOON, "cli:ann")
    assert (await pause_schedule(here.database, TENANT, "report", actor=OPERATOR)).paused_at == NOON
    await set_clock(here, NOON + 4 * MINUTE)
    resumed = await resume_schedule(here.database, TENANT, "report", actor=OPERATOR)
    assert (resumed.paused_at, resumed.paused_by) == (None, None)
    assert (resumed.cursor_at, resumed.next_at) == (NOON + 4 * MINUTE, NOON + 5 * MINUTE)
    assert (await resume_schedule(here.database, TENANT, "report", actor=OPERATOR)).cursor_at == resumed.cursor_at
    assert await outcomes(here, made.id) == {("skipped", "paused"): 4}
    await set_clock(here, NOON + 5 * MINUTE)
    assert (await fire_due(here.database, await new_epoch(here))).fired == 1
    assert await audited(here) == ["schedule.create", "schedule.pause", "schedule.resume"]
    [(detail, request_id)] = await here.query(
        "SELECT detail, request_id FROM rowlock.audit_log WHERE action = 'schedule.resume'"
    )
    assert (detail["cursor_from"], detail["cursor_to"], detail["skipped"]) == (
        "2026-03-02T12:00:00+00:00",
        "2026-03-02T12:04:00+00:00",
        4,
    )
    assert request_id == "request-1"


async def test_a_long_pause_is_accounted_for_by_one_row_and_the_newest_windows(here: Installation) -> None:
    made = await make_schedule(here)
    await pause_schedule(here.database, TENANT, "report", actor=OPERATOR)
    await set_clock(here, NOON + timedelta(days=365))
    await resume_schedule(here.database, TENANT, "report", actor=OPERATOR)
    rows = await list_windows(here.database, TENANT, "report", limit=1_000)
    assert len(rows) == 101
    assert rows[0].window_at == NOON + timedelta(days=365)
    assert rows[-1].passed_after == made.cursor_at
    assert rows[-2].window_at - rows[-1].window_at == MINUTE
    assert {row.passed_after for row in rows[:-1]} == {None}


async def test_triggering_makes_a_task_outside_the_windows(here: Installation) -> None:
    made = await make_schedule(here, payload={"a": 1}, queue="reports")
    await pause_schedule(here.database, TENANT, "report", actor=OPERATOR)
    task_id = (await trigger_now(here.database, TENANT, "report", actor=OPERATOR)).id
    task = await get_task(here.database, TENANT, task_id)
    assert (task.schedule_id, task.window_at, task.payload, task.queue) == (made.id, None, {"a": 1}, "reports")
    assert task.status == "ready"
    assert await list_windows(here.database, TENANT, "report") == []
    assert "schedule.trigger" in await audited(here)


async def test_a_deleted_schedule_fires_no_more_and_a_new_one_of_its_name_is_another(here: Installation) -> None:
    first = await make_schedule(here)
    epoch = await new_epoch(here)
    await set_clock(here, NOON + MINUTE)
    await fire_due(here.database, epoch)
    await delete_schedule(here.database, TENANT, "report", actor=OPERATOR)
    with pytest.raises(NotFound):
        await delete_schedule(here.database, TENANT, "report", actor=OPERATOR)
    second = await make_schedule(here)
    assert second.id != first.id
    assert await list_windows(here.database, TENANT, "report") == []
    await set_clock(here, NOON + 2 * MINUTE)
    await fire_due(here.database, epoch)
    assert await fired(here, first.id) == [NOON + MINUTE]
    assert await fired(here, second.id) == [NOON + 2 * MINUTE]


async def test_windows_are_listed_newest_first_page_by_page(here: Installation) -> None:
    await make_schedule(here, missed_run_policy="catch_up")
    await set_clock(here, NOON + 5 * MINUTE)
    await fire_due(here.database, await new_epoch(here))
    first = await list_windows(here.database, TENANT, "report", limit=3)
    second = await list_windows(here.database, TENANT, "report", before=first[-1].window_at, limit=3)
    assert [(row.window_at - NOON) // MINUTE for row in first + second] == [5, 4, 3, 2, 1]
    assert {row.outcome for row in first} == {"fired"}
