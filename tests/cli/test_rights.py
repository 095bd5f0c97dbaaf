"""A role that may log in and do nothing: every command says which right is missing, and none takes it for a defect."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from tests.cli.caller import Caller
from tests.harness.roles import role, url_of

from rowlock.cli.exit_codes import ExitCode

COMMANDS = (
    "tasks list",
    f"tasks show {UUID(int=1)}",
    f"tasks redrive {UUID(int=1)}",
    "enqueue mail.send",
    "workers",
    "handlers",
    "maintain",
    "migrate",
    "keys list",
    "keys create --name x --scopes read",
    "queues list",
    "queues pause mail",
    "schedules list",
    "schedules create nightly --task mail.send --every 1h",
    "dead-letters list",
)


@pytest.fixture
def plain(database_url: str) -> Iterator[str]:
    """The URL for a role without any right."""
    with role(database_url) as name:
        yield url_of(database_url, name)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_names_the_right(plain: str, command: str) -> None:
    answer = Caller({"ROWLOCK_DATABASE_URL": plain})(*command.split())
    assert answer.code == ExitCode.UNAVAILABLE
    assert answer.err.startswith("Error: The role lacks a right: permission denied for schema rowlock. ")
    assert answer.err.count("\n") == 1


def test_the_doctor_finds_it(plain: str) -> None:
    answer = Caller({"ROWLOCK_DATABASE_URL": plain})("doctor", "--json")
    assert answer.code == ExitCode.NO
    found = {each["check"]: each for each in answer.json["findings"]}
    assert found["rights"]["verdict"] == "problem"
    assert "permission denied for schema rowlock" in found["rights"]["detail"]
    assert "Rights" in found["rights"]["advice"]
    assert found["server"]["verdict"] == "ok"
    assert "connection" not in found


def test_the_rights_that_are_documented_suffice_to_enqueue(database_url: str) -> None:
    with role(database_url) as name, psycopg.connect(database_url, autocommit=True) as admin:
        for grant in (
            "GRANT USAGE ON SCHEMA rowlock TO {}",
            "GRANT SELECT ON ALL TABLES IN SCHEMA rowlock TO {}",
            "GRANT INSERT, UPDATE ON rowlock.tasks_live, rowlock.idempotency_keys TO {}",
        ):
            admin.execute(grant.format(name).encode())
        with psycopg.connect(url_of(database_url, name)) as connection:
            for arguments in ("'mail.send'", "'mail.send', idempotency_key => 'a'", "'mail.send', unique_key => 'b'"):
                connection.execute(f"SELECT rowlock.enqueue({arguments})".encode())
