"""SQL's own functions where an id was used again: they mean the latest of its tasks, and make room for it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from tests.engine.test_history import ME, history, use_again
from tests.harness.eventually import eventually
from tests.harness.installation import TENANT, Installation

from rowlock.domain.errors import AlreadyExists, Conflict
from rowlock.engine import operate
from rowlock.engine.rescue import rescue_abandoned
from rowlock.store import leases
from rowlock.store.history import make_room
from rowlock.store.leases import FailedAttempt

WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def dead(here: Installation, name: str = "first") -> UUID:
    task_id = await here.enqueue(name)
    await bury(here)
    return task_id


async def bury(here: Installation) -> None:
    """What there is to claim ends as dead; where its id was used before, by making room first."""
    claimed = await here.claim()
    await make_room(here.database, [task.id for task in claimed], "dead")
    await leases.bury(
        here.database,
        [FailedAttempt(task.id, task.lease_token, "failed", "error", task.name) for task in claimed],
    )


async def cancel(here: Installation, task_id: UUID) -> str:
    return str((await here.query("SELECT rowlock.cancel(%(id)s)", {"id": task_id}))[0][0])


async def redrive(here: Installation, task_id: UUID) -> None:
    await here.query("SELECT rowlock.redrive(%(id)s)", {"id": task_id})


async def redrive_dead(here: Installation, limit: int = 1000) -> set[UUID]:
    rows = await here.query('SELECT rowlock.redrive_dead("limit" => %(limit)s)', {"limit": limit})
    return {task_id for (task_id,) in rows}


async def test_one_is_cancelled_on_the_day_of_another_of_its_id(here: Installation) -> None:
    task_id = await here.enqueue("first")
    for _ in range(2):
        assert await cancel(here, task_id) == "cancelled"
        await use_again(here, task_id)
    assert await cancel(here, task_id) == "cancelled"
    assert [name for name, _ in await history(here, task_id)] == ["first", "second", "second"]
    assert (await here.task(task_id)).name == "second"


async def fill_every_day(here: Installation, task_id: UUID) -> None:
    await here.query(
        "INSERT INTO rowlock.tasks (id, name, status, finished_at, expires_on) "
        "SELECT %(id)s, 'filler', 'succeeded', rowlock.clock(), right(relname, 8)::date FROM pg_class "
        "WHERE relname ~ '^tasks_[0-9]{8}$' AND relkind = 'r'",
        {"id": task_id},
    )


async def test_one_is_not_cancelled_where_no_day_is_left_for_it(here: Installation) -> None:
    task_id = await here.enqueue("first")
    await fill_every_day(here, task_id)
    with pytest.raises(Conflict, match=f"{task_id}.*each day"):
        await cancel(here, task_id)
    assert (await here.task(task_id)).status == "ready"


async def test_those_past_their_deadline_end_on_the_day_of_others_of_their_ids(here: Installation) -> None:
    first, other = await dead(here), await here.enqueue("other")
    await use_again(here, first)
    await here.query("UPDATE rowlock.tasks_live SET deadline_at = rowlock.clock()")
    ended = await here.query("SELECT id, name FROM rowlock.expire_tasks(%(ids)s)", {"ids": [first, other, uuid4()]})
    assert sorted(ended, key=lambda row: str(row[1])) == [(other, "other"), (first, "second")]
    assert await history(here, first) == [("first", "dead"), ("second", "dead")]


async def test_one_past_its_deadline_for_which_no_day_is_left_holds_up_no_other(here: Installation) -> None:
    stuck, other = await here.enqueue(), await here.enqueue()
    await fill_every_day(here, stuck)
    await here.query("UPDATE rowlock.tasks_live SET deadline_at = rowlock.clock()")
    assert (await rescue_abandoned(here.database)).expired == 1
    assert await here.query("SELECT id FROM rowlock.tasks_live") == [(stuck,)]
    assert (await here.task(other)).reason == "expired"


async def test_a_unique_key_is_free_once_its_holder_s_deadline_has_passed(here: Installation) -> None:
    task_id = await dead(here)
    await use_again(here, task_id, unique_key="'u'", deadline_at="rowlock.clock()")
    [(new,)] = await here.query("SELECT rowlock.enqueue('second', unique_key => 'u')")
    assert new != task_id
    assert await history(here, task_id) == [("first", "dead"), ("second", "dead")]


async def test_of_two_the_latest_is_redriven_and_once(here: Installation) -> None:
    task_id = await dead(here)
    await use_again(here, task_id)
    with pytest.raises(Conflict, match=r"is ready, and only dead"):
        await redrive(here, task_id)
    await bury(here)
    await redrive(here, task_id)
    assert (await here.task(task_id)).status == "ready"
    assert await here.query("SELECT name FROM rowlock.tasks_live") == [("second",)]
    assert await redrive_dead(here) == set()


async def test_one_whose_id_has_succeeded_since_is_not_redriven(here: Installation) -> None:
    task_id = await dead(here)
    await use_again(here, task_id)
    (task,) = await here.claim()
    await leases.complete(here.database, [task_id], [task.lease_token])
    with pytest.raises(Conflict, match=r"is succeeded, and only dead"):
        await redrive(here, task_id)
    assert await redrive_dead(here) == set()


async def test_dead_letters_are_redriven_past_those_that_are_not_the_latest(here: Installation) -> None:
    live, twice, once = [await dead(here) for _ in range(3)]
    await use_again(here, twice)
    await bury(here)
    await use_again(here, live)
    assert await redrive_dead(here, limit=1) == {twice}
    assert await redrive_dead(here) == {once}
    rows = await here.query("SELECT id, name FROM rowlock.tasks_live")
    assert set(rows) == {(live, "second"), (twice, "second"), (once, "first")}


async def test_one_whose_id_another_tenant_s_task_has_waits_for_that(here: Installation) -> None:
    task_id, other = await dead(here), await dead(here)
    await use_again(here, task_id, tenant_id="'acme'")
    with pytest.raises(Conflict, match="while another task has its id"):
        await redrive(here, task_id)
    assert await redrive_dead(here) == {other}


async def test_what_has_ended_is_told_of_the_latest(here: Installation) -> None:
    task_id = await here.enqueue("first")
    await operate.cancel_task(here.database, TENANT, task_id, actor=ME, reason="first")
    await use_again(here, task_id)
    await operate.cancel_task(here.database, TENANT, task_id, actor=ME, reason="second")
    [(told,)] = await here.query("SELECT explanation FROM rowlock.explain_task(%(id)s)", {"id": task_id})
    assert told.endswith("cancelled, second.")
    await use_again(here, task_id)
    await bury(here)
    with pytest.raises(Conflict, match="ended as dead"):
        await cancel(here, task_id)


async def enqueue(here: Installation, *tasks: dict[str, Any]) -> list[tuple[UUID, bool]]:
    batch = json.dumps([{"name": "again", **task} for task in tasks])
    rows: list[tuple[UUID, bool]] = await here.query(
        "SELECT id, created FROM rowlock.enqueue_many(%(tasks)s::jsonb) ORDER BY position", {"tasks": batch}
    )
    return rows


@pytest.mark.parametrize(
    "keys",
    [{}, {"unique_key": "free"}, {"unique_key": "held"}, {"idempotency_key": "new"}, {"idempotency_key": None}],
    ids=str,
)
async def test_a_used_id_is_refused(here: Installation, keys: dict[str, str]) -> None:
    used = str(await dead(here))
    await enqueue(here, {"unique_key": "held"})
    for batch in ([{"id": used, **keys}], [{}, {"id": used, **keys}]):
        with pytest.raises(AlreadyExists, match=f"{used}.*finished"):
            await enqueue(here, *batch)
    assert await here.query("SELECT count(*) FROM rowlock.tasks_live") == [(1,)]
    assert [created for _, created in await enqueue(here, {"id": str(uuid4()), **keys}, {})][-1]


async def test_a_used_id_is_refused_by_its_state(database_url: str, here: Installation) -> None:
    used = await dead(here)
    with psycopg.connect(database_url) as caller, pytest.raises(psycopg.errors.UniqueViolation, match="finished"):
        caller.execute("SELECT rowlock.enqueue('again', id => %s)", (used,))


async def test_an_id_is_refused_though_its_task_was_live_when_it_was_asked_for(here: Installation) -> None:
    task_id = await here.enqueue()

    async def waits() -> bool:
        return bool(await here.query(WAITING))

    async with here.database.link() as other, other.transaction():
        await other.query("SELECT rowlock.cancel(%(id)s)", {"id": task_id})
        storing = asyncio.create_task(enqueue(here, {"id": str(task_id)}))
        await eventually(waits)
    with pytest.raises(AlreadyExists, match=f"{task_id}.*finished"):
        await storing


async def test_whoever_asks_again_under_a_key_is_answered_by_its_task(here: Installation) -> None:
    asked = {"id": str(uuid4()), "idempotency_key": "k"}
    assert await enqueue(here, asked) == [(UUID(asked["id"]), True)]
    await bury(here)
    assert await enqueue(here, asked) == [(UUID(asked["id"]), False)]


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_key_that_has_expired_lets_no_finished_task_run_again(here: Installation, forgotten: bool) -> None:
    asked = {"id": str(uuid4()), "idempotency_key": "k"}
    await enqueue(here, asked)
    await bury(here)
    await here.move_clock(timedelta(days=3))
    if forgotten:
        await here.query("DELETE FROM rowlock.idempotency_keys")
    with pytest.raises(AlreadyExists, match=f"{asked['id']}.*finished"):
        await enqueue(here, asked)
    assert await here.claim() == []
