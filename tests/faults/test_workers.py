"""Real worker processes, stopped, frozen and killed while they work."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

from tests.harness.eventually import eventually
from tests.harness.fault_app import read_history
from tests.harness.installation import TENANT, Installation
from tests.harness.worker_process import worker_process

from rowlock.domain.requests import task_request
from rowlock.engine.enqueue import enqueue_many

APP = "tests.harness.fault_app:app"
QUICK = {"lease_seconds": 2, "heartbeat_seconds": 0.2, "poll_seconds": 0.1}
PATIENCE = timedelta(seconds=60)


async def fill(here: Installation, tasks: int, name: str = "fault.work") -> set[str]:
    requests = [task_request(name, {}, max_attempts=10) for _ in range(tasks)]
    return {str(stored.id) for stored in await enqueue_many(here.database, TENANT, requests)}


async def count(here: Installation, where: str) -> int:
    return int((await here.query(f"SELECT count(*) FROM rowlock.tasks WHERE {where}"))[0][0])


async def test_sigterm_under_load_leaves_no_lease_and_runs_nothing_twice(
    here: Installation, database_url: str, history: Path
) -> None:
    tasks = await fill(here, 1_500)
    with worker_process(APP, database_url, concurrency=20, drain_seconds=10, **QUICK) as first:
        await eventually(lambda: _at_least(here, "status = 'succeeded'", 200), within=PATIENCE)
        assert first.stop() == 0
    assert await count(here, "lease_token IS NOT NULL AND expires_on = '9999-12-31'") == 0
    left = await count(here, "status = 'pending'")
    assert left > 0
    noted = read_history(history)
    assert len(noted.begun) + left == len(tasks)
    with worker_process(APP, database_url, concurrency=100, **QUICK):
        await eventually(lambda: _at_least(here, "status = 'succeeded'", len(tasks)), within=PATIENCE)
    noted = read_history(history)
    assert set(noted.begun) == tasks
    assert Counter(len(tokens) for tokens in noted.begun.values()) == {1: len(tasks)}
    assert await here.query("SELECT outcome::text, count(*) FROM rowlock.executions GROUP BY 1") == [
        ("succeeded", len(tasks))
    ]


async def test_killed_worker_loses_nothing(here: Installation, database_url: str, history: Path) -> None:
    tasks = await fill(here, 1_000)
    with worker_process(APP, database_url, concurrency=20, **QUICK) as victim:
        await eventually(lambda: _at_least(here, "status = 'succeeded'", 100), within=PATIENCE)
        victim.kill()
    with worker_process(APP, database_url, concurrency=50, **QUICK):
        await eventually(lambda: _at_least(here, "status = 'succeeded'", len(tasks)), within=PATIENCE)
    outcomes = dict(await here.query("SELECT outcome::text, count(*) FROM rowlock.executions GROUP BY 1"))
    assert outcomes["succeeded"] == len(tasks)
    again = {task: tokens for task, tokens in read_history(history).begun.items() if len(tokens) > 1}
    # Whatever ran a second time did so because its lease had expired, and for no other reason.
    rows = await here.query("SELECT task_id::text, lease_token FROM rowlock.executions WHERE outcome = 'lease_expired'")
    assert set(again) <= {task for task, _ in rows}
    # The victim ran 20 at once; beside them it held the outcomes of others, which it had not yet written, and what it
    # had claimed ahead.
    noted = read_history(history)
    running = [token for task, token in rows if token in noted.begun[task] and token not in noted.ended.get(task, [])]
    assert rows
    assert len(running) <= 20


async def test_frozen_worker_wakes_up_to_a_lost_lease(here: Installation, database_url: str, history: Path) -> None:
    (task,) = await fill(here, 1, "fault.hold")
    with worker_process(APP, database_url, **QUICK) as frozen:
        await eventually(lambda: task in read_history(history).begun)
        frozen.freeze()
        with worker_process(APP, database_url, **QUICK) as other:
            await eventually(lambda: len(read_history(history).begun[task]) == 2, within=PATIENCE)
            (history / "go").touch()
            await eventually(lambda: _at_least(here, "status = 'succeeded'", 1), within=PATIENCE)
            done = await here.query("SELECT lease_token, worker_id, finished_at FROM rowlock.tasks")
            frozen.thaw()
            # It ends its attempt by the old lease, or hears from its heartbeat that the lease is lost: nothing changes.
            await eventually(lambda: _beats_again(here), within=PATIENCE)
            frozen.stop()
            other.stop()
        assert await here.query("SELECT lease_token, worker_id, finished_at FROM rowlock.tasks") == done
    outcomes = await here.query("SELECT outcome::text FROM rowlock.executions ORDER BY lease_token")
    assert outcomes == [("lease_expired",), ("succeeded",)]


async def test_worker_outlives_a_restart_of_the_database(here: Installation, database_url: str, history: Path) -> None:
    """Every connection is cut again and again while it works; PostgreSQL itself is shared with other tests."""
    tasks = await fill(here, 800)
    with worker_process(APP, database_url, concurrency=20, **QUICK):
        for share in (100, 300, 500):
            await eventually(lambda: _at_least(here, "status = 'succeeded'", share), within=PATIENCE)  # noqa: B023
            await here.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'rowlock'"
            )
        await eventually(lambda: _at_least(here, "status = 'succeeded'", len(tasks)), within=PATIENCE)
    assert await count(here, "status = 'succeeded'") == len(tasks)
    rows = await here.query(
        "SELECT count(*), count(DISTINCT task_id) FROM rowlock.executions WHERE outcome = 'succeeded'"
    )
    assert rows == [(len(tasks), len(tasks))]


async def _at_least(here: Installation, where: str, tasks: int) -> bool:
    return await count(here, where) >= tasks


async def _beats_again(here: Installation) -> bool:
    rows = await here.query(
        "SELECT count(*) FROM rowlock.workers WHERE heartbeat_at > rowlock.clock() - interval '1 second'"
    )
    return bool(rows[0][0] == 2)
