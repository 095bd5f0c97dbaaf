"""The flags of `rowlock worker` say which installation, for what its handlers enqueue too."""

from __future__ import annotations

import json
from pathlib import Path

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
