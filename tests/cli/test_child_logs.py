"""What handlers log in child processes comes out as what they log in the worker does."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from tests.cli.caller import Caller
from tests.cli.supervised import program
from tests.harness.eventually import eventually_sync

APP = "tests.worker.child_app:app"


def test_a_child_process_logs_as_its_worker_does(cli: Caller, database_url: str, tmp_path: Path) -> None:
    ids = {name: cli.json("enqueue", name)["id"] for name in ("talks.thread", "talks.process")}
    settings = {"log_format": "json", "poll_seconds": 0.1}
    with program(tmp_path / "output", "worker", APP, "--database-url", database_url, **settings) as worker:
        eventually_sync(lambda: len(cli.json("tasks", "list", "--status", "succeeded")["items"]) == 2)
        worker.send(signal.SIGTERM)
        assert worker.ends() == 0
        lines = [json.loads(line) for line in worker.text.splitlines()]
    said = {name: [line for line in lines if line.get("task_id") == task_id] for name, task_id in ids.items()}
    assert "hunter2" not in worker.text
    in_thread, in_process = said["talks.thread"], said["talks.process"]
    assert in_process[0]["pid"] != in_thread[0]["pid"]
    assert [alike(line) for line in in_process] == [alike(line) for line in in_thread]
    assert [line["event"] for line in in_process] == ["It begins.", "It has password=***"]
    assert in_process[0].keys() >= {"task_id", "attempt", "tenant_id", "worker", "task_name"}


def test_an_application_with_logging_of_its_own_gets_what_is_logged_masked(
    cli: Caller, database_url: str, tmp_path: Path
) -> None:
    ids = {name: cli.json("enqueue", name)["id"] for name in ("talks.thread", "talks.process")}
    settings = {"database_url": database_url, "poll_seconds": 0.1}
    with program(tmp_path / "output", "worker", "tests.cli.styled_app:app", **settings) as worker:
        eventually_sync(lambda: len(cli.json("tasks", "list", "--status", "succeeded")["items"]) == 2)
        worker.send(signal.SIGTERM)
        assert worker.ends() == 0
    assert "hunter2" not in worker.text
    for task_id in ids.values():
        [line] = [line for line in worker.text.splitlines() if "It talks." in line and task_id in line]
        assert line.startswith("SITE INFO rowlock.handler: It talks. ")
        assert "url='postgresql://ada:***@localhost/shop'" in line
    assert "SITE INFO rowlock.worker: " in worker.text


def alike(line: dict[str, Any]) -> dict[str, Any]:
    """Without what differs from task to task."""
    return {key: value for key, value in line.items() if key not in {"pid", "task_id", "task_name", "timestamp"}}
