"""A leadership renewed, or a schedule changed, after a tick's statement has begun and before it gets to that row.

PostgreSQL then looks at the row again in the middle of the statement. Where that is prepared, and its plan prunes
partitions as it goes, PostgreSQL 18 crashed on it as long as the statement itself locked the leader's row.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import TENANT, Installation, installation
from tests.harness.schedules import NOON, fired, new_epoch, set_clock

from rowlock.engine.fire import fire_due

MINUTE = timedelta(minutes=1)
SCHEDULES = 1_000
UNTIL_PREPARED = 6  # ticks of a statement each: psycopg prepares what it has sent five times


@pytest.fixture
async def here(database_url: str) -> AsyncIterator[Installation]:
    async with installation(database_url) as made:
        await made.query(
            "INSERT INTO rowlock.schedules (id, tenant_id, name, trigger_kind, expression, cursor_at, next_at,"
            " task_name) SELECT rowlock.new_id(), %(tenant)s, 's' || n, 'cron', '* * * * *', %(noon)s, %(noon)s, 't'"
            " FROM generate_series(1, %(schedules)s) AS n",
            {"tenant": TENANT, "noon": NOON, "schedules": SCHEDULES},
        )
        [(name,)] = await made.query("SELECT current_database()")
        await made.query(f'ALTER DATABASE "{name}" SET plan_cache_mode = force_generic_plan')
    async with installation(database_url, pool_max=1) as made:
        yield made


@pytest.mark.parametrize(
    ("meanwhile", "fires"),
    [
        ("UPDATE rowlock.leaders SET renewed_at = rowlock.clock()", SCHEDULES),
        ("SELECT rowlock.pause_schedule('s7')", SCHEDULES - 1),
        ("UPDATE rowlock.schedules SET queue = 'other' WHERE name = 's7'", SCHEDULES),
    ],
)
async def test_a_row_that_changes_under_a_tick_stops_nothing_else(
    here: Installation, database_url: str, meanwhile: str, fires: int
) -> None:
    epoch = await new_epoch(here)
    for minute in range(1, UNTIL_PREPARED + 1):
        await set_clock(here, NOON + minute * MINUTE)
        await fire_due(here.database, epoch)
    before = len(await fired(here))
    await set_clock(here, NOON + 20 * MINUTE)
    async with await psycopg.AsyncConnection.connect(database_url) as other:
        await other.execute("SELECT FROM rowlock.leaders FOR UPDATE")  # which the tick waits for, as for a new epoch
        await other.execute(meanwhile)
        tick = asyncio.create_task(fire_due(here.database, epoch))
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as watching:
            await eventually(lambda: _waits(watching))
        await other.commit()
        assert (await tick).fired == fires
    assert len(await fired(here)) == before + fires


async def _waits(watching: psycopg.AsyncConnection) -> bool:
    found = await watching.execute(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return found.rowcount > 0
