"""`rowlock watch`: the task and its children to the end, and an exit code that says how it ended."""

from __future__ import annotations

import json
import threading
from uuid import UUID

import psycopg
import pytest
from tests.cli.caller import Answer, Caller
from tests.harness.eventually import eventually_sync

PARENT, CHILD = UUID(int=1), UUID(int=2)


def finish(database_url: str, task: UUID | str, status: str) -> None:
    """Ends a task as a worker would have."""
    with psycopg.connect(database_url) as connection:
        moved = connection.execute(
            "WITH gone AS (DELETE FROM rowlock.tasks_live WHERE id = %s RETURNING *)"
            " INSERT INTO rowlock.tasks (id, name, status, parent_id, attempt, error, finished_at, expires_on)"
            " SELECT id, name, %s, parent_id, 1, CASE %s WHEN 'dead' THEN 'It broke.' END, now(), rowlock.today() + 7"
            " FROM gone",
            (task, status, status),
        )
        assert moved.rowcount == 1


@pytest.fixture
def family(cli: Caller, database_url: str) -> tuple[str, str]:
    """A task and its child, both live."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT rowlock.enqueue('tree', id => %s)", (PARENT,))
        connection.execute("SELECT rowlock.enqueue('leaf', id => %s, parent_id => %s)", (CHILD, PARENT))
    return str(PARENT), str(CHILD)


def watched_while(cli: Caller, task: str, *arguments: str) -> tuple[threading.Thread, list[Answer]]:
    """Begins to watch; the list holds the answer at the end."""
    answers: list[Answer] = []
    watching = threading.Thread(target=lambda: answers.append(cli("watch", task, *arguments)), daemon=True)
    watching.start()
    return watching, answers


def test_it_waits_for_task_and_children(cli: Caller, database_url: str, family: tuple[str, str]) -> None:
    parent, child = family
    watching, answers = watched_while(cli, parent, "--json")
    with psycopg.connect(database_url, autocommit=True) as connection:
        watchers = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'rowlock cli' AND datname = current_database()"
        )
        eventually_sync(lambda: connection.execute(watchers).fetchone() != (0,))
    finish(database_url, parent, "succeeded")
    assert not answers
    finish(database_url, child, "succeeded")
    watching.join(timeout=20)
    [answer] = answers
    assert answer.code == 0
    seen = [json.loads(line) for line in answer.out.splitlines()]
    assert seen[-1]["status"] == "succeeded"
    assert seen[-1]["children"] == {"succeeded": 1}
    assert [document["finished"] for document in seen] == [False] * (len(seen) - 1) + [True]


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        (("succeeded", "cancelled"), 0),
        (("dead", "succeeded"), 1),
        (("cancelled", "succeeded"), 1),
        (("succeeded", "dead"), 1),
    ],
)
def test_the_exit_code_says_how_it_ended(
    cli: Caller, database_url: str, family: tuple[str, str], ends: tuple[str, str], code: int
) -> None:
    for task, end in zip(family, ends, strict=True):
        finish(database_url, task, end)
    answer = cli("watch", family[0])
    assert answer.code == code
    error = ": It broke" if ends[0] == "dead" else ""
    assert answer.out == f"tree has ended as {ends[0]}{error}. Children: 1 {ends[1]}.\n"


def test_an_unknown_task_is_3(cli: Caller) -> None:
    assert cli("watch", str(PARENT)).code == 3
