"""Schedules in SQL: what a person does with psql is what the other entrances do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import NOON, audited, fired, make_schedule, new_epoch, outcomes, set_clock

from rowlock.domain.errors import NotFound, RowlockError
from rowlock.engine.explain_window import explain_window
from rowlock.engine.fire import fire_due
from rowlock.engine.schedule_orders import carry_out_orders
from rowlock.engine.schedules import get_schedule, list_schedules
from rowlock.store import schedule_orders

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
WRONG = {
    '{"cron": "61 * * * *"}': "cron",
    '{"cron": "* * * * * *"}': "cron",
    '{"interval_seconds": 5}': "interval_seconds",
    '{"interval_seconds": "often"}': "interval_seconds",
    '{"cron": "@daily", "timezone": "Mars/Olympus"}': "timezone",
    '{"cron": "@daily", "missed_run_policy": "maybe"}': "missed_run_policy",
    '{"cron": "@daily", "overlap_policy": 1}': "overlap_policy",
    '{"cron": "@daily", "allow_seconds": 1}': "allow_seconds",
    '{"cron": "@daily", "max_catch_up": true}': "max_catch_up",
    '{"cron": "@daily", "ends_at": "tomorrow"}': "ends_at",
    '{"cron": "@daily", "ends_at": "2020-01-01T00:00:00Z"}': "ends_at",
    '{"cron": "@daily", "tags": "one"}': "tags",
    '{"cron": "@daily", "queue": null}': "queue",
    '{"cron": "@daily", "calendar": "1 day at 09:00"}': "cron",
}


@pytest.fixture(autouse=True)
async def noon(here: Installation) -> None:
    await set_clock(here, NOON)


async def call(here: Installation, function: str) -> Any:
    """What the function returns."""
    [(answer,)] = await here.query(f"SELECT rowlock.{function}")
    return answer


async def settled(here: Installation) -> list[tuple[str, str | None, str]]:
    """Outcome, field and explanation of each order, in order."""
    return await here.query("SELECT outcome, field, explanation FROM rowlock.schedule_orders ORDER BY number")


async def test_a_paused_schedule_stands_still_and_its_pause_is_accounted_for(here: Installation) -> None:
    schedule = await make_schedule(here, missed_run_policy="catch_up")
    epoch = await new_epoch(here)
    assert [await call(here, "pause_schedule('report', actor => 'ann')") for _ in range(2)] == [True, False]
    paused = await get_schedule(here.database, TENANT, "report")
    assert (paused.paused_at, paused.paused_by) == (NOON, "ann")
    await set_clock(here, NOON + 3 * MINUTE + MINUTE / 2)
    await fire_due(here.database, epoch)
    assert await fired(here) == []
    assert [await call(here, "resume_schedule('report')") for _ in range(2)] == [True, False]
    await fire_due(here.database, epoch)
    assert await fired(here) == []
    for minute in (1, 2, 3):
        told = await explain_window(here.database, TENANT, "report", NOON + minute * MINUTE)
        assert told.code == "paused"
    await set_clock(here, NOON + 5 * MINUTE)
    await fire_due(here.database, epoch)
    assert await fired(here) == [NOON + 4 * MINUTE, NOON + 5 * MINUTE]
    assert (await outcomes(here, schedule.id))["fired", None] == 2
    assert await audited(here) == ["schedule.create", "schedule.pause", "schedule.resume"]


async def test_a_triggered_schedule_makes_a_task_outside_its_windows(here: Installation) -> None:
    schedule = await make_schedule(here, payload={"day": 1}, queue="reports", priority="high", tags=["night"])
    await call(here, "pause_schedule('report')")
    task = await here.task(await call(here, "trigger_schedule('report')"))
    assert (task.schedule_id, task.window_at, task.name) == (schedule.id, None, "reports.build")
    assert (task.payload, task.queue, task.priority, task.tags) == ({"day": 1}, "reports", 1, ["night"])
    assert (await get_schedule(here.database, TENANT, "report")).cursor_at == schedule.cursor_at


async def test_a_deleted_schedule_is_gone_and_its_tasks_stay(here: Installation) -> None:
    schedule = await make_schedule(here)
    task_id = await call(here, "trigger_schedule('report')")
    assert await call(here, "delete_schedule('report')") == schedule.id
    with pytest.raises(NotFound):
        await get_schedule(here.database, TENANT, "report")
    assert (await here.task(task_id)).status == "ready"
    assert (await audited(here))[-1] == "schedule.delete"


async def test_another_tenant_s_schedule_is_not_there(here: Installation) -> None:
    await make_schedule(here, tenant="other")
    for function in ("pause_schedule", "resume_schedule", "trigger_schedule", "delete_schedule"):
        with pytest.raises(NotFound, match="There is no schedule report"):
            await call(here, f"{function}('report')")
        assert await call(here, f"{function}('report', 'other')") is not None


async def test_a_schedule_is_made_changed_and_backfilled_by_orders(here: Installation) -> None:
    await call(
        here,
        """create_schedule('nightly', 'reports.build', '{"cron": "0 3 * * *", "timezone": "Europe/Berlin",
           "jitter_seconds": 60, "starts_at": "2026-01-01T00:00:00+00:00", "payload": {"full": true},
           "missed_run_policy": "catch_up", "priority": "high", "timeout_seconds": 1.5, "tags": ["night"]}',
           actor => 'ann')""",
    )
    await call(here, """change_schedule('nightly', '{"cron": "0 * * * *", "starts_at": null, "queue": "slow"}')""")
    await call(here, f"backfill_schedule('nightly', '{NOON - 3 * HOUR}', '{NOON}')")
    report = await carry_out_orders(here.database)
    assert (report.done, report.refused) == (3, 0)
    assert [outcome for outcome, _, _ in await settled(here)] == ["done"] * 3
    made = await get_schedule(here.database, TENANT, "nightly")
    assert (made.expression, made.timezone, made.queue, made.starts_at) == ("0 * * * *", "Europe/Berlin", "slow", None)
    assert (made.jitter_seconds, made.timeout_seconds, made.payload) == (60, 1.5, {"full": True})
    assert (made.missed_run_policy, made.priority, made.tags) == ("catch_up", 1, ["night"])
    assert await fired(here, made.id) == [NOON - n * HOUR for n in (3, 2, 1, 0)]
    assert await audited(here, "nightly") == ["schedule.create", "schedule.update", "schedule.backfill"]
    assert (await carry_out_orders(here.database)).done == 0


async def test_a_wrong_order_is_refused_with_field_and_reason_and_nothing_is_stored(here: Installation) -> None:
    for options in WRONG:
        await call(here, f"create_schedule('report', 'reports.build', '{options}')")
    report = await carry_out_orders(here.database)
    assert (report.done, report.refused) == (0, len(WRONG))
    told = await settled(here)
    assert [(outcome, field) for outcome, field, _ in told] == [("refused", field) for field in WRONG.values()]
    assert all(explanation.endswith(".") for _, _, explanation in told)
    assert await list_schedules(here.database, TENANT) == []


async def test_what_cannot_be_ordered_is_refused_at_once(here: Installation) -> None:
    for function in (
        """create_schedule('report', 'reports.build', '{"crom": "@daily"}')""",
        "change_schedule('report', '[]')",
        "change_schedule(NULL, '{}')",
    ):
        with pytest.raises(RowlockError):
            await call(here, function)
    assert await settled(here) == []


async def test_orders_of_a_name_that_is_taken_or_absent_are_refused(here: Installation) -> None:
    await make_schedule(here)
    await call(here, """create_schedule('report', 'reports.build', '{"cron": "@daily"}')""")
    await call(here, """change_schedule('absent', '{"cron": "@daily"}')""")
    await call(here, f"backfill_schedule('absent', '{NOON - HOUR}', '{NOON}')")
    assert (await carry_out_orders(here.database)).refused == 3
    assert (await get_schedule(here.database, TENANT, "report")).expression == "* * * * *"


async def test_an_order_in_other_hands_is_left_to_them(here: Installation, database_url: str) -> None:
    """As of a former leader that was frozen half-way: its transaction ends, and the order is still there."""
    order_id = await call(here, """create_schedule('report', 'reports.build', '{"cron": "@daily"}')""")
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute("SELECT FROM rowlock.schedule_orders WHERE id = %s FOR UPDATE", (order_id,))
        assert (await carry_out_orders(here.database)).done == 0
        await other.rollback()
    assert await list_schedules(here.database, TENANT) == []
    assert (await carry_out_orders(here.database)).done == 1
    assert not await schedule_orders.settle_order(here.database, order_id, "refused", "Too late.")


async def test_settled_orders_are_forgotten_after_a_week(here: Installation) -> None:
    await call(here, """create_schedule('report', 'reports.build', '{"cron": "@daily"}')""")
    await carry_out_orders(here.database)
    await call(here, """change_schedule('report', '{"cron": "@hourly"}')""")
    await set_clock(here, NOON + timedelta(days=8))
    assert await schedule_orders.forget_orders(here.database, days=7, limit=10) == 1
    assert [outcome for outcome, _, _ in await settled(here)] == [None]
