"""What the operators' views say: what holds a task that waits, and which workers have gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.harness.installation import TENANT, Installation

from rowlock.domain.errors import InvalidArgument
from rowlock.engine.queue_board import QueueBoard
from rowlock.engine.rescue import rescue_abandoned
from rowlock.store import leases, workers
from rowlock.store.leases import FailedAttempt

LEASES_END = "UPDATE rowlock.tasks_live SET visible_at = rowlock.clock(), lease_expires_at = rowlock.clock()"


async def beat(here: Installation, worker: int, *, draining: bool = False) -> None:
    await workers.beat(
        here.database, worker, expires_seconds=600, running=0, health="healthy", health_reason=None, draining=draining
    )


async def stuck(here: Installation) -> list[Any]:
    return [code for (code,) in await here.query("SELECT code FROM rowlock.stuck_tasks")]


async def health(here: Installation) -> list[Any]:
    return [health for (health,) in await here.query("SELECT health FROM rowlock.worker_health")]


async def test_a_task_is_stuck_in_a_queue_that_is_paused_for_all_tenants(here: Installation) -> None:
    await here.enqueue()
    await here.register_worker(expires_seconds=600)
    await here.move_clock(timedelta(minutes=2))
    for tenant in ("other", "*", "default"):
        await here.query(f"SELECT rowlock.pause_queue('default', '{tenant}')")
        assert await stuck(here) == ["no_handler" if tenant == "other" else "queue_paused"]
    await here.query("SELECT rowlock.resume_queue('default', '*')")
    assert await stuck(here) == ["queue_paused"]


@pytest.mark.parametrize(
    ("queue", "tenant", "field"),
    [("'mails '", "'acme'", "queue"), ("''", "'acme'", "queue"), ("NULL", "'acme'", "queue"),
     ("'mails'", "'Acme'", "tenant_id"), ("'mails'", "NULL", "tenant_id")],
)  # fmt: skip
async def test_what_is_no_queue_of_anybody_cannot_be_paused(
    here: Installation, queue: str, tenant: str, field: str
) -> None:
    """Or whoever mistypes one in an emergency would be told that it is paused."""
    for function in ("pause_queue", "resume_queue"):
        with pytest.raises(InvalidArgument, match=f"The {field} .* must be 1 to"):
            await here.query(f"SELECT rowlock.{function}({queue}, {tenant})")
    assert await here.query("SELECT count(*)::int FROM rowlock.audit_log") == [(0,)]


async def test_a_lease_that_ran_out_in_the_last_attempt_is_the_schedulers(here: Installation) -> None:
    """No claim takes it."""
    advice = {}
    for attempts in (1, 2):
        task_id = await here.enqueue(max_attempts=attempts)
        for _ in range(attempts):
            await here.claim(lease_seconds=1)
            await here.query(LEASES_END)
        [(code, said)] = await here.query(f"SELECT code, advice FROM rowlock.explain_task('{task_id}')")
        advice[attempts] = (code, said)
        await rescue_abandoned(here.database)
    assert advice[1][0] == advice[2][0] == "lease_expired"
    assert "the scheduler ends the task as dead" in advice[1][1]
    assert "the scheduler gives it back" in advice[2][1]


async def test_what_nobody_runs_any_more_fills_no_lane(here: Installation) -> None:
    await here.query("INSERT INTO rowlock.limits (queue, lane, max_running) VALUES ('default', 'default', 1)")
    orphan, behind = await here.enqueue(), await here.enqueue()
    await here.claim(1)
    codes = f"SELECT code FROM rowlock.explain_task('{behind}') WHERE code = 'lane_capped'"
    assert await here.query(codes) == [("lane_capped",)]
    await here.query(LEASES_END)
    assert await here.query(codes) == []
    assert await here.query(codes.replace(str(behind), str(orphan))) == []


async def test_a_worker_that_drains_takes_no_task(here: Installation) -> None:
    task_id = await here.enqueue()
    worker, _ = await here.register_worker(expires_seconds=600)
    await here.move_clock(timedelta(minutes=2))
    await beat(here, worker, draining=True)
    assert await stuck(here) == ["no_worker"]
    explained = await here.query(f"SELECT code FROM rowlock.explain_task('{task_id}') LIMIT 1")
    assert explained == [("no_worker",)]
    assert (await QueueBoard(here.database).queue(TENANT, "default")).workers == 0
    await beat(here, worker)
    assert await stuck(here) == ["no_handler"]
    assert (await QueueBoard(here.database).queue(TENANT, "default")).workers == 1


@pytest.mark.parametrize("reason", ["no_handler", "unknown_version"])
async def test_a_task_is_stuck_that_no_worker_could_run(here: Installation, reason: str) -> None:
    """It is put off for a minute at a time, and stuck all the while, since it was made."""
    seen = "SELECT code, round(waited_seconds) FROM rowlock.stuck_tasks"
    await here.register_worker(expires_seconds=600)
    await here.enqueue("not.deployed")
    await here.put_off(reason)
    await here.move_clock(timedelta(seconds=45))
    assert await here.query(seen) == [], "made less than a minute ago"
    await here.put_off(reason)
    for seconds in (70, 100, 110, 150):  # until 45 + 60 it is put off, and for another minute nobody has had the time
        await here.move_clock(timedelta(seconds=seconds))
        assert await here.query(seen) == [(reason, seconds)]
    await here.move_clock(timedelta(seconds=200))
    assert await here.query(seen) == [("no_handler", 95)], "it waits like any other"
    await here.query("UPDATE rowlock.tasks_live SET visible_at = rowlock.clock() + interval '1 hour', reason = 'error'")
    assert await here.query(seen) == []


async def test_what_was_put_off_has_begun_no_attempt(here: Installation) -> None:
    task_id = await here.enqueue("not.deployed")
    [task] = await here.claim()
    failed = FailedAttempt(task_id, task.lease_token, "failed", "error", error="ValueError: no", delay_seconds=0)
    await leases.retry(here.database, [failed], worker_id=1)
    await here.put_off("no_handler")
    (code, said), *_ = await here.query(f"SELECT code, explanation FROM rowlock.explain_task('{task_id}')")
    assert code == "no_handler"
    assert said.startswith("The worker that looked at it has no handler 'not.deployed', so it has begun no attempt.")


async def test_a_worker_that_vanished_is_gone_for_a_day(here: Installation) -> None:
    """The leader marks it within a second, and it is gone nevertheless."""
    await here.register_worker(expires_seconds=15)
    await here.move_clock(timedelta(seconds=16))
    assert await health(here) == ["gone"]
    assert (await rescue_abandoned(here.database)).workers_gone == 1
    assert await health(here) == ["gone"]
    await here.move_clock(timedelta(hours=23))
    assert await health(here) == ["gone"]
    await here.move_clock(timedelta(hours=25))
    assert await health(here) == ["stopped"]


async def test_so_it_is_where_it_vanished_while_it_drained(here: Installation) -> None:
    """As where an orchestrator's patience ends first."""
    worker, _ = await here.register_worker(expires_seconds=15)
    await beat(here, worker, draining=True)
    await here.move_clock(timedelta(seconds=601))
    assert (await rescue_abandoned(here.database)).workers_gone == 1
    assert await health(here) == ["gone"]


