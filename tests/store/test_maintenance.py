"""Partitions that are half-way out, and locks that are not waited for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

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
