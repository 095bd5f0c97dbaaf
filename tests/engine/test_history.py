"""An id may be used again, and each of its tasks keeps its place in the history, whatever day that is filed under."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest
from tests.harness.installation import TENANT, Installation

from rowlock.engine import operate
from rowlock.engine.finish import Finisher
from rowlock.engine.rescue import rescue_abandoned
from rowlock.engine.writing import Ending, Way
from rowlock.store import leases
from rowlock.store.leases import ClaimedTask, FailedAttempt
from rowlock.store.operations import Actor

LIVE = date(9999, 12, 31)
ME = Actor("test")


async def use_again(here: Installation, task_id: UUID, **columns: str) -> None:
    """Stores a second task under an id, as SQL can."""
    names = "".join(f", {name}" for name in columns)
    values = "".join(f", {value}" for value in columns.values())
    await here.query(
        f"INSERT INTO rowlock.tasks_live (id, name{names}) VALUES (%(id)s, 'second'{values})", {"id": task_id}
    )


async def history(here: Installation, task_id: UUID) -> list[tuple[str, str]]:
    """Names and statuses of what an id was used for, first to last."""
    rows: list[tuple[str, str]] = await here.query(
        "SELECT name, status::text FROM rowlock.tasks WHERE id = %(id)s ORDER BY finished_at", {"id": task_id}
    )
    return rows


async def days(here: Installation, task_id: UUID) -> list[date]:
    rows = await here.query(
        "SELECT expires_on FROM rowlock.tasks WHERE id = %(id)s ORDER BY finished_at", {"id": task_id}
    )
    return [day for (day,) in rows]


def said(task: ClaimedTask) -> FailedAttempt:
    return FailedAttempt(task.id, task.lease_token, "failed", "error", "no")


WAYS: dict[Way, str] = {
    Way.COMPLETE: "succeeded",
    Way.COMPLETE_WITH_RESULT: "succeeded",
    Way.BURY: "dead",
    Way.CANCEL: "cancelled",
}


@pytest.mark.parametrize("way", WAYS)
async def test_one_that_ends_on_the_day_of_another_of_its_id_holds_up_nothing(here: Installation, way: Way) -> None:
    ids = [await here.enqueue("first") for _ in range(3)]
    settled: list[Ending] = []
    finisher = Finisher(
        here.database, lambda: 1, batch=10, settled=lambda e, _: settled.extend(e), troubled=print, well=print
    )
    running = asyncio.create_task(finisher.run())
    for name in ("first", "second", "third"):
        if name != "first":
            await use_again(here, ids[1])
            await here.enqueue("bystander")
        for task in await here.claim():
            finisher.put(Ending(task, way, result="5", said=None if way in (Way.COMPLETE, Way.RELEASE) else said(task)))
        async with asyncio.timeout(10):
            await finisher.flushed()
    running.cancel()
    status = WAYS[way]
    assert await history(here, ids[1]) == [("first", status), ("second", status), ("second", status)]
    assert len(set(await days(here, ids[1]))) == 3
    assert (await here.task(ids[1])).name == "second", "the latest is the one that people see"
    assert await here.query("SELECT count(*) FROM rowlock.tasks_live") == [(0,)]
    assert len(settled) == 7


async def overdue(here: Installation) -> UUID:
    """A task that the leader ends, under an id that was used before; its worker has vanished."""
    task_id = await here.enqueue("first", max_attempts=1)
    (task,) = await here.claim()
    assert await leases.bury(here.database, [said(task)])
    await use_again(here, task_id, max_attempts="1")
    return task_id


async def test_the_leader_ends_what_is_out_of_attempts_all_the_same(here: Installation) -> None:
    again, other = await overdue(here), await here.enqueue("second", max_attempts=1)
    await here.claim()
    await here.move_clock(timedelta(seconds=31))
    assert (await rescue_abandoned(here.database)).buried == 2
    assert await history(here, again) == [("first", "dead"), ("second", "dead")]
    assert await history(here, other) == [("second", "dead")]


async def test_the_leader_ends_what_is_past_its_deadline_all_the_same(here: Installation) -> None:
    again, other = await overdue(here), await here.enqueue("second", expires_in=timedelta(seconds=5))
    await here.query("UPDATE rowlock.tasks_live SET deadline_at = rowlock.clock() + interval '5 s'")
    await here.move_clock(timedelta(seconds=6))
    assert (await rescue_abandoned(here.database)).expired == 2
    assert await history(here, again) == [("first", "dead"), ("second", "dead")]
    assert await history(here, other) == [("second", "dead")]


async def test_it_can_be_cancelled(here: Installation) -> None:
    task_id = await here.enqueue("first")
    await operate.cancel_task(here.database, TENANT, task_id, actor=ME)
    await use_again(here, task_id)
    assert await operate.cancel_task(here.database, TENANT, task_id, actor=ME, reason="again") == "cancelled"
    assert await history(here, task_id) == [("first", "cancelled"), ("second", "cancelled")]


async def test_where_every_day_is_taken_the_outcome_is_given_up_and_holds_up_nothing(here: Installation) -> None:
    task_id = await here.enqueue("first")
    (task,) = await here.claim()
    await leases.complete(here.database, [task_id], [task.lease_token])
    await here.query(
        "INSERT INTO rowlock.tasks (id, name, status, finished_at, expires_on) "
        "SELECT %(id)s, 'filler', 'succeeded', rowlock.clock(), right(relname, 8)::date FROM pg_class "
        "WHERE relname ~ '^tasks_[0-9]{8}$' AND relkind = 'r' ON CONFLICT DO NOTHING",
        {"id": task_id},
    )
    await use_again(here, task_id)
    good = await here.enqueue("first")
    accepted: set[int] = set()
    finisher = Finisher(
        here.database,
        lambda: 1,
        batch=10,
        settled=lambda _, tokens: accepted.update(tokens or ()),
        troubled=print,
        well=print,
    )
    running = asyncio.create_task(finisher.run())
    taken = {task.id: task for task in await here.claim()}
    for task in taken.values():
        finisher.put(Ending(task, Way.COMPLETE))
    async with asyncio.timeout(10):
        await finisher.flushed()
    running.cancel()
    assert accepted == {taken[good].lease_token}
    assert LIVE in await days(here, task_id)
