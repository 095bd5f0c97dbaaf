"""Maintenance: partitions come and go, and whoever reads, writes or maintains at the same time is left in peace."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.docs.pages import REPOSITORY, Page
from tests.harness.installation import Installation
from tests.harness.partitions import make_partition, name_of, partitions, report_on, tables, today
from tests.harness.schedules import make_schedule, new_epoch

from rowlock.engine import retain
from rowlock.engine.fire import fire_due
from rowlock.engine.retain import maintain
from rowlock.store import leases
from rowlock.store.maintenance import days_ahead

pytestmark = pytest.mark.all_partitions
DAY = timedelta(days=1)


async def test_a_fresh_installation_has_nothing_to_do(here: Installation) -> None:
    report = await maintain(here.database)
    assert (report.made, report.dropped, report.postponed) == (0, [], [])
    assert report.days_ahead == 14


async def test_partitions_are_made_as_days_go_by(here: Installation) -> None:
    begun = await today(here)
    await here.move_clock(3 * DAY)
    report = await maintain(here.database)
    assert report.made >= 6
    assert report.days_ahead == 14
    assert name_of("tasks", begun + (3 + 30 + 14) * DAY) in await partitions(here, "tasks")
    assert name_of("executions", begun + 17 * DAY) in await partitions(here, "executions")
    last = name_of("tasks", begun + (3 + 30 + 14) * DAY)
    assert await here.query(f"SELECT indisvalid FROM pg_index WHERE indexrelid = 'rowlock.{last}_dead'::regclass") == [
        (True,)
    ]


async def test_what_finished_long_ago_goes_with_its_partition_and_what_lives_stays(here: Installation) -> None:
    done, live = await here.enqueue(), await here.enqueue(delay=365 * DAY)
    [task] = await here.claim()
    assert task.id == done
    await leases.complete(here.database, [task.id], [task.lease_token])
    begun = await today(here)
    await here.move_clock(7 * DAY)
    await maintain(here.database)
    assert (await here.task(done)).status == "succeeded"  # its last day has only begun
    await here.move_clock(8 * DAY)
    report = await maintain(here.database)
    assert name_of("tasks", begun + 7 * DAY) in report.dropped
    assert await here.query("SELECT id FROM rowlock.tasks") == [(live,)]
    assert (await here.query("SELECT count(*) FROM rowlock.executions")) == [(1,)]
    await here.move_clock(32 * DAY)
    await maintain(here.database)
    assert (await here.query("SELECT count(*) FROM rowlock.executions")) == [(0,)]


async def test_a_day_that_is_emptied_by_hand_as_the_runbook_says_is_missed_by_nobody(here: Installation) -> None:
    await here.enqueue()
    kept = await here.enqueue(delay=365 * DAY)
    [task] = await here.claim()
    await leases.complete(here.database, [task.id], [task.lease_token])
    begun = await today(here)
    days = {"tasks": f"{begun + 7 * DAY:%Y%m%d}", "executions": f"{begun:%Y%m%d}"}
    path = REPOSITORY / "ops/runbooks/disk-full.md"
    by_hand = [block.text for block in Page(path, path.read_text()).blocks if "_YYYYMMDD" in block.text]
    assert len(by_hand) == 2
    link = await here.database.own_link("psql")
    for text in by_hand:
        for parent, day in days.items():
            text = text.replace(f"{parent}_YYYYMMDD", f"{parent}_{day}")  # noqa: PLW2901 - two blanks to fill in
        await link.connection.execute(text.encode())
    await link.close()
    assert await here.query("SELECT id FROM rowlock.tasks") == [(kept,)]
    assert await here.query("SELECT count(*) FROM rowlock.executions") == [(0,)]
    report = await maintain(here.database)
    assert (report.made, report.dropped, report.postponed) == (0, [], [])
    again = await here.enqueue()  # and one that finishes now is filed under the same day
    [task] = await here.claim()
    assert await leases.complete(here.database, [task.id], [task.lease_token])
    assert (await here.task(again)).status == "succeeded"
    await here.move_clock(8 * DAY)
    assert name_of("tasks", begun + 7 * DAY) in (await maintain(here.database)).dropped


async def test_the_runbook_counts_the_days_that_the_alert_counts(here: Installation) -> None:
    await here.query("INSERT INTO rowlock.queues (tenant_id, name, retention_dead_days) VALUES ('default', 'slow', 41)")
    path = REPOSITORY / "ops/runbooks/partitions-ahead-low.md"
    [text] = [block.text for block in Page(path, path.read_text()).blocks if "partition_horizon" in block.text]
    [query, *_] = text.split(";")
    days = {parent: days for parent, _, days in await here.query(query)}
    assert days == {"tasks": 3, "executions": 14, "steps": 14}
    async with here.database.link() as link:
        assert await days_ahead(link) == 3


async def test_ledgers_are_kept_for_more_than_a_year(here: Installation) -> None:
    old = [await make_partition(here, parent, 450) for parent in ("schedule_windows", "audit_log")]
    kept = [await make_partition(here, parent, 390) for parent in ("schedule_windows", "audit_log")]
    report = await maintain(here.database)
    assert sorted(report.dropped) == sorted(old)
    assert set(kept) <= await tables(here)


async def test_a_longer_retention_of_a_queue_keeps_attempts_as_long(here: Installation) -> None:
    await here.query(
        "INSERT INTO rowlock.queues (tenant_id, name, retention_dead_days) VALUES ('default', 'slow', 100)"
    )
    kept = await make_partition(here, "executions", 90)
    gone = await make_partition(here, "executions", 110)
    report = await maintain(here.database)
    assert report.dropped == [gone]
    assert kept in await partitions(here, "executions")


async def test_a_report_delays_maintenance_and_nothing_else(here: Installation) -> None:
    old = await make_partition(here, "tasks", 3)
    older = await make_partition(here, "tasks", 4)
    await make_schedule(here, cron="* * * * * *", allow_seconds=True, queue="scheduled")
    epoch = await new_epoch(here)
    async with report_on(here, "tasks", "executions", "schedule_windows", "audit_log"):
        maintaining = asyncio.create_task(maintain(here.database))
        rounds = 0
        while not maintaining.done():  # the whole life of tasks goes on meanwhile
            task_id = await here.enqueue()
            async with asyncio.timeout(2):
                [task] = await here.claim()
                assert await leases.complete(here.database, [task.id], [task.lease_token])
                await fire_due(here.database, epoch)
            assert (await here.task(task_id)).status == "succeeded"
            rounds += 1
        report = await maintaining
        assert report.dropped == []
        assert {what for what, _ in report.postponed} == {old, older}
        assert rounds > 1
    again = await maintain(here.database)
    assert set(again.dropped) == {old, older}
    assert again.postponed == []
    assert not {old, older} & await tables(here)


async def test_a_report_on_the_audit_log_delays_new_partitions_and_no_writer(here: Installation) -> None:
    await here.move_clock(32 * DAY)  # new months are wanted, and attaching one takes the default partition
    async with report_on(here, "audit_log"):
        report = await maintain(here.database)
        assert [what for what, _ in report.postponed][:1] == ["partitions ahead"]
        assert report.made == 0
        await make_schedule(here)
    assert (await maintain(here.database)).made > 0


async def test_two_rounds_at_once_do_the_work_once(here: Installation) -> None:
    old = [await make_partition(here, "tasks", days) for days in (2, 3, 4)]
    reports = await asyncio.gather(*(maintain(here.database) for _ in range(3)))
    assert sorted(name for report in reports for name in report.dropped) == sorted(old)
    assert not set(old) & await tables(here)


async def test_expired_idempotency_keys_are_forgotten_in_batches(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retain, "ROWS_PER_BATCH", 10)
    for n in range(25):
        await here.enqueue(idempotency_key=f"k{n}", idempotency_ttl=timedelta(hours=1))
    kept = await here.enqueue(idempotency_key="later", idempotency_ttl=timedelta(days=2))
    await here.move_clock(timedelta(hours=2))
    assert (await maintain(here.database)).keys_forgotten == 25
    assert await here.enqueue(idempotency_key="later", idempotency_ttl=timedelta(days=2)) == kept


EXPIRED = {
    "idempotency keys": "INSERT INTO rowlock.idempotency_keys (tenant_id, key, request_hash, task_id, expires_at)"
    " SELECT 'default', 'k' || n, '', rowlock.new_id(), now() - interval '1 hour' FROM generate_series(1, 25) AS n",
    "schedule windows": "INSERT INTO rowlock.schedule_windows"
    " (schedule_id, window_at, tenant_id, outcome, epoch, recorded_at)"
    " SELECT rowlock.new_id(), now() - interval '600 days', 'default', 'fired', 1, now() - interval '500 days'"
    " FROM generate_series(1, 25)",
    "schedule orders": "INSERT INTO rowlock.schedule_orders"
    " (schedule, action, arguments, actor, settled_at, outcome)"
    " SELECT 's', 'change', '{}', 'ada', now() - interval '9 days', 'done' FROM generate_series(1, 25)",
}


@pytest.mark.parametrize("what", EXPIRED)
async def test_what_a_round_has_no_time_to_forget_is_postponed_and_said(
    here: Installation, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """So that the leader comes again within a minute, and not in an hour, by when there are more than before."""
    monkeypatch.setattr(retain, "ROWS_PER_BATCH", 10)
    monkeypatch.setattr(retain, "FORGET_SECONDS", 0)
    await here.query(EXPIRED[what])
    reports = [await maintain(here.database) for _ in range(3)]
    assert [[kind for kind, _ in report.postponed] for report in reports] == [[what], [what], []]
    forgotten = [(report.keys_forgotten, report.windows_forgotten, report.orders_forgotten) for report in reports]
    assert [sum(counts) for counts in forgotten] == [10, 10, 5]


async def test_however_much_has_expired_is_forgotten_while_there_is_time(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retain, "ROWS_PER_BATCH", 1)
    await here.query(EXPIRED["idempotency keys"].replace("25", "250"))
    report = await maintain(here.database)
    assert (report.keys_forgotten, report.postponed) == (250, [])


async def test_workers_long_gone_and_windows_without_a_month_are_forgotten(here: Installation) -> None:
    await here.query(
        "INSERT INTO rowlock.workers (name, hostname, pid, version, queues, concurrency, expires_at, stopped_at)"
        " SELECT 'w' || n, 'h', 1, '1', '{}', 1, now(), now() - make_interval(days => n)"
        " FROM generate_series(5, 10) AS n"
    )
    await here.query(
        "INSERT INTO rowlock.schedule_windows (schedule_id, window_at, tenant_id, outcome, epoch, recorded_at)"
        " SELECT rowlock.new_id(), now() - interval '600 days', 'default', 'fired', 1,"
        "        now() - make_interval(days => days)"
        " FROM unnest(ARRAY[401, 500, 399]) AS days"
    )
    report = await maintain(here.database)
    assert (report.workers_forgotten, report.windows_forgotten) == (4, 2)
