"""Schedules in SQL: what a person does with psql is what the other entrances do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import NOON, audited, fired, make_schedule, new_epoch, outcomes, set_clock

from rowlock.domain.errors import InvalidArgument, NotFound, RowlockError
from rowlock.engine import schedule_orders as schedule_orders_engine
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
    '{"cron": "@daily", "payload_version": 0}': "payload_version",
    '{"cron": "@daily", "payload_version": "2"}': "payload_version",
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


async def versions(here: Installation) -> dict[str, int]:
    """The version of each schedule's payload."""
    return {one.name: one.payload_version for one in await list_schedules(here.database, TENANT)}


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


async def test_an_order_has_the_registered_version_of_the_payload_or_its_own(here: Installation) -> None:
    await here.query(
        "INSERT INTO rowlock.handlers (name, queue, priority, max_attempts, executor, payload_version)"
        " VALUES ('reports.build', 'default', 2, 4, 'async', 3)"
    )
    await call(here, """create_schedule('known', 'reports.build', '{"cron": "@daily"}')""")
    await call(here, """create_schedule('told', 'reports.build', '{"cron": "@daily", "payload_version": 2}')""")
    await call(here, """create_schedule('unknown', 'elsewhere', '{"cron": "@daily"}')""")
    await carry_out_orders(here.database)
    assert await versions(here) == {"known": 3, "told": 2, "unknown": 1}
    await call(here, """change_schedule('known', '{"payload_version": 1}')""")
    await call(here, """change_schedule('told', '{"payload": {"a": 1}}')""")
    await call(here, """change_schedule('unknown', '{"task_name": "reports.build"}')""")
    await carry_out_orders(here.database)
    assert await versions(here) == {"known": 1, "told": 3, "unknown": 3}


async def test_a_wrong_order_is_refused_with_field_and_reason_and_nothing_is_stored(here: Installation) -> None:
    for options in WRONG:
        await call(here, f"create_schedule('report', 'reports.build', '{options}')")
    report = await carry_out_orders(here.database)
    assert (report.done, report.refused) == (0, len(WRONG))
    told = await settled(here)
    assert [(outcome, field) for outcome, field, _ in told] == [("refused", field) for field in WRONG.values()]
    assert all(explanation.endswith(".") for _, _, explanation in told)
    assert await list_schedules(here.database, TENANT) == []


async def test_a_priority_is_a_word_or_its_number_as_everywhere(here: Installation) -> None:
    for name, priority in (("word", '"high"'), ("number", "1")):
        await call(
            here, f"create_schedule('{name}', 'reports.build', '{{\"cron\": \"@daily\", \"priority\": {priority}}}')"
        )
    await carry_out_orders(here.database)
    assert [schedule.priority for schedule in await list_schedules(here.database, TENANT)] == [1, 1]


async def test_a_person_s_pause_outlasts_that_of_a_sync(here: Installation) -> None:
    """Which the next sync would end that finds the schedule declared again."""
    await make_schedule(here)
    pauses = [
        await call(here, f"pause_schedule('report', actor => '{actor}')") for actor in ("sync", "ann", "sync", "bob")
    ]
    assert pauses == [True, False, False, False]
    assert (await get_schedule(here.database, TENANT, "report")).paused_by == "ann"
    acts = await here.query("SELECT actor FROM rowlock.audit_log WHERE action = 'schedule.pause' ORDER BY at")
    assert acts == [("sync",), ("ann",)]


async def test_a_paused_schedule_is_not_late(here: Installation) -> None:
    await make_schedule(here)
    late = "SELECT lag_seconds > 0 FROM rowlock.schedule_status"
    await here.query("UPDATE rowlock.schedules SET next_at = rowlock.clock() - interval '1 day'")
    assert await here.query(late) == [(True,)]
    await call(here, "pause_schedule('report')")
    assert await here.query(late) == [(False,)]


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


UNREADABLE = (
    '{"interval_seconds": 1e400}',
    '{"interval_seconds": 60, "payload": {"n": 18446744073709551616}}',
    f'{{"cron": "@daily", "payload": {{"a": {"[" * 70}{"]" * 70}}}}}',
    f'{{"cron": "@daily", "payload": {{"a": {"[" * 2_000}{"]" * 2_000}}}}}',
)


