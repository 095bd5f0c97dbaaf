"""Partitions come and go while attempts end: neither side waits for the other, and nothing is lost between them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.harness.installation import Installation, installation
from tests.harness.partitions import make_partition, partitions

from rowlock.engine.retain import maintain
from rowlock.store import leases

pytestmark = pytest.mark.all_partitions


async def complete(here: Installation, task: leases.ClaimedTask) -> set[int]:
    return await leases.complete(here.database, [task.id], [task.lease_token])


async def test_an_attempt_that_ends_meets_a_partition_that_goes(database_url: str) -> None:
    async with installation(database_url) as here:
        old = {await make_partition(here, parent, days_ago=40) for parent in ("tasks", "executions")}
        ids = [await here.enqueue() for _ in range(12)]
        first, *others = await here.claim(12)
        await here.move_clock(timedelta(days=1))  # so that partitions have to come, too
        slow = await here.database.own_link("slow finish")
        async with slow.transaction():
            assert await leases.complete(slow, [first.id], [first.lease_token]) == {first.lease_token}
            round_one = asyncio.create_task(maintain(here.database))
            accepted = [await complete(here, task) for task in others]
            report = await round_one
        await slow.close()
        assert accepted == [{task.lease_token} for task in others]
        assert report.made > 0
        assert "partitions ahead" not in [what for what, _ in report.postponed]
        await maintain(here.database)
        assert not old & (await partitions(here, "tasks") | await partitions(here, "executions"))
        assert [(await here.task(task_id)).status for task_id in ids] == ["succeeded"] * 12
        assert await here.query("SELECT count(*) FROM rowlock.executions") == [(12,)]
