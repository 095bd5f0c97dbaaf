"""What the operators' views say: what holds a task that waits, and which workers have gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.harness.installation import Installation

from rowlock.engine.rescue import rescue_abandoned
from rowlock.store import workers


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


async def test_a_worker_that_drains_takes_no_task(here: Installation) -> None:
    task_id = await here.enqueue()
    worker, _ = await here.register_worker(expires_seconds=600)
    await here.move_clock(timedelta(minutes=2))
    await beat(here, worker, draining=True)
    assert await stuck(here) == ["no_worker"]
    explained = await here.query(f"SELECT code FROM rowlock.explain_task('{task_id}') LIMIT 1")
    assert explained == [("no_worker",)]
    await beat(here, worker)
    assert await stuck(here) == ["no_handler"]


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