async def test_a_worker_that_nobody_has_marked_is_gone_for_as_long(here: Installation) -> None:
    await here.register_worker(expires_seconds=15)
    await here.move_clock(timedelta(days=3))
    assert await health(here) == ["gone"]


async def test_a_worker_that_was_gone_may_come_back_and_say_goodbye(here: Installation) -> None:
    worker, _ = await here.register_worker(expires_seconds=15)
    await here.move_clock(timedelta(seconds=16))
    await rescue_abandoned(here.database)
    await beat(here, worker)
    assert await health(here) == ["healthy"]
    await workers.stop_worker(here.database, worker)
    assert await health(here) == ["stopped"]


async def test_a_goodbye_counts_however_late_it_comes(here: Installation) -> None:
    """From a worker whose event loop stood still, before it is marked or after it."""
    worker, _ = await here.register_worker(expires_seconds=15)
    await here.move_clock(timedelta(seconds=16))
    await workers.stop_worker(here.database, worker)
    assert (await rescue_abandoned(here.database)).workers_gone == 0
    assert await health(here) == ["stopped"]

    await here.query("UPDATE rowlock.workers SET stopped_at = NULL, expires_at = rowlock.clock() - interval '1 second'")
    assert (await rescue_abandoned(here.database)).workers_gone == 1
    await workers.stop_worker(here.database, worker)
    assert await health(here) == ["stopped"]


GOODBYE_OF_BEFORE = "UPDATE rowlock.workers SET stopped_at = rowlock.clock(), running = 0, draining = true"


async def test_a_late_goodbye_of_the_version_before_counts_too(here: Installation) -> None:
    """It leaves the row run out."""
    await here.register_worker(expires_seconds=15)
    await here.move_clock(timedelta(seconds=16))
    await here.query(GOODBYE_OF_BEFORE)
    assert await health(here) == ["stopped"]

    await here.query("UPDATE rowlock.workers SET stopped_at = NULL, draining = false")
    assert (await rescue_abandoned(here.database)).workers_gone == 1
    assert await health(here) == ["gone"]
    await here.query(GOODBYE_OF_BEFORE)
    assert await health(here) == ["stopped"]
