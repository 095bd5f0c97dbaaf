"""A task that takes its worker down whenever it runs, and those that run beside it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from tests.harness.eventually import eventually
from tests.harness.fault_app import read_history
from tests.harness.installation import TENANT, Installation

from rowlock.cli.supervision import restarts
from rowlock.cli.supervision.child import ChildSpec
from rowlock.cli.supervision.supervisor import Supervisor
from rowlock.domain.requests import task_request
from rowlock.engine.enqueue import enqueue_many
from rowlock.engine.rescue import rescue_abandoned

PATIENCE = timedelta(seconds=90)
INNOCENTS = 50


async def test_it_takes_a_worker_down_no_oftener_than_its_attempts_and_nobody_with_it(
    here: Installation, database_url: str, history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Supervised for real. The innocent ones lose each attempt but the last to it, and none of them ends as dead."""
    monkeypatch.setattr(restarts, "FIRST_PAUSE_SECONDS", 0.05)
    names = ["fault.innocent"] * INNOCENTS
    names.insert(INNOCENTS // 2, "fault.poison")
    await enqueue_many(here.database, TENANT, [task_request(name) for name in names])
    environment = {
        "ROWLOCK_DATABASE_URL": database_url,
        "ROWLOCK_LEASE_SECONDS": "2",
        "ROWLOCK_HEARTBEAT_SECONDS": "0.2",
        "ROWLOCK_POLL_SECONDS": "0.1",
    }
    told: list[str] = []
    child = ChildSpec("worker", ["worker", "tests.harness.fault_app:app"], environment)
    supervisor = Supervisor([child], drain_seconds=5, force_seconds=5, log_format="json", tell=told.append)
    stop, hurry = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(supervisor.run(stop, hurry))
    try:
        await eventually(lambda: _all_ended(here), within=PATIENCE)
    finally:
        stop.set()
        await running

    deaths = [sentence for sentence in told if "was killed by SIGKILL" in sentence]
    poison = await here.query("SELECT id::text FROM rowlock.tasks WHERE name = 'fault.poison'")
    assert len(deaths) == len(read_history(history).begun[poison[0][0]]) <= 4
    ended = await here.query(
        "SELECT name, status::text, reason, count(*) FROM rowlock.tasks GROUP BY 1, 2, 3 ORDER BY 1"
    )
    assert ended == [
        ("fault.innocent", "succeeded", None, INNOCENTS),
        ("fault.poison", "dead", "lease_expired", 1),
    ]


async def _all_ended(here: Installation) -> bool:
    await rescue_abandoned(here.database)  # as the scheduler would, every second
    return await here.query("SELECT count(*) FROM rowlock.tasks_live") == [(0,)]
