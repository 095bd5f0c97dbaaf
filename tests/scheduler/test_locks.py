"""What other transactions hold is left for the next tick: nothing else waits for it, and the leader leads on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import LiteralString

import psycopg
import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import (
    OPERATOR,
    assert_every_window_once,
    fired,
    make_schedule,
    quicken_clock,
    windows_by_schedule,
)
from tests.scheduler.test_service import enough, here, running

from rowlock.engine.elect import LEAST_SILENCE_SECONDS
from rowlock.engine.schedules import get_schedule, trigger_now
from rowlock.store.leaders import get_leader

__all__ = ["here"]

pytestmark = pytest.mark.all_partitions
MINUTE = timedelta(minutes=1)
TEN_A_SECOND = 600
CATCHING_UP = {"missed_run_policy": "catch_up", "max_catch_up": 10_000}


@asynccontextmanager
async def holding(url: str, statement: LiteralString) -> AsyncIterator[None]:
    """A transaction that has done the statement, and stays open; in the end it is taken back."""
    async with await psycopg.AsyncConnection.connect(url) as other:
        await other.execute(statement)
        yield
        await other.rollback()


async def more(here: Installation, name: str, windows: int) -> None:
    """Waits until the schedule has fired so many windows more."""
    schedule = await get_schedule(here.database, TENANT, name)
    before = len(await fired(here, schedule.id))

    async def made() -> bool:
        return len(await fired(here, schedule.id)) >= before + windows

    await eventually(made)


@pytest.mark.parametrize("act", ["SELECT rowlock.pause_schedule('held')", "SELECT rowlock.delete_schedule('held')"])
async def test_a_schedule_that_is_held_waits_alone_and_misses_nothing(here: Installation, act: LiteralString) -> None:
    await quicken_clock(here, TEN_A_SECOND)
    for name in ("held", "free"):
        await make_schedule(here, name, **CATCHING_UP)
    async with running(here.database.url, "a", "b") as services:
        await enough(here, 2, 1)
        async with holding(here.database.url, act):
            await more(here, "free", 30)
            [leader] = [one for one in services if one.leads()]
            assert leader.figure("schedule_lag_seconds") > 60
        await more(here, "held", 3)
        assert leader.service.epoch == 1
    assert_every_window_once(await windows_by_schedule(here), every=MINUTE, at_least=30)


async def test_a_task_that_is_to_give_way_and_is_held_keeps_its_own_schedule_only(here: Installation) -> None:
    await quicken_clock(here, TEN_A_SECOND)
    held = await make_schedule(here, "held", overlap_policy="cancel_running", **CATCHING_UP)
    await make_schedule(here, "free", **CATCHING_UP)
    task_id = (await trigger_now(here.database, TENANT, "held", actor=OPERATOR)).id
    async with running(here.database.url, "a") as [one]:
        async with holding(here.database.url, "SELECT rowlock.cancel(id) FROM rowlock.tasks_live"):
            await more(here, "free", 10)
            assert await fired(here, held.id) == []
        await more(here, "held", 3)
        assert one.service.epoch == 1
    assert (await here.task(task_id)).status == "cancelled"


async def test_the_leader_leads_while_its_own_statement_waits(here: Installation) -> None:
    """As a long statement would, one that waits for a table holds the leader's row: longer than a silence."""
    await quicken_clock(here, TEN_A_SECOND)
    await make_schedule(here)
    async with running(here.database.url, "a") as [one]:
        await enough(here, 1, 1)
        async with holding(here.database.url, "LOCK TABLE rowlock.schedule_windows IN SHARE MODE"):
            await eventually(lambda: _waits(here))
            since = await _renewed_at(here)
            silence = timedelta(seconds=2 * LEAST_SILENCE_SECONDS) * TEN_A_SECOND

            async def renewed() -> bool:
                return await _renewed_at(here) > since + silence

            await eventually(renewed)
            assert await _waits(here)
            assert one.service.epoch == 1
        await more(here, "report", 1)
        assert one.service.epoch == 1


async def _renewed_at(here: Installation) -> datetime:
    leader = await get_leader(here.database)
    assert leader is not None
    return leader.renewed_at


async def _waits(here: Installation) -> bool:
    [(count,)] = await here.query(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'rowlock.schedule_windows'::regclass"
    )
    return bool(count)
