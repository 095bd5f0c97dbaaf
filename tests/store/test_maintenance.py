"""Partitions that are half-way out, and locks that are not waited for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
from tests.harness.installation import Installation, installation
from tests.harness.partitions import make_partition, partitions, report_on, tables

from rowlock.domain.errors import Conflict, DatabaseUnavailable
from rowlock.engine.retain import maintain
from rowlock.store import maintenance
from rowlock.store.maintenance import ExpiredPartition, maintenance_link

pytestmark = pytest.mark.all_partitions


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        yield made


async def expired(here: Installation) -> list[ExpiredPartition]:
    async with maintenance_link(here.database) as link:
        assert link is not None
        return await maintenance.expired_partitions(link, step_days=7, limit=10)


async def detach(here: Installation, partition: ExpiredPartition) -> None:
    async with maintenance_link(here.database) as link:
        assert link is not None
        await maintenance.detach_partition(link, partition)


async def test_expired_partitions_are_told_by_their_day(here: Installation) -> None:
    names = [await make_partition(here, "tasks", days) for days in (5, 1)]
    assert [(p.name, p.attached, p.detaching, p.parent_has_default) for p in await expired(here)] == [
        (name, True, False, False) for name in names
    ]
    [ledger] = [await make_partition(here, "audit_log", 450)]
    assert ExpiredPartition("audit_log", ledger, True, False, True) in await expired(here)


async def test_a_detachment_that_was_interrupted_is_finished(here: Installation) -> None:
    name = await make_partition(here, "tasks", 2)
    other = await make_partition(here, "tasks", 3)
    [_, first] = await expired(here)
    assert first.name == name
    async with report_on(here, "tasks"):
        with pytest.raises(DatabaseUnavailable):
            await detach(here, first)
    [half, whole] = await expired(here)
    assert (half.name, half.detaching) == (name, True)
    with pytest.raises(Conflict):
        await detach(here, whole)  # a parent takes leave of one partition at a time
    assert sorted((await maintain(here.database)).dropped) == sorted([name, other])
    assert not {name, other} & await tables(here)


async def test_a_table_left_over_from_a_drop_is_dropped(here: Installation) -> None:
    name = await make_partition(here, "executions", 60)
    [partition] = await expired(here)
    await detach(here, partition)
    assert name not in await partitions(here, "executions")
    assert [(p.name, p.attached) for p in await expired(here)] == [(name, False)]
    assert (await maintain(here.database)).dropped == [name]
    assert name not in await tables(here)


async def test_a_lock_is_not_waited_for(here: Installation) -> None:
    name = await make_partition(here, "audit_log", 450)
    async with report_on(here, "audit_log"), maintenance_link(here.database) as link:
        assert link is not None
        begun = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            await maintenance.drop_table(link, name)
        assert time.monotonic() - begun < 2


async def test_one_process_maintains_at_a_time(here: Installation) -> None:
    async with maintenance_link(here.database) as one, maintenance_link(here.database) as other:
        assert one is not None
        assert other is None
        assert [what for what, _ in (await maintain(here.database)).postponed] == ["maintenance"]


BOUNDS = """
    SELECT child.relname::text, pg_get_expr(child.relpartbound, child.oid)
      FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
     WHERE inhparent = 'rowlock.audit_log'::regclass AND child.relname ~ '[0-9]$'
     ORDER BY child.relname DESC
"""


async def cut_elsewhere(here: Installation, hours: int) -> tuple[str, str]:
    """Takes the last month away, and has the one before end so many hours after midnight; their names."""
    (last, _), (before, _), *_ = await here.query(BOUNDS)
    first = f"to_date(right('{before}', 6), 'YYYYMM')"
    await here.query(f"""
        DO $$ BEGIN
            DROP TABLE rowlock.{last};
            ALTER TABLE rowlock.audit_log DETACH PARTITION rowlock.{before};
            EXECUTE format(
                'ALTER TABLE rowlock.audit_log ATTACH PARTITION rowlock.{before} FOR VALUES FROM (%L) TO (%L)',
                {first}::timestamp AT TIME ZONE 'UTC',
                ({first} + interval '1 month') AT TIME ZONE 'UTC' + interval '{hours} hours');
        END $$""")
    return before, last


@pytest.mark.parametrize("hours", [5, -9], ids=["New York", "Tokyo"])
async def test_a_month_begins_where_the_one_before_was_made_to_end(here: Installation, hours: int) -> None:
    """It was cut by a session in another time zone."""
    before, last = await cut_elsewhere(here, hours)
    assert (await maintain(here.database)).made == 1
    bounds = dict(await here.query(BOUNDS))
    assert bounds[last].partition(" TO ")[0] == f"FOR VALUES FROM {bounds[before].partition(' TO ')[2]}"
    await here.query(f"""
        INSERT INTO rowlock.audit_log (at, tenant_id, actor, action, subject_kind, subject_id)
        SELECT to_date(right('{last}', 6), 'YYYYMM')::timestamp AT TIME ZONE 'UTC' + interval '1 hour' * hour,
               'default', 'ann', 'queue.pause', 'queue', 'mails'
          FROM generate_series(-10, 6) AS hour""")
    assert await here.query("SELECT count(*)::int FROM rowlock.audit_log_default") == [(0,)]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Africa/Cairo"])
async def test_a_session_s_time_zone_cuts_nothing(here: Installation, zone: str) -> None:
    """In Cairo there is a day without a midnight, on which summer time begins."""
    await here.query("""
        CREATE OR REPLACE FUNCTION rowlock.clock() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
            AS $$SELECT '2027-04-20 12:00+00'::timestamptz$$""")
    async with here.database.link() as link, link.transaction():
        await link.query(f"SET LOCAL timezone = '{zone}'")
        await link.query("SELECT rowlock.make_partitions(30)")
    bounds = dict(await here.query(BOUNDS))
    assert bounds["audit_log_202705"] == "FOR VALUES FROM ('2027-05-01 00:00:00+00') TO ('2027-06-01 00:00:00+00')"
    days = {f"executions_{date(2027, 4, 20) + timedelta(days=n):%Y%m%d}" for n in range(31)}
    assert days <= await partitions(here, "executions")
