"""Outcomes of tasks that another transaction has locked: they wait for its end, and nothing else waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from tests.engine.test_finish import Heard, claimed
from tests.harness.eventually import eventually
from tests.harness.installation import Installation, installation
from tests.harness.pooler import pooler

from rowlock.engine.finish import Finisher
from rowlock.engine.writing import Ending, Way
from rowlock.store.leases import ClaimedTask, FailedAttempt

LOCK = "SELECT FROM rowlock.tasks_live WHERE id = ANY (%(ids)s) FOR UPDATE"


@asynccontextmanager
async def locked(here: Installation, ids: Sequence[UUID]) -> AsyncIterator[None]:
    """An application's transaction that has locked these tasks, for the length of the block."""
    async with here.database.link() as link, link.transaction():
        await link.query(LOCK, {"ids": list(ids)})
        yield


@asynccontextmanager
async def finishing(here: Installation, heard: Heard, batch: int = 100) -> AsyncIterator[Finisher]:
    made = Finisher(
        here.database, lambda: 1, batch=batch, settled=heard.settle, troubled=heard.troubles.append, well=heard.recover
    )
    running = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.wait([running])


def ending(task: ClaimedTask, way: Way) -> Ending:
    said = FailedAttempt(task.id, task.lease_token, "failed", "error", "no", None, 60)
    return Ending(task, way, result="5", said=None if way in (Way.COMPLETE, Way.RELEASE) else said)


async def flushed(finisher: Finisher) -> None:
    async with asyncio.timeout(20):
        await finisher.flushed()


@pytest.mark.parametrize("way", Way)
async def test_by_whatever_way_it_ends_it_is_written_when_the_lock_is_gone(here: Installation, way: Way) -> None:
    heard = Heard()
    in_the_way, *others = await claimed(here, 5)
    async with finishing(here, heard) as finisher:
        async with locked(here, [in_the_way.id]):
            for task in (in_the_way, *others):
                finisher.put(ending(task, way))
            await eventually(lambda: len(heard.settled) == len(others))
            assert len(finisher) == 1
        await flushed(finisher)
    assert heard.accepted == {task.lease_token for task in (in_the_way, *others)}
    assert [one.task.id for one in heard.settled][-1] == in_the_way.id
    assert heard.troubles == []


async def test_those_that_come_later_are_written_while_many_are_locked(here: Installation) -> None:
    """By several transactions, which end one after the other."""
    heard = Heard()
    tasks = await claimed(here, 40)
    first, second, others = tasks[:10], tasks[10:20], tasks[20:]
    async with finishing(here, heard, batch=8) as finisher:
        async with locked(here, [task.id for task in first]):
            async with locked(here, [task.id for task in second]):
                for task in tasks:
                    finisher.put(ending(task, Way.COMPLETE))
                await eventually(lambda: len(heard.settled) == len(others))
                late = await claimed(here, 3)
                for task in late:
                    finisher.put(ending(task, Way.COMPLETE))
                await eventually(lambda: len(heard.settled) == len(others) + len(late))
            await eventually(lambda: len(heard.settled) == len(others) + len(late) + len(second))
            assert len(finisher) == len(first)
        await flushed(finisher)
    assert heard.accepted == {task.lease_token for task in (*tasks, *late)}
    assert heard.troubles == []


async def test_one_whose_lease_was_taken_meanwhile_is_told_as_lost(here: Installation) -> None:
    heard = Heard()
    (task,) = await claimed(here, 1)
    async with finishing(here, heard) as finisher:
        async with here.database.link() as link, link.transaction():
            await link.query("UPDATE rowlock.tasks_live SET lease_token = -1")
            finisher.put(ending(task, Way.COMPLETE))
            await eventually(lambda: _waits_for_a_lock(here))
        await flushed(finisher)
    assert (len(heard.settled), heard.accepted) == (1, set())


async def test_nothing_is_different_behind_a_pooler(database_url: str) -> None:
    heard = Heard()
    async with pooler(database_url) as url, installation(url) as here:
        in_the_way, other = await claimed(here, 2)
        async with finishing(here, heard) as finisher:
            async with locked(here, [in_the_way.id]):
                for task in (in_the_way, other):
                    finisher.put(ending(task, Way.COMPLETE))
                await eventually(lambda: heard.accepted == {other.lease_token})
            await flushed(finisher)
    assert heard.accepted == {in_the_way.lease_token, other.lease_token}


async def _waits_for_a_lock(here: Installation) -> bool:
    rows = await here.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(rows)
