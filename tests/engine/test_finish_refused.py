"""Outcomes that the database does not take for now: they are tried again aside, and nothing else waits for them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from tests.engine.test_finish import Heard, claimed
from tests.engine.test_finish_locked import ending, finishing, flushed, locked
from tests.harness.eventually import eventually
from tests.harness.installation import Installation

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.trouble import Trouble
from rowlock.engine.rescue import rescue_abandoned
from rowlock.engine.writing import Way

# Errors that a trigger of the database's owner may raise, or that a defect of the server is: with names in the domain
# and without.
STATES = ("P0001", "23502", "23503", "0A000", "21000", "44000", "P0002", "XX000", "54000", "57014", "42501", "42703")


async def refuse(here: Installation, task_id: UUID, state: str) -> None:
    """From now on the history does not take this task."""
    await here.query(
        "CREATE FUNCTION rowlock.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" RAISE 'not this one' USING ERRCODE = '{state}'; END $$"
    )
    await here.query(
        "CREATE TRIGGER refuse BEFORE INSERT ON rowlock.tasks FOR EACH ROW"
        f" WHEN (NEW.id = '{task_id}' AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION rowlock.refuse()"
    )


@pytest.mark.parametrize("state", STATES)
async def test_one_that_is_refused_holds_up_no_other(here: Installation, state: str) -> None:
    heard = Heard()
    bad, *others = await claimed(here, 5)
    await refuse(here, bad.id, state)
    async with finishing(here, heard) as finisher:
        for task in (bad, *others):
            finisher.put(ending(task, Way.COMPLETE))
        await eventually(lambda: len(heard.settled) == len(others))
        late = await claimed(here, 3)
        for task in late:
            finisher.put(ending(task, Way.COMPLETE))
        await eventually(lambda: len(heard.settled) == len(others) + len(late))
        assert (len(finisher), finisher.any_refused) == (1, True)
        assert {error.kind for error in heard.troubles} <= {
            Trouble.OTHER,
            Trouble.STATEMENT_TIMEOUT,
            Trouble.ACCESS_REFUSED,
            Trouble.SCHEMA_CHANGED,
        }
        await here.query("DROP TRIGGER refuse ON rowlock.tasks")
        await flushed(finisher)
        assert not finisher.any_refused
    assert heard.accepted == {task.lease_token for task in (bad, *others, *late)}


async def test_one_that_was_refused_and_is_merely_locked_by_then_is_no_trouble(here: Installation) -> None:
    """However long the lock lasts."""
    heard = Heard()
    (task,) = await claimed(here, 1)
    await refuse(here, task.id, "P0001")
    async with finishing(here, heard) as finisher:
        finisher.put(ending(task, Way.COMPLETE))
        await eventually(lambda: finisher.any_refused)
        async with locked(here, [task.id]):
            await eventually(lambda: heard.recoveries)
            assert (len(finisher), finisher.any_refused) == (1, False)
        await here.query("DROP TRIGGER refuse ON rowlock.tasks")
        await flushed(finisher)
    assert heard.accepted == {task.lease_token}


async def test_a_day_that_is_locked_holds_up_no_other_day(here: Installation) -> None:
    """As CREATE INDEX locks it."""
    heard = Heard()
    failed, *others = await claimed(here, 9)
    ((day,),) = await here.query("SELECT to_char(rowlock.expiry_day('default', 'default', 'dead'), 'YYYYMMDD')")
    async with finishing(here, heard) as finisher:
        async with here.database.link() as link, link.transaction():
            await link.query(f"LOCK TABLE rowlock.tasks_{day} IN SHARE MODE")
            finisher.put(ending(failed, Way.BURY))
            for task in others:
                finisher.put(ending(task, Way.COMPLETE))
            await eventually(lambda: len(heard.settled) == len(others))
            assert {error.kind for error in heard.troubles} == {Trouble.LOCK_TIMEOUT}
        await flushed(finisher)
    assert heard.accepted == {task.lease_token for task in (failed, *others)}


async def used_again(here: Installation) -> UUID:
    """The id of a finished task and of a live one."""
    task_id = await here.enqueue()
    (task,) = await here.claim()
    heard = Heard()
    async with finishing(here, heard) as finisher:
        finisher.put(ending(task, Way.COMPLETE))
        await flushed(finisher)
    await here.query("INSERT INTO rowlock.tasks_live (id, name) VALUES (%(id)s, 'noop')", {"id": task_id})
    return task_id


FINISHED = "SELECT FROM rowlock.tasks WHERE id = %(id)s AND finished_at IS NOT NULL FOR UPDATE"


async def test_a_locked_row_that_is_to_make_room_holds_up_no_other(here: Installation) -> None:
    heard, task_id = Heard(), await used_again(here)
    tasks = [*await here.claim(), *await claimed(here, 6)]
    async with finishing(here, heard) as finisher:
        async with here.database.link() as link, link.transaction():
            await link.query(FINISHED, {"id": task_id})
            for task in tasks:
                finisher.put(ending(task, Way.COMPLETE))
            await eventually(lambda: len(heard.settled) == len(tasks) - 1)
            assert heard.troubles
        await flushed(finisher)
    assert heard.accepted == {task.lease_token for task in tasks}


async def in_the_way(here: Installation) -> UUID:
    """The same, and the live one would be filed beside the finished one as a dead letter."""
    task_id = await used_again(here)
    ((day,),) = await here.query("SELECT rowlock.expiry_day('default', 'default', 'dead')")
    await here.query("UPDATE rowlock.tasks SET expires_on = %(day)s WHERE finished_at IS NOT NULL", {"day": day})
    return task_id


async def test_a_leader_waits_for_no_locked_row_that_is_to_make_room(here: Installation) -> None:
    task_id = await in_the_way(here)
    await here.query("UPDATE rowlock.tasks_live SET max_attempts = 1")
    await here.claim(lease_seconds=30)
    await here.move_clock(timedelta(seconds=31))
    async with here.database.link() as link, link.transaction():
        await link.query(FINISHED, {"id": task_id})
        async with asyncio.timeout(20):
            with pytest.raises(DatabaseUnavailable, match="lock"):
                await rescue_abandoned(here.database)
    assert (await rescue_abandoned(here.database)).buried == 1


async def test_a_locked_row_that_is_to_make_room_keeps_no_other_past_its_deadline(here: Installation) -> None:
    task_id = await in_the_way(here)
    await here.enqueue()
    await here.query("UPDATE rowlock.tasks_live SET deadline_at = rowlock.clock() - interval '1 second'")
    async with here.database.link() as link, link.transaction():
        await link.query(FINISHED, {"id": task_id})
        async with asyncio.timeout(20):
            assert (await rescue_abandoned(here.database)).expired == 1
    assert await here.query("SELECT id FROM rowlock.tasks_live") == [(task_id,)]
    assert (await rescue_abandoned(here.database)).expired == 1
