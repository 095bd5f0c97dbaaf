"""Deadlines in the database: kept by its clock, never claimed beyond, ended in bounded batches, told to who asks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.harness.installation import TENANT, Installation

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.requests import task_request
from rowlock.engine import rescue
from rowlock.engine.enqueue import enqueue, enqueue_many
from rowlock.engine.rescue import RescueReport, rescue_abandoned

MINUTE = timedelta(minutes=1)


async def explained(here: Installation, task_id: object) -> list[str]:
    rows = await here.query("SELECT code FROM rowlock.explain_task(%(id)s)", {"id": task_id})
    return [code for (code,) in rows]


async def test_every_entrance_counts_from_the_database_s_now(here: Installation) -> None:
    await here.move_clock(timedelta(days=1))
    one = await here.enqueue(expires_in=60)
    keyed = await here.enqueue(expires_in=60, unique_key="k")
    two = await enqueue_many(here.database, TENANT, [task_request("noop", expires_in=60), task_request("noop")])
    rows = await here.query("SELECT rowlock.enqueue('noop', expires_in => '1 minute')")
    left = await here.query(
        "SELECT id, deadline_at - rowlock.clock() FROM rowlock.tasks_live WHERE deadline_at IS NOT NULL"
    )
    assert {row[0] for row in left} == {one, keyed, two[0].id, rows[0][0]}
    assert all(timedelta(0) < row[1] <= MINUTE for row in left)
    assert (await here.task(two[1].id)).deadline_at is None


async def test_a_handler_s_lifetime_is_the_default(here: Installation) -> None:
    await here.query(
        "INSERT INTO rowlock.handlers (name, queue, priority, max_attempts, executor, expires_in_seconds) "
        "VALUES ('short', 'default', 2, 4, 'async', 60)"
    )
    rows = await here.query("SELECT rowlock.enqueue('short'), rowlock.enqueue('short', expires_in => '1 hour')")
    left = await here.query("SELECT id, deadline_at - created_at FROM rowlock.tasks_live")
    assert dict(left) == {rows[0][0]: MINUTE, rows[0][1]: 60 * MINUTE}


@pytest.mark.parametrize("seconds", ["0", "-1", "316224001", "'NaN'", "'Infinity'"])
async def test_what_is_no_lifetime_is_refused(here: Installation, seconds: str) -> None:
    with pytest.raises(InvalidArgument, match=r"expires_in of .* seconds must be above 0 and at most 3660 days"):
        await here.query(
            "SELECT rowlock.enqueue_many(jsonb_build_array(jsonb_build_object("
            f"'name', 'noop', 'expires_in_seconds', {seconds}::double precision)))"
        )


async def test_a_delay_beyond_the_deadline_is_refused(here: Installation) -> None:
    with pytest.raises(InvalidArgument, match="lasts until the task has expired"):
        await here.query("SELECT rowlock.enqueue('noop', delay => '1 hour', expires_in => '1 minute')")
    with pytest.raises(InvalidArgument, match="give a longer expires_in"):
        task_request("noop", delay=60, expires_in=60)


async def test_what_is_overdue_is_not_claimed_and_ends(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescue, "TASKS_PER_ROUND", 2)
    late = [await here.enqueue(expires_in=60) for _ in range(3)] + [await here.enqueue(expires_in=60, delay=30)]
    fine = await here.enqueue(expires_in=3_600)
    await here.move_clock(timedelta(seconds=61))
    assert await explained(here, late[0]) == ["expired"]
    assert [task.id for task in await here.claim()] == [fine]
    assert await rescue_abandoned(here.database) == RescueReport(expired=4)
    for task_id in late:
        task = await here.task(task_id)
        assert (task.status, task.reason, task.attempt) == ("dead", "expired", 0)
        assert task.deadline_at is not None
        assert await here.outcomes(task_id) == []
        assert await explained(here, task_id) == ["dead"]
    assert await rescue_abandoned(here.database) == RescueReport()


async def test_a_running_task_is_its_worker_s_until_the_lease_ends(here: Installation) -> None:
    task_id = await here.enqueue(expires_in=60)
    (task,) = await here.claim(lease_seconds=90)
    assert task.deadline_seconds == pytest.approx(60, abs=5)
    await here.move_clock(timedelta(seconds=61))
    assert await rescue_abandoned(here.database) == RescueReport()
    assert await explained(here, task_id) == ["running"]
    await here.move_clock(timedelta(seconds=91))
    assert await here.claim() == []
    assert await rescue_abandoned(here.database) == RescueReport(expired=1)
    assert await here.outcomes(task_id) == ["lease_expired"]


async def test_who_is_overdue_holds_no_unique_key(here: Installation) -> None:
    """Nobody has ended it yet, and it will never run: who asks for the same makes a task of their own."""
    first = task_request("refresh", {"n": 1}, unique_key="k", expires_in=60)
    second = task_request("refresh", {"n": 2}, unique_key="k")
    await enqueue(here.database, TENANT, first)
    assert not (await enqueue(here.database, TENANT, second)).created
    await here.move_clock(timedelta(seconds=61))
    answer = await enqueue(here.database, TENANT, second)
    assert (answer.id, answer.created) == (second.id, True)
    assert (await here.task(first.id)).reason == "expired"


async def test_who_replaces_the_payload_replaces_the_deadline(here: Installation) -> None:
    first = await here.enqueue("refresh", unique_key="k", expires_in=60)
    await here.enqueue("refresh", unique_key="k", on_duplicate="replace")
    assert (await here.task(first)).deadline_at is None
