"""Durable steps of real workers that are killed half-way."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

from tests.harness.eventually import eventually
from tests.harness.installation import Installation
from tests.harness.worker_process import worker_process

APP = "tests.harness.step_app:app"
QUICK = {"lease_seconds": 2, "heartbeat_seconds": 0.2, "poll_seconds": 0.1}
PATIENCE = timedelta(seconds=60)


def noted(history: Path) -> dict[str, list[int]]:
    """The lease tokens under which each thing was written down, by what it was."""
    found = defaultdict(list)
    for file in history.glob("*.jsonl"):
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            found[entry["event"]].append(entry["token"])
    return {event: sorted(tokens) for event, tokens in found.items()}


async def kept(here: Installation) -> dict[str, int]:
    return dict(await here.query("SELECT step, lease_token FROM rowlock.task_steps"))


async def test_a_worker_killed_half_way_is_followed_by_one_that_goes_on_there(
    here: Installation, database_url: str, history: Path
) -> None:
    task_id = await here.enqueue("step.sequence", max_attempts=3)
    with worker_process(APP, database_url, **QUICK) as victim:
        [first] = await eventually(lambda: noted(history).get("step held", []), within=PATIENCE)
        victim.kill()
    assert await kept(here) == {"first": first, "second": first}
    (history / "go").touch()
    with worker_process(APP, database_url, **QUICK):
        await eventually(lambda: _succeeded(here), within=PATIENCE)
    ran = noted(history)
    [_, second] = ran["step held"]
    # What had ended was not done again; what was under way when the worker died was.
    assert ran == {"step first": [first], "step second": [first], "step held": [first, second], "step last": [second]}
    assert await kept(here) == {"first": first, "second": first, "held": second, "last": second}
    assert (await here.task(task_id)).result == [first, first, second, second]


async def _succeeded(here: Installation) -> bool:
    return bool(await here.query("SELECT id FROM rowlock.tasks WHERE status = 'succeeded'"))
