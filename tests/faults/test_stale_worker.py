"""A worker that is frozen for longer than its leases, for real: when it wakes, whatever it says is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.harness.eventually import eventually
from tests.harness.history.calls import Heard, History, history_of
from tests.harness.history.check import check_run
from tests.harness.history.events import read_events
from tests.harness.installation import Installation
from tests.harness.planted.stage import stage
from tests.harness.worker_process import worker_process

APP = "tests.harness.stale_app:app"
PATIENCE = timedelta(seconds=60)
# It does not look after its leases, or it would hear that they are lost and say nothing any more.
HEEDLESS = {"lease_seconds": 1, "heartbeat_seconds": 300, "poll_seconds": 0.1}
LASTING = {"lease_seconds": 60, "poll_seconds": 0.1}
REFUSED = {
    "complete": "complete_with_results is refused",
    "fail": "retry is refused",
    "snooze": "snooze is refused",
    "step": "step is answered with LeaseLost",
    "progress": "progress is answered with LeaseLost",
}


def told(folder: Path) -> History:
    return history_of(read_events(folder).events)


def tokens(folder: Path) -> dict[str, list[int]]:
    """The leases under which each task has been begun, by its id."""
    found: dict[str, list[int]] = {}
    for run in told(folder).runs:
        found.setdefault(run.task, []).append(run.token)
    return found


def said(folder: Path, stale: set[int]) -> dict[str, str]:
    """What became of each word that was said under these leases and has been answered, by the task's id."""
    heard = {
        word.task: f"{word.way} is {word.heard}"
        for word in told(folder).words
        if word.token in stale and word.heard is not Heard.UNKNOWN
    }
    for call in told(folder).of("step", "progress"):
        if call.asked["token"] in stale and call.answer:
            error = call.answer.get("error", "nothing").split(":")[0]
            heard[call.asked["task"]] = f"{call.operation} is answered with {error}"
    return heard


async def everything(here: Installation) -> list[Any]:
    """All that a holder of a lease may change, but how long the lease lasts."""
    return [
        *await here.query(
            "SELECT id, status, lease_token, attempt, result, reason, error, progress FROM rowlock.tasks ORDER BY id"
        ),
        *await here.query("SELECT * FROM rowlock.executions"),
        *await here.query("SELECT * FROM rowlock.steps"),
    ]


async def test_whatever_a_worker_says_that_wakes_after_its_leases_is_refused(database_url: str, history: Path) -> None:
    async with stage(database_url, history) as here:
        tasks = {word: str(await here.enqueue(f"stale.{word}", max_attempts=3)) for word in REFUSED}
        with worker_process(APP, database_url, **HEEDLESS) as frozen:
            await eventually(lambda: len(list(history.glob("waits-*"))) == len(tasks), within=PATIENCE)
            frozen.freeze()
            stale = {token for (token,) in tokens(history).values()}
            with worker_process(APP, database_url, **LASTING):
                await eventually(lambda: all(len(held) == 2 for held in tokens(history).values()), within=PATIENCE)
                held = await everything(here.here)
                (history / "late").touch()
                frozen.thaw()
                await eventually(lambda: len(said(history, stale)) == len(tasks), within=PATIENCE)
                assert {word: said(history, stale)[task] for word, task in tasks.items()} == REFUSED
                assert await everything(here.here) == held
                (history / "done").touch()
                await eventually(here.is_at_rest, within=PATIENCE)
        results = dict(await here.here.query("SELECT id::text, result FROM rowlock.tasks"))
        assert results == {task: newest for task, (_, newest) in tokens(history).items()}
    assert [str(found) for found in check_run(history, database_url)] == []
