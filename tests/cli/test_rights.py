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


TO_ENQUEUE = (
    "GRANT USAGE ON SCHEMA rowlock TO {}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA rowlock TO {}",
    "GRANT INSERT, UPDATE ON rowlock.tasks_live, rowlock.idempotency_keys TO {}",
)
WITH_UNIQUE_KEYS = (
    "GRANT DELETE ON rowlock.tasks_live TO {}",
    "GRANT INSERT, UPDATE ON rowlock.tasks TO {}",
    "GRANT INSERT ON rowlock.executions TO {}",
)
# A holder of the unique key that waits past its deadline, one that a worker left, and one whose id was used before.
OVERDUE = "UPDATE rowlock.tasks_live SET deadline_at = rowlock.clock() - interval '1 second'"
LEFT = (
    ", status = 'running', attempt = 1, started_at = rowlock.clock(), lease_token = 1, worker_id = 1"
    ", lease_moved = true, lease_expires_at = created_at, visible_at = created_at"
)
USED = (
    "INSERT INTO rowlock.tasks (id, name, status, expires_on, finished_at)"
    " SELECT id, name, 'dead', rowlock.expiry_day(tenant_id, queue, 'dead'), rowlock.clock() FROM rowlock.tasks_live"
)


@pytest.fixture
def caller(database_url: str, admin: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A connection of a role that has the rights to enqueue without unique keys."""
    with role(database_url) as name:
        for grant in TO_ENQUEUE:
            admin.execute(grant.format(name).encode())
        with psycopg.connect(url_of(database_url, name), autocommit=True) as connection:
            yield connection


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def test_the_rights_that_are_documented_suffice_to_enqueue(caller: psycopg.Connection) -> None:
    caller.execute("SELECT rowlock.enqueue('mail.send')")
    caller.execute("SELECT rowlock.enqueue('mail.send', idempotency_key => 'a')")


@pytest.mark.parametrize("holder", [[OVERDUE], [OVERDUE + LEFT], [USED, OVERDUE]], ids=["waits", "left", "used"])
def test_they_do_with_unique_keys_of_tasks_past_their_deadline(
    caller: psycopg.Connection, admin: psycopg.Connection, holder: list[str]
) -> None:
    for grant in WITH_UNIQUE_KEYS:
        admin.execute(grant.format(caller.info.user).encode())
    enqueue = "SELECT rowlock.enqueue('mail.send', unique_key => 'a')"
    first = caller.execute(enqueue).fetchone()
    for statement in holder:
        admin.execute(statement.encode())
    assert caller.execute(enqueue).fetchone() != first
    assert admin.execute(
        "SELECT reason FROM rowlock.tasks WHERE finished_at IS NOT NULL ORDER BY reason"
    ).fetchone() == ("expired",)
