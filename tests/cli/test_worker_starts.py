"""How `rowlock worker` begins where something is amiss, and what it says when it ends."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.cli.supervised import program

APPS = "tests.cli.odd_apps"
NOWHERE = "postgresql://postgres@127.0.0.1:1/none"


def test_being_stopped_while_the_database_is_away_is_no_failure(tmp_path: Path) -> None:
    arguments = ("worker", f"{APPS}:without_schema", "--database-url", NOWHERE)
    with program(tmp_path / "output", *arguments, connect_seconds=0.5) as running:
        running.says("cannot be reached")
        running.send(signal.SIGTERM)
        assert running.ends() == 0
        assert "The worker stops before it has begun." in running.text
        assert "Unexpected" not in running.text


def test_an_error_out_of_a_task_group_is_told_as_itself(database_url: str, tmp_path: Path) -> None:
    with program(tmp_path / "output", "worker", f"{APPS}:failing", database_url=database_url) as running:
        assert running.ends() == 6
        assert "Error: The other database cannot be reached." in running.text
        assert "ExceptionGroup" not in running.text