async def test_an_order_that_no_other_entrance_could_read_is_refused_and_holds_up_none(here: Installation) -> None:
    for options in UNREADABLE:
        await call(here, f"create_schedule('report', 'reports.build', '{options}')")
    exact = 2**64 - 1
    await call(
        here, f"""create_schedule('report', 'reports.build', '{{"cron": "@daily", "payload": {{"n": {exact}}}}}')"""
    )
    report = await carry_out_orders(here.database)
    assert (report.done, report.refused) == (1, len(UNREADABLE))
    *refused, _ = await settled(here)
    for outcome, _, explanation in refused:
        assert outcome == "refused"
        assert "Send numbers beyond 64 bits as text, and nest at most 64 levels deep." in explanation
    assert (await get_schedule(here.database, TENANT, "report")).payload == {"n": exact}


@pytest.mark.parametrize("tenant", ["acme/x", "Acme", "*", ""])
async def test_a_tenant_that_no_other_entrance_takes_is_refused(here: Installation, tenant: str) -> None:
    options = """'{"cron": "@daily"}'"""
    for function in (
        f"create_schedule('report', 'reports.build', {options}, '{tenant}')",
        f"change_schedule('report', {options}, '{tenant}')",
        f"backfill_schedule('report', '{NOON - HOUR}', '{NOON}', '{tenant}')",
    ):
        with pytest.raises(InvalidArgument, match=r"tenant_id .* must be 1 to 63 lower-case letters"):
            await call(here, function)
    await here.query(
        "INSERT INTO rowlock.schedule_orders (tenant_id, schedule, action, arguments, actor)"
        f" VALUES (%(tenant)s, 'report', 'create', {options}::jsonb || '{{\"task_name\": \"t\"}}', 'ann')",
        {"tenant": tenant},
    )
    assert (await carry_out_orders(here.database)).refused == 1
    assert [field for _, field, _ in await settled(here)] == ["tenant_id"]
    assert await list_schedules(here.database, tenant) == []


@pytest.mark.parametrize("by", ["SELECT rowlock.pause_schedule('held')", "SELECT rowlock.delete_schedule('held')"])
async def test_orders_for_a_schedule_that_is_held_are_left_and_hold_up_none(
    here: Installation, database_url: str, monkeypatch: pytest.MonkeyPatch, by: LiteralString
) -> None:
    monkeypatch.setattr(schedule_orders_engine, "ORDERS_PER_ROUND", 2)
    for name in ("held", "free"):
        await make_schedule(here, name)
    for queue in ("one", "two"):
        await call(here, f"""change_schedule('held', '{{"queue": "{queue}"}}')""")
    await call(here, f"backfill_schedule('held', '{NOON - HOUR}', '{NOON}')")
    await call(here, """change_schedule('free', '{"queue": "one"}')""")
    await call(here, f"backfill_schedule('free', '{NOON - 2 * MINUTE}', '{NOON}')")
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute(by)
        report = await carry_out_orders(here.database)
        assert (report.done, report.refused, report.left) == (2, 0, 3)
        await other.rollback()
    assert (await carry_out_orders(here.database)).done == 2
    assert (await carry_out_orders(here.database)).done == 1
    assert (await get_schedule(here.database, TENANT, "held")).queue == "two"


@pytest.mark.parametrize("action", ["create", "backfill"])
async def test_an_order_that_meets_a_lock_on_its_way_is_left(
    here: Installation, database_url: str, action: str
) -> None:
    if action == "backfill":
        await make_schedule(here, "held")
        await call(here, f"backfill_schedule('held', '{NOON - 2 * MINUTE}', '{NOON}')")
    else:
        await call(here, """create_schedule('held', 't', '{"cron": "@daily"}')""")
    await call(here, """create_schedule('free', 't', '{"cron": "@daily"}')""")
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        if action == "backfill":
            await other.execute("SELECT rowlock.pause_schedule('held')")
        else:
            await other.execute(
                "INSERT INTO rowlock.schedules (id, name, trigger_kind, expression, task_name)"
                " VALUES (rowlock.new_id(), 'held', 'cron', '@daily', 't')"
            )
        report = await carry_out_orders(here.database)
        assert (report.done, report.refused, report.left) == (1, 0, 1)
        await other.rollback()
    assert (await carry_out_orders(here.database)).done == 1
