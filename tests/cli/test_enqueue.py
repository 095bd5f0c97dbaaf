"""`rowlock enqueue`: every option reaches the task, and bad input stores nothing."""

from __future__ import annotations

import inspect
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.cli.caller import Caller

from rowlock import Task


def stored_tasks(database_url: str) -> list[dict[str, Any]]:
    with psycopg.connect(database_url, row_factory=psycopg.rows.dict_row) as connection:
        return connection.execute("SELECT * FROM rowlock.tasks ORDER BY id").fetchall()


def test_every_option_reaches_the_task(cli: Caller, database_url: str) -> None:
    answer = cli(
        "enqueue", "mail.send", "--payload", '{"to": ["ada", 1.5, null]}', "--queue", "mail", "--priority", "high",
        "--delay", "1h30m", "--max-attempts", "7", "--timeout", "90s", "--expires-in", "2d", "--tag", "a", "--tag", "b",
        "--metadata", '{"x": 1}',
        "--idempotency-key", "i", "--idempotency-ttl", "2h", "--payload-version", "3",
        "--unique-key", "u", "--on-duplicate", "refuse", "--flow-key", "f",
        "--tenant", "acme",
    )  # fmt: skip
    assert answer.code == 0
    [task] = stored_tasks(database_url)
    assert answer.out == f"{task['id']}\n"
    assert task["name"] == "mail.send"
    assert task["payload"] == {"to": ["ada", 1.5, None]}
    assert task["queue"] == "mail"
    assert task["priority"] == 1
    assert abs(task["visible_at"] - datetime.now(UTC) - timedelta(minutes=90)) < timedelta(minutes=1)
    assert task["max_attempts"] == 7
    assert task["timeout_seconds"] == 90
    assert task["deadline_at"] - task["created_at"] == timedelta(days=2)
    assert task["tags"] == ["a", "b"]
    assert task["metadata"]["x"] == 1
    assert (task["idempotency_key"], task["unique_key"]) == ("i", "u")
    assert task["lane"] == "acme/f"
    assert task["payload_version"] == 3
    assert task["tenant_id"] == "acme"


