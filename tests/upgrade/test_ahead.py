"""A database that a newer version has migrated: between the two steps of an upgrade, and after a rollback."""

from __future__ import annotations

import psycopg
import pytest
from tests.cli.caller import Caller
from tests.harness.installation import settings_for

from rowlock.cli.startup.installation import bring_schema_to_head
from rowlock.cli.startup.progress import Progress
from rowlock.store.migrate import migrate
from rowlock.store.revisions import current_revision, head_revision


@pytest.fixture
def ahead_url(database_url: str) -> str:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE rowlock.migrations SET version_num = '9001'")
    return database_url


@pytest.mark.parametrize("revision", ["head", "0001"])
def test_there_is_nothing_to_migrate(ahead_url: str, revision: str) -> None:
    migrate(ahead_url, revision=revision)
    assert current_revision(ahead_url) == "9001"


def test_migrate_says_so(ahead_url: str) -> None:
    answer = Caller({"ROWLOCK_DATABASE_URL": ahead_url})("migrate")
    head = head_revision()
    assert answer.out == f"The schema rowlock is ahead, at migration 9001; this version knows those to {head}.\n"
    assert answer.code == 0


async def test_up_leaves_it_as_it_is(ahead_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    await bring_schema_to_head(ahead_url, settings_for(ahead_url), Progress())
    assert "rowlock is ahead, at migration 9001" in capsys.readouterr().out
    assert current_revision(ahead_url) == "9001"


def test_the_doctor_warns_and_looks_at_the_rest(ahead_url: str) -> None:
    answer = Caller({"ROWLOCK_DATABASE_URL": ahead_url})("doctor", "--json")
    found = {finding["check"]: finding for finding in answer.json["findings"]}
    assert found["migrations"]["verdict"] == "warning"
    assert found["migrations"]["detail"].startswith("The database is ahead, at 9001")
    assert "rowlock migrate" not in found["migrations"]["advice"]
    assert {"partitions", "workers", "scheduler"} <= found.keys()


def test_a_revision_that_nobody_knows_is_told(database_url: str) -> None:
    """As before: it is behind the head, and of no version of rowlock's."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE rowlock.migrations SET version_num = '0000'")
    answer = Caller({"ROWLOCK_DATABASE_URL": database_url})("migrate")
    assert "Can't locate revision identified by '0000'" in answer.err
