"""A leader that freezes while PostgreSQL still tells it what it fired: its statement is open, and holds the epoch."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.harness.eventually import eventually
from tests.harness.installation import TENANT, Installation, settings_for
from tests.harness.proxy import Proxy
from tests.harness.schedules import NOON, fired, new_epoch, set_clock

from rowlock.engine.elect import Candidate
from rowlock.engine.fire import fire_due
from rowlock.engine.fire_decisions import decide
from rowlock.store import windows
from rowlock.store.database import Database

SCHEDULES, WINDOWS = 100, 100  # the reply to all of these fits into no socket's buffer


async def test_the_next_leader_ends_the_statement_and_fires_what_it_had_not(
    here: Installation, database_url: str
) -> None:
    await here.query(
        "INSERT INTO rowlock.schedules (id, tenant_id, name, trigger_kind, expression, cursor_at, next_at, task_name,"
        " missed_run_policy) SELECT rowlock.new_id(), %(tenant)s, 's' || n, 'cron', '* * * * *', %(noon)s, %(noon)s,"
        " 't', 'catch_up' FROM generate_series(1, %(schedules)s) AS n",
        {"tenant": TENANT, "noon": NOON, "schedules": SCHEDULES},
    )
    await set_clock(here, NOON + timedelta(minutes=WINDOWS))
    former = await new_epoch(here, "former")
    advances, _ = decide(await windows.due_schedules(here.database, limit=SCHEDULES), WINDOWS)
    async with Proxy(database_url) as network, Database(settings_for(network.url)) as frozen:
        link = await frozen.own_link("frozen")
        network.delay(3_600)
        writing = asyncio.create_task(windows.fire_windows(link, former, advances))
        await eventually(lambda: _stuck(here))
        candidate = Candidate(here.database, poll_seconds=0.2)
        epoch = await candidate.stand()
        assert epoch == former + 1
        report = await fire_due(here.database, epoch)
        await candidate.step_down()
        await network.refuse()
        await asyncio.gather(writing, return_exceptions=True)
    assert report.fired == SCHEDULES * WINDOWS
    assert len(await fired(here)) == SCHEDULES * WINDOWS


async def _stuck(here: Installation) -> bool:
    [(count,)] = await here.query(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'ClientWrite'"
    )
    return bool(count)
