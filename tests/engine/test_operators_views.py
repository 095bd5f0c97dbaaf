"""What the operators' views say: what holds a task that waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.harness.installation import Installation

from rowlock.store import workers


async def beat(here: Installation, worker: int, *, draining: bool = False) -> None:
    await workers.beat(
        here.database, worker, expires_seconds=600, running=0, health="healthy", health_reason=None, draining=draining
    )


async def stuck(here: Installation) -> list[Any]:
    return [code for (code,) in await here.query("SELECT code FROM rowlock.stuck_tasks")]


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
