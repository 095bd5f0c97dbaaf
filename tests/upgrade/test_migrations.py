"""Migrations: the way up, the way back, two deployers at once, and a comment on everything."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic.script import ScriptDirectory
from tests.cli.caller import Caller
from tests.harness.installation import settings_for
from tests.upgrade.conftest import OLDEST

from rowlock.cli.exit_codes import ExitCode
from rowlock.domain.errors import SchemaOutdated
from rowlock.store.database import Database
from rowlock.store.embedded_binaries import find_binaries
from rowlock.store.migrate import alembic_config, downgrade, migrate, migration_sql
from rowlock.store.revisions import current_revision, head_revision, known_revisions
from rowlock.testing.databases import FreshDatabases

BINARIES = find_binaries(18, None)
PG_DUMP = BINARIES.path("pg_dump")


def dump(url: str, schema: str = "rowlock") -> str:
    """The schema as pg_dump writes it, without what differs from run to run."""
    command = [str(PG_DUMP), "--schema-only", "--no-owner", "--restrict-key=tests", f"--schema={schema}", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return re.sub(r"^-- Dumped .*$", "", text, flags=re.MULTILINE)


def test_the_head_is_alembic_s() -> None:
    assert head_revision() == ScriptDirectory.from_config(alembic_config(None, "rowlock")).get_current_head()


def test_a_fresh_schema_and_an_upgraded_one_are_alike(
    databases: FreshDatabases, full_databases: FreshDatabases
) -> None:
    with full_databases.clone() as fresh, databases.empty() as upgraded:
        revisions = [f"{n:04}" for n in range(1, int(head_revision()) + 1)]
        for revision in revisions:
            migrate(upgraded, revision=revision)
            assert current_revision(upgraded) == revision
        downgrade(upgraded, revision="base")
        migrate(upgraded)
        assert dump(fresh) == dump(upgraded)


@pytest.mark.all_partitions
def test_the_way_back_leaves_nothing(database_url: str) -> None:
    downgrade(database_url)
    with psycopg.connect(database_url) as connection:
        left = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'rowlock'::regnamespace "
            "UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'rowlock'::regnamespace "
            "UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'rowlock'::regnamespace AND typtype = 'e'"
        ).fetchall()
    assert {name for (name,) in left} <= {"migrations", "migrations_pkc"}


@pytest.mark.all_partitions
def test_every_step_back_can_be_taken_forward_again(database_url: str) -> None:
    before = dump(database_url)
    for revision in range(int(head_revision()) - 1, 0, -1):
        downgrade(database_url, revision=f"{revision:04}")
        migrate(database_url, revision=f"{revision + 1:04}")
        downgrade(database_url, revision=f"{revision:04}")
    migrate(database_url)
    assert dump(database_url) == before


def deploy_at_once(url: str, *, deployers: int) -> None:
    script = "import sys; from rowlock.store.migrate import migrate; migrate(sys.argv[1])"
    command = [sys.executable, "-c", script, url]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(deployers)]
    complaints = [deployer.communicate(timeout=60)[1] for deployer in started]
    assert [deployer.returncode for deployer in started] == [0] * deployers, complaints


def test_deployers_at_once_are_fine(empty_database_url: str) -> None:
    deploy_at_once(empty_database_url, deployers=3)
    assert current_revision(empty_database_url) == head_revision()


def test_threads_that_migrate_at_once_are_fine(databases: FreshDatabases) -> None:
    with databases.empty() as one, databases.empty() as two, ThreadPoolExecutor(2) as deployers:
        list(deployers.map(migrate, (one, two)))
        assert current_revision(one) == current_revision(two) == head_revision()


@pytest.mark.all_partitions
def test_another_schema_in_the_same_database(database_url: str) -> None:
    migrate(database_url, schema="zebra")
    renamed = dump(database_url, "zebra").replace('"zebra"', "zebra").replace("zebra", "rowlock")
    assert renamed == dump(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT zebra.enqueue('noop', '{}')")
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM zebra.tasks), (SELECT count(*) FROM rowlock.tasks)"
        ).fetchone()
    assert counts == (1, 0)


def test_the_printed_sql_makes_the_same_schema(databases: FreshDatabases, full_databases: FreshDatabases) -> None:
    with full_databases.clone() as migrated, databases.empty() as by_hand:
        psql = BINARIES.path("psql")
        command = [str(psql), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", by_hand]
        subprocess.run(command, input=migration_sql(), check=True, capture_output=True, text=True)
        assert dump(by_hand) == dump(migrated)
        assert current_revision(by_hand) == head_revision()


def test_a_migration_that_waits_for_a_table_gives_up_and_the_next_run_goes_on(old_database_url: str) -> None:
    """As where a report reads it for hours: what was done before stays."""
    migrate(old_database_url, revision="0023")
    cli = Caller({"ROWLOCK_DATABASE_URL": old_database_url})
    with psycopg.connect(old_database_url) as report:
        report.execute("SELECT count(*) FROM rowlock.idempotency_keys")
        assert cli("migrate").code == ExitCode.UNAVAILABLE
        assert current_revision(old_database_url) == "0024"
    assert cli("migrate").code == 0
    assert current_revision(old_database_url) == head_revision()


async def test_a_database_that_is_behind_is_named(empty_database_url: str) -> None:
    migrate(empty_database_url, revision="0004")
    async with Database(settings_for(empty_database_url)) as database:
        with pytest.raises(SchemaOutdated, match=r"at migration 0004.*rowlock migrate"):
            await database.check_schema(head_revision())


async def test_a_database_that_is_ahead_serves_the_version_before(database_url: str) -> None:
    """Between `rowlock migrate` and the deploy, and after a rollback."""
    async with Database(settings_for(database_url)) as database:
        await database.check_schema(known_revisions()[-2])
        async with database.link() as link:
            await link.query("UPDATE rowlock.migrations SET version_num = '9001'")
        await database.check_schema(head_revision())


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        (
            "tables and views",
            "SELECT relname FROM pg_class WHERE relnamespace = 'rowlock'::regnamespace "
            "AND relkind IN ('r', 'p', 'v') AND NOT relispartition AND relname <> 'migrations' "
            "AND obj_description(oid, 'pg_class') IS NULL",
        ),
        (
            "columns",
            "SELECT relname || '.' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
            "WHERE relnamespace = 'rowlock'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition "
            "AND attnum > 0 AND NOT attisdropped AND relname <> 'migrations' "
            "AND col_description(attrelid, attnum) IS NULL",
        ),
        (
            "functions",
            "SELECT proname FROM pg_proc WHERE pronamespace = 'rowlock'::regnamespace "
            "AND obj_description(oid, 'pg_proc') IS NULL",
        ),
    ],
)
def test_everything_has_a_comment(database_url: str, kind: str, query: str) -> None:
    with psycopg.connect(database_url) as connection:
        missing = [name for (name,) in connection.execute(query.encode()).fetchall()]
    assert missing == [], f"{kind} without a comment"


def test_the_operators_role_may_look_and_not_touch(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET ROLE rowlock_operator")
        views = (
            "task_state, queue_depth, oldest_ready, running_tasks, stuck_tasks, top_failing, dead_letters, "
            "worker_health, schedule_status, partition_sizes, lane_lag, task_steps"
        )
        for view in views.split(", "):
            connection.execute(f"SELECT * FROM rowlock.{view}".encode())
        connection.execute("SELECT id, name FROM rowlock.api_keys")
        for forbidden in (
            "SELECT key_hash FROM rowlock.api_keys",
            "DELETE FROM rowlock.tasks",
            "UPDATE rowlock.tasks SET priority = 0",
            "SELECT rowlock.enqueue('x', '{}')",
            "SELECT rowlock.pause_queue('default')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden.encode())


LARGE_DAY = """
INSERT INTO rowlock.tasks (id, name, status, expires_on, finished_at, error)
SELECT rowlock.new_id(), 'noop', CASE WHEN n % 100 = 0 THEN 'dead' ELSE 'succeeded' END::rowlock.task_status,
       rowlock.today() + 5, rowlock.clock(),
       (SELECT string_agg(md5(n::text || part), '') FROM generate_series(1, 55) AS part)
  FROM generate_series(1, 6000) AS n
