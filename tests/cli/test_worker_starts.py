"""How `rowlock worker` begins where something is amiss, and what it says when it ends."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest
from tests.cli.caller import Caller
from tests.cli.supervised import program
from tests.harness.eventually import eventually_sync

APPS = "tests.cli.odd_apps"
NOWHERE = "postgresql://postgres@127.0.0.1:1/none"


def test_a_handler_whose_payload_has_no_schema_is_registered_without_one(
    cli: Caller, database_url: str, tmp_path: Path
) -> None:
    paid = cli.json("enqueue", "pay", "--payload", '{"price": {"money": 3}}')["id"]
    arguments = ("worker", f"{APPS}:without_schema")
    with program(tmp_path / "output", *arguments, database_url=database_url, poll_seconds=0.1) as running:
        eventually_sync(lambda: cli.json("tasks", "show", paid)["result"] == 3)
        running.send(signal.SIGTERM)
        assert running.ends() == 0
    schemas = {each["name"]: each["payload_schema"] for each in cli.json("handlers")["items"]}
    assert schemas["pay"] is None
    assert schemas["plain"]["required"] == ["number"]


def test_being_stopped_while_the_database_is_away_is_no_failure(tmp_path: Path) -> None:
    arguments = ("worker", f"{APPS}:without_schema", "--database-url", NOWHERE)
    with program(tmp_path / "output", *arguments, connect_seconds=0.5) as running:
        running.says("cannot be reached")
        running.send(signal.SIGTERM)
        assert running.ends() == 0
        assert "The worker stops before it has begun." in running.text
        assert "Unexpected" not in running.text


@pytest.mark.parametrize("arguments", [("worker", f"{APPS}:without_schema"), ("scheduler",)], ids=lambda a: a[0])
def test_a_metrics_port_in_use_is_told_with_what_to_do(
    database_url: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = {"metrics_host": "127.0.0.1", "metrics_port": taken.getsockname()[1], "database_url": database_url}
        with program(tmp_path / "output", *arguments, **settings) as running:
            assert running.ends() == 2
    assert "Address already in use. Each process needs a port to itself" in running.text
    assert "ROWLOCK_METRICS_PORT" in running.text
    assert "Unexpected" not in running.text


def test_an_error_out_of_a_task_group_is_told_as_itself(database_url: str, tmp_path: Path) -> None:
    with program(tmp_path / "output", "worker", f"{APPS}:failing", database_url=database_url) as running:
        assert running.ends() == 6
        assert "Error: The other database cannot be reached." in running.text
        assert "ExceptionGroup" not in running.text
