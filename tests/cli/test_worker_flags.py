"""What `rowlock worker` works with: its flags, for what its handlers enqueue too; else what the application says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.caller import Caller
from tests.cli.supervised import program
from tests.harness.eventually import eventually_sync

APP = "tests.cli.enqueueing_app:app"


def test_what_handlers_enqueue_goes_where_the_flags_say(
    cli: Caller, empty_database_url: str, database_url: str, tmp_path: Path
) -> None:
    where = ("--database-url", empty_database_url, "--schema", "jobs")
    assert cli("migrate", *where).code == 0
    payloads = {"by.loop": {}, "by.thread": {}, "by.process": {}, "by.caller": {"url": empty_database_url}}
    for name, payload in payloads.items():
        cli.json("enqueue", name, "--payload", json.dumps(payload), *where)
    with program(tmp_path / "output", "worker", APP, *where, database_url=database_url, poll_seconds=0.1):
        eventually_sync(lambda: leaves(cli, *where) == {"loop", "thread", "process", "caller"})
    assert leaves(cli) == set()


def leaves(cli: Caller, *where: str) -> set[str]:
    """By what the leaves there were enqueued."""
    return {leaf["payload"]["by"] for leaf in cli.json("tasks", "list", "--name", "leaf", *where)["items"]}


@pytest.mark.parametrize(
    ("flags", "concurrency"),
    [((), 7), (("--concurrency", "3"), 3), (("--concurrency", "3", "--processes", "2"), 3), (("--processes", "2"), 7)],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_an_application_is_given_by_name_counts_unless_a_flag_says_otherwise(
    cli: Caller, database_url: str, tmp_path: Path, flags: tuple[str, ...], concurrency: int
) -> None:
    """Or a web process would enqueue where no worker looks."""
    assert cli("migrate", "--schema", "jobs").code == 0
    task = cli.json("enqueue", "noop", "--schema", "jobs")["id"]
    environment = {"database_url": database_url, "concurrency": "50", "poll_seconds": 0.1}
    with program(tmp_path / "output", "worker", "tests.cli.named_app:app", *flags, **environment):
        eventually_sync(lambda: cli.json("tasks", "show", task, "--schema", "jobs")["status"] == "succeeded")
        workers = cli.json("workers", "--schema", "jobs")["items"]
    assert {worker["concurrency"] for worker in workers} == {concurrency}
    assert cli.json("workers")["items"] == []