"""
SIZE = "SELECT pg_relation_size('rowlock.tasks_' || to_char(rowlock.today() + 5, 'YYYYMMDD'))"
HALF_MADE = """
DO $$
DECLARE
    day text := 'tasks_' || to_char(rowlock.today() + 5, 'YYYYMMDD');
BEGIN
    EXECUTE format('CREATE INDEX %I ON rowlock.%I (tenant_id)', day || '_dead', day);
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = ('rowlock.' || day || '_dead')::regclass;
END $$
"""
RUNNING = "SELECT visible_at, lease_expires_at, lease_moved FROM rowlock.tasks_live WHERE status = 'running'"
DAYS_WITHOUT_INDEX = """
SELECT child.relname || '_dead'
  FROM pg_inherits AS link JOIN pg_class AS child ON child.oid = link.inhrelid
 WHERE link.inhparent = 'rowlock.tasks'::regclass AND child.relname <> 'tasks_live'
EXCEPT
SELECT class.relname FROM pg_index AS index JOIN pg_class AS class ON class.oid = index.indexrelid
 WHERE index.indisvalid AND index.indnatts = 3
"""


def test_leases_and_days_come_along_to_claims_in_place_and_back(old_database_url: str) -> None:
    """What runs keeps its lease, and each day has its index of dead letters, whether it holds little or much, or one
    was being made when an earlier run was cut short."""
    before = dump(old_database_url)
    with psycopg.connect(old_database_url, autocommit=True) as connection:
        connection.execute(LARGE_DAY)
        [(size,)] = connection.execute(SIZE).fetchall()
        assert size > 8 * 1024 * 1024, "not large enough for an index that is made beside the work"
        connection.execute(HALF_MADE)
        connection.execute("SELECT rowlock.enqueue('noop')")
        connection.execute(
            "UPDATE rowlock.tasks_live SET status = 'running', attempt = 1, lease_token = 1, worker_id = 1, "
            "visible_at = rowlock.clock() + interval '1 hour'"
        )
        [(until,)] = connection.execute("SELECT visible_at FROM rowlock.tasks_live").fetchall()
        migrate(old_database_url, revision="0022")
        assert connection.execute(RUNNING).fetchall() == [(until, None, True)]
        assert connection.execute(DAYS_WITHOUT_INDEX).fetchall() == []
        connection.execute(
            "UPDATE rowlock.tasks_live SET visible_at = created_at, lease_expires_at = visible_at, lease_moved = NULL "
            "WHERE status = 'running'"
        )
        downgrade(old_database_url, revision=OLDEST)
        assert connection.execute("SELECT visible_at FROM rowlock.tasks_live").fetchall() == [(until,)]
        assert dump(old_database_url) == before
        migrate(old_database_url)
        assert connection.execute(DAYS_WITHOUT_INDEX).fetchall() == []


def test_days_made_between_two_steps_have_their_index_too(old_database_url: str) -> None:
    """While the parent has one as well, either may have become its part, and goes with it."""
    migrate(old_database_url, revision="0020")
    with psycopg.connect(old_database_url, autocommit=True) as connection:
        connection.execute("SELECT rowlock.make_partitions(30)")
        migrate(old_database_url)
        assert connection.execute(DAYS_WITHOUT_INDEX).fetchall() == []


def test_a_deployer_that_waits_holds_up_no_index(old_database_url: str) -> None:
    """PostgreSQL makes an index CONCURRENTLY once all who have a snapshot are gone."""
    migrate(old_database_url, revision="0019")
    with psycopg.connect(old_database_url, autocommit=True) as connection:
        connection.execute(LARGE_DAY)
    deploy_at_once(old_database_url, deployers=2)
