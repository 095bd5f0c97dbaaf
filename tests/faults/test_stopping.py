"""What a worker leaves behind: nothing when it is told to stop, nothing for longer than a lease when it is killed."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import timedelta
from pathlib import Path

from tests.cli.supervised import program
from tests.harness.eventually import eventually
from tests.harness.fault_app import read_history
from tests.harness.installation import Installation
from tests.harness.proxy import Loss, Proxy
from tests.harness.worker_process import worker_process

APP = "tests.harness.fault_app:app"
LEASE = timedelta(seconds=2)


async def test_no_lease_is_left_by_handlers_that_cannot_be_stopped(
    here: Installation, database_url: str, history: Path, tmp_path: Path
) -> None:
    """One goes on however often it is cancelled, one is a thread that never ends; the process ends all the same."""
    ids = {str(await here.enqueue(name)) for name in ("fault.stubborn", "fault.endless")}
    flags = {"drain_seconds": 60, "force_seconds": 0.2, "log_format": "json", "test_history": history}
    with program(tmp_path / "log", "worker", APP, "--database-url", database_url, **flags) as worker:
        await eventually(lambda: read_history(history).begun.keys() == ids)
        worker.send(signal.SIGTERM)
        worker.says("stage 1 of 4")
        worker.send(signal.SIGTERM)  # the second one hurries
        assert worker.ends() == 0
        lines = [json.loads(line) for line in worker.text.splitlines() if line.startswith("{")]
    rows = await here.query("SELECT status::text, attempt, lease_token FROM rowlock.tasks_live")
    assert rows == [("pending", 0, None)] * 2
    assert [await here.outcomes(task_id) for task_id in sorted(ids)] == [["released"]] * 2  # type: ignore[arg-type]
    stages = [line for line in lines if "Stopping, stage" in line["event"]]
    assert [line["event"][:22] for line in stages] == [f"Stopping, stage {n} of 4" for n in (1, 2, 3, 4)]
    assert (stages[0]["held"], stages[1]["left"], stages[1]["hurried"]) == (2, 2, True)
    assert (stages[2]["given_back"], stages[2]["left"], stages[3]["abandoned"]) == (0, 2, 2)
    assert all("seconds" in line for line in stages[:3])


async def test_a_killed_worker_s_tasks_are_claimable_within_a_lease(
    here: Installation, database_url: str, history: Path
) -> None:
    """By themselves, without anybody who rescues them."""
    held = [await here.enqueue("fault.hold") for _ in range(3)]
    with worker_process(APP, database_url, lease_seconds=LEASE.total_seconds(), heartbeat_seconds=0.2) as victim:
        await eventually(lambda: len(read_history(history).begun) == len(held))
        victim.kill()
    killed_at = (await here.query("SELECT rowlock.clock()"))[0][0]
    rows = await here.query("SELECT visible_at FROM rowlock.task_state WHERE state = 'running'")
    assert len(rows) == len(held)
    assert all(visible_at <= killed_at + LEASE for (visible_at,) in rows)
    taken = await eventually(here.claim)
    assert {task.id for task in taken} <= set(held)
    assert {task.attempt for task in taken} == {2}


async def test_no_lease_is_left_by_a_claim_whose_answer_was_lost(
    here: Installation, database_url: str, history: Path
) -> None:
    """The database has given leases that the worker never heard of."""
    for _ in range(3):
        await here.enqueue("fault.hold")
    async with Proxy(database_url) as network:
        lost = network.lose(Loss.REPLY, b"nextval('rowlock.lease_tokens')")
        with worker_process(APP, network.url, lease_seconds=600, heartbeat_seconds=0.2) as worker:
            await asyncio.wait_for(lost.wait(), timeout=60)
            await eventually(lambda: _running(here, 3))
            assert await asyncio.to_thread(worker.stop) == 0
    rows = await here.query("SELECT status::text, attempt, lease_token FROM rowlock.tasks_live")
    assert rows == [("pending", 0, None)] * 3
    assert read_history(history).begun == {}


async def _running(here: Installation, tasks: int) -> bool:
    rows = await here.query("SELECT count(*) FROM rowlock.tasks_live WHERE status = 'running'")
    return bool(rows[0][0] == tasks)