def test_a_key_holds_for_as_long_as_is_said_else_as_is_set(
    cli: Caller, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWLOCK_IDEMPOTENCY_HOURS", "7")
    assert cli("enqueue", "a.b", "--idempotency-key", "said", "--idempotency-ttl", "2h").code == 0
    assert cli("enqueue", "a.b", "--idempotency-key", "set").code == 0
    with psycopg.connect(database_url) as connection:
        held = connection.execute("SELECT key, expires_at - created_at FROM rowlock.idempotency_keys").fetchall()
    assert dict(held) == {"said": timedelta(hours=2), "set": timedelta(hours=7)}


def test_python_has_no_option_that_it_lacks(cli: Caller) -> None:
    named = {"tags": "tag", "tenant_id": "tenant"}
    options = set(inspect.signature(Task.options).parameters) - {"self", "on"}  # a connection is a program's own
    told = set(re.findall(r"--([a-z-]+)", cli("enqueue", "--help").out))
    assert {named.get(name, name).replace("_", "-") for name in options} - told == set()


def test_run_at_is_an_instant(cli: Caller, database_url: str) -> None:
    assert cli("enqueue", "a.b", "--run-at", "2090-01-31T08:00:00+01:00").code == 0
    [task] = stored_tasks(database_url)
    assert task["visible_at"] == datetime(2090, 1, 31, 7, tzinfo=UTC)


def test_json_tells_what_became_of_it(cli: Caller) -> None:
    first = cli.json("enqueue", "a.b", "--idempotency-key", "k", "--priority", "0")
    again = cli.json("enqueue", "a.b", "--idempotency-key", "k", "--priority", "0")
    assert first["created"] is True
    assert first["priority"] == "critical"
    assert again == {**first, "created": False}
    assert cli("enqueue", "a.b", "--idempotency-key", "k", "--payload", '{"other": 1}').code == 4


def test_a_chosen_id_tells_whether_the_task_is_stored_already(cli: Caller, database_url: str) -> None:
    chosen = "0192f0c1-6d2a-7cc3-9d4e-0123456789ab"
    assert cli("enqueue", "a.b", "--id", chosen).out == f"{chosen}\n"
    assert cli("enqueue", "a.b", "--id", chosen).code == 4
    assert cli("enqueue", "a.b", "--id", "7").code == 2
    assert [str(task["id"]) for task in stored_tasks(database_url)] == [chosen]


def test_a_payload_may_come_from_a_file_or_stdin(cli: Caller, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "payload.json"
    file.write_text('{"from": "a file"}')
    assert cli("enqueue", "a.b", "--payload", f"@{file}").code == 0
    assert cli("enqueue", "a.b", "--payload", "-", stdin=b'{"from": "stdin"}').code == 0
    assert [task["payload"]["from"] for task in stored_tasks(database_url)] == ["a file", "stdin"]


def test_a_registered_handler_gives_the_defaults(cli: Caller, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO rowlock.handlers"
            " (name, queue, priority, max_attempts, timeout_seconds, payload_version, executor)"
            " VALUES ('mail.send', 'mail', 3, 9, 12, 2, 'async')"
        )
    cli.json("enqueue", "mail.send")
    cli.json("enqueue", "mail.send", "--queue", "other", "--max-attempts", "1")
    first, second = stored_tasks(database_url)
    assert (first["queue"], first["priority"], first["max_attempts"], first["timeout_seconds"]) == ("mail", 3, 9, 12)
    assert (second["queue"], second["priority"], second["max_attempts"]) == ("other", 3, 1)


def test_a_registered_handler_s_schema_holds_the_payload(cli: Caller, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO rowlock.handlers (name, queue, priority, max_attempts, payload_schema, executor)"
            """ VALUES ('mail.send', 'mail', 2, 4, '{"properties": {"to": {"type": "integer"}}}', 'async')"""
        )
    refused = cli("enqueue", "mail.send", "--payload", '{"to": "ada"}', "--json")
    assert refused.code == 2
    assert "payload.to" in refused.error["detail"]
    assert stored_tasks(database_url) == []
    assert cli("enqueue", "mail.send", "--payload", '{"to": 1}').code == 0


def test_a_strict_installation_refuses_what_nobody_declared(
    cli: Caller, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWLOCK_STRICT", "true")
    refused = cli("enqueue", "a.b", "--json")
    assert refused.code == 2
    assert "'a.b'" in refused.error["detail"]
    assert stored_tasks(database_url) == []


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param("{", id="not JSON"),
        pytest.param("", id="empty"),
        pytest.param("[1]", id="an array"),
        pytest.param('"text"', id="a text"),
        pytest.param("1", id="a number"),
        pytest.param("null", id="null"),
        pytest.param('{"x": NaN}', id="NaN"),
        pytest.param('{"x": Infinity}', id="infinity"),
        pytest.param('{"x": 1e309}', id="1e309"),
        pytest.param('{"x": 123456789012345678901234567890}', id="beyond 64 bits"),
        pytest.param('{"x": "\\u0000"}', id="NUL"),
        pytest.param('{"x": "\\ud800"}', id="lone surrogate"),
        pytest.param('{"x": "\udcff"}', id="bytes that are no text"),
        pytest.param('{"x":' * 100 + "1" + "}" * 100, id="deep"),
        pytest.param('{"x":' + "[" * 100_000 + "]" * 100_000 + "}", id="very deep"),
        pytest.param(json.dumps({"x": "a" * 1_100_000}), id="large"),
        pytest.param("@/nosuch/file", id="no file"),
        pytest.param("@/dev/zero", id="endless file"),
    ],
)
def test_a_bad_payload_is_2_and_stores_nothing(cli: Caller, database_url: str, payload: str) -> None:
    answer = cli("enqueue", "a.b", "--payload", payload, "--json")
    assert answer.code == 2
    assert answer.error["exit_code"] == 2
    assert len(answer.error["detail"]) < 300
    assert stored_tasks(database_url) == []


@pytest.mark.parametrize(
    "options",
    [
        ["--delay", "-5"],
        ["--delay", "soon"],
        ["--delay", "99999999999999999d"],
        ["--delay", "1m", "--run-at", "2090-01-01T00:00:00Z"],
        ["--run-at", "10000-01-01T00:00:00Z"],
        ["--run-at", "tomorrow"],
        ["--max-attempts", "0"],
        ["--max-attempts", "many"],
        ["--timeout", "0"],
        ["--expires-in", "0"],
        ["--expires-in", "1h", "--delay", "2h"],
        ["--queue", "no such"],
        ["--queue", "a\x00b"],
        ["--tag", ""],
        ["--idempotency-key", ""],
        ["--on-duplicate", "explode"],
        ["--metadata", "[]"],
        ["--unknown", "x"],
    ],
    ids=" ".join,
)
def test_a_bad_option_is_2_and_stores_nothing(cli: Caller, database_url: str, options: list[str]) -> None:
    assert cli("enqueue", "a.b", *options).code == 2
    assert stored_tasks(database_url) == []
