"""Triggering a schedule under an id of one's own: SQL refuses a used one, the engine answers with the task it made."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from tests.harness.eventually import eventually
from tests.harness.installation import TENANT, Installation
from tests.harness.schedules import OPERATOR, audited, make_schedule

from rowlock.domain.errors import AlreadyExists, NotFound
from rowlock.domain.ids import new_id
from rowlock.engine.backfill import backfill
from rowlock.engine.schedules import trigger_now
from rowlock.store.tasks import Stored

WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def trigger_in_sql(here: Installation, task_id: UUID) -> UUID:
    [(made,)] = await here.query("SELECT rowlock.trigger_schedule('report', id => %(id)s)", {"id": task_id})
    assert isinstance(made, UUID)
    return made


async def trigger(here: Installation, task_id: UUID, name: str = "report") -> Stored:
    return await trigger_now(here.database, TENANT, name, actor=OPERATOR, task_id=task_id)


async def cancel(here: Installation, task_id: UUID) -> None:
    await here.query("SELECT rowlock.cancel(%(id)s)", {"id": task_id})


async def test_sql_refuses_an_id_that_a_task_has_live_or_finished(here: Installation) -> None:
    await make_schedule(here)
    task_id = new_id()
    assert await trigger_in_sql(here, task_id) == task_id
    with pytest.raises(AlreadyExists):
        await trigger_in_sql(here, task_id)
    await cancel(here, task_id)
    with pytest.raises(AlreadyExists, match=f"{task_id}.*finished"):
        await trigger_in_sql(here, task_id)
    assert await here.query("SELECT id FROM rowlock.tasks") == [(task_id,)]
    assert await audited(here) == ["schedule.create", "schedule.trigger"]


async def test_sql_refuses_an_id_though_its_task_was_live_when_it_was_asked_for(here: Installation) -> None:
    await make_schedule(here)
    task_id = await trigger_in_sql(here, new_id())

    async def waits() -> bool:
        return bool(await here.query(WAITING))

    async with here.database.link() as other, other.transaction():
        await other.query("SELECT rowlock.cancel(%(id)s)", {"id": task_id})
        asking = asyncio.create_task(trigger_in_sql(here, task_id))
        await eventually(waits)
    with pytest.raises(AlreadyExists, match=f"{task_id}.*finished"):
        await asking


async def test_a_trigger_that_is_repeated_is_answered_by_its_task(here: Installation) -> None:
    await make_schedule(here)
    task_id = new_id()
    assert await trigger(here, task_id) == Stored(task_id, True)
    assert await trigger(here, task_id) == Stored(task_id, False)
    await cancel(here, task_id)
    assert await trigger(here, task_id) == Stored(task_id, False)
    assert await here.query("SELECT id, status::text FROM rowlock.tasks") == [(task_id, "cancelled")]
    assert await audited(here) == ["schedule.create", "schedule.trigger"]


async def test_triggers_under_one_id_at_once_make_one_task(here: Installation) -> None:
    await make_schedule(here)
    task_id = new_id()
    answers = await asyncio.gather(*(trigger(here, task_id) for _ in range(5)))
    assert sorted(answers) == [Stored(task_id, False)] * 4 + [Stored(task_id, True)]


async def test_the_id_of_any_other_task_is_refused(here: Installation) -> None:
    schedule, _ = await make_schedule(here), await make_schedule(here, "other")
    minute = schedule.cursor_at.replace(second=0, microsecond=0) - timedelta(minutes=1)
    done = await backfill(here.database, TENANT, "report", since=minute, until=minute, actor=OPERATOR)
    others = {
        "enqueued": await here.enqueue(),
        "another schedule's": (await trigger(here, new_id(), "other")).id,
        "another tenant's": await here.enqueue(tenant="acme"),
        "a window's": done.fired[minute],
    }
    for whose, task_id in others.items():
        with pytest.raises(AlreadyExists, match=f"{task_id} .*not made by triggering the schedule report"):
            pytest.fail(f"{whose}: {await trigger(here, task_id)}")
    with pytest.raises(NotFound):
        await trigger(here, others["another schedule's"], "absent")
