"""What a deployer must be allowed to do, and what may be missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from tests.cli.caller import Caller
from tests.harness.installation import settings_for
from tests.harness.roles import role, url_of

from rowlock.cli.startup.installation import bring_schema_to_head
from rowlock.cli.startup.progress import Progress
from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.trouble import Trouble
from rowlock.store.migrate import downgrade, migrate, migration_sql
from rowlock.store.revisions import current_revision, head_revision

SQL_REFERENCE = Path(__file__).parents[2] / "docs/reference/sql.md"


def test_whoever_owns_the_schema_needs_no_right_to_make_one(empty_database_url: str) -> None:
    with role(empty_database_url) as owner, psycopg.connect(empty_database_url, autocommit=True) as admin:
        mine = url_of(empty_database_url, owner)
        with pytest.raises(DatabaseUnavailable, match="permission denied for database") as refused:
            migrate(mine)
        assert refused.value.trouble is Trouble.ACCESS_REFUSED
        admin.execute(f"CREATE SCHEMA rowlock AUTHORIZATION {owner}".encode())
        migrate(mine)
        assert current_revision(mine) == head_revision()
        downgrade(mine)
        migrate(mine)


def test_the_printed_sql_needs_no_right_to_make_a_schema_either(empty_database_url: str) -> None:
    with role(empty_database_url) as owner, psycopg.connect(empty_database_url, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA rowlock AUTHORIZATION {owner}".encode())
        beginning = re.match(r".*?END \$\$;", migration_sql(revision="0001"), re.DOTALL)
        assert beginning
        with psycopg.connect(url_of(empty_database_url, owner)) as connection:
            connection.execute(beginning[0].encode())


def test_the_way_back_does_without_the_operators_role_that_could_not_be_made(empty_database_url: str) -> None:
    """It is called after the schema, and nobody has made one of that name."""
    with role(empty_database_url) as owner, psycopg.connect(empty_database_url, autocommit=True) as admin:
        admin.execute(f"CREATE SCHEMA apart AUTHORIZATION {owner}".encode())
        mine = url_of(empty_database_url, owner)
        migrate(mine, "apart")
        assert admin.execute("SELECT FROM pg_roles WHERE rolname = 'apart_operator'").fetchall() == []
        downgrade(mine, "apart")
        assert current_revision(mine, "apart") is None


MEMBERS = """
SELECT child.relname, pg_get_userbyid(child.relowner)
  FROM pg_inherits AS link
  JOIN pg_class AS parent ON parent.oid = link.inhparent AND parent.relkind = 'p'
  JOIN pg_class AS child ON child.oid = link.inhrelid
 WHERE parent.relnamespace = 'rowlock'::regnamespace
"""
LONGER = "SELECT rowlock.make_partitions(16)"
ALTERED = "ALTER TABLE rowlock.tasks ADD COLUMN more text"


@dataclass(frozen=True)
class Two:
    """The owner of a database's schema, a member of that role, and the superuser."""

    owner: str
    member: str
    owners_url: str
    members_url: str
    admin: psycopg.Connection[tuple[object, ...]]

    def partitions_of(self, name: str) -> set[object]:
        return {child for child, owner in self.admin.execute(MEMBERS.encode()).fetchall() if owner == name}


@pytest.fixture
def two(empty_database_url: str) -> Iterator[Two]:
    url = empty_database_url
    with psycopg.connect(url, autocommit=True) as admin, role(url) as owner, role(url, of=owner) as member:
        admin.execute(f"CREATE SCHEMA rowlock AUTHORIZATION {owner}".encode())
        yield Two(owner, member, url_of(url, owner), url_of(url, member), admin)


def run(url: str, statement: str) -> list[str]:
    """Runs it; what the server noted meanwhile."""
    notes: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.add_notice_handler(lambda said: notes.append(said.message_primary or ""))
        connection.execute(statement.encode())
    return notes


def test_partitions_belong_to_the_owner_of_their_table_whoever_makes_them(two: Two) -> None:
    migrate(two.owners_url)
    run(two.members_url, LONGER)
    assert two.partitions_of(two.member) == set()
    run(str(two.admin.info.dsn), "SELECT rowlock.make_partitions(17)")
    assert len(two.partitions_of(two.owner)) == len(two.admin.execute(MEMBERS.encode()).fetchall())
    run(two.owners_url, ALTERED)


def test_partitions_of_others_are_handed_over_where_whoever_migrates_may(two: Two, empty_database_url: str) -> None:
    migrate(two.owners_url, revision="0026")
    run(two.members_url, LONGER)
    assert two.partitions_of(two.member)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner of table tasks_"):
        run(two.owners_url, ALTERED)
    migrate(empty_database_url)
    assert two.partitions_of(two.member) == set()
    run(two.owners_url, ALTERED)


@pytest.mark.parametrize("json", [False, True])
def test_partitions_that_could_not_be_handed_over_are_noted_with_what_to_run(two: Two, json: bool) -> None:
    migrate(two.owners_url, revision="0026")
    run(two.members_url, LONGER)
    cli = Caller({"ROWLOCK_DATABASE_URL": two.owners_url})
    answer = cli("migrate", *(["--json"] if json else []))
    kept = two.partitions_of(two.member)
    [note] = answer.json["notes"] if json else answer.err.removeprefix("Note: ").splitlines()
    assert answer.err == ("" if json else f"Note: {note}\n")
    beginning, _, noted = note.partition(" As their owner, or a superuser, run: ")
    assert beginning == "A migration that changes these tables must own them."
    assert noted.count("ALTER TABLE") == len(kept) > 0
    [documented] = re.findall(r"```sql\n(SELECT format\('ALTER TABLE.*?)```", SQL_REFERENCE.read_text(), re.DOTALL)
    printed = [str(how) for (how,) in two.admin.execute(documented.encode()).fetchall()]
    assert sorted(printed) == sorted(re.findall(r"ALTER TABLE .*?;", noted))
    run(two.members_url, noted)
    assert two.partitions_of(two.member) == set()
    run(two.owners_url, ALTERED)


async def test_up_tells_notes_too(two: Two, capsys: pytest.CaptureFixture[str]) -> None:
    migrate(two.owners_url, revision="0026")
    run(two.members_url, LONGER)
    await bring_schema_to_head(two.owners_url, settings_for(two.owners_url), Progress())
    assert re.search(r"^Note +A migration that changes these tables must own them\.", capsys.readouterr().out, re.M)


def test_a_partition_that_may_not_be_given_away_is_made_all_the_same(two: Two) -> None:
    """Its new owner would have to be allowed to make tables in the schema."""
    migrate(two.owners_url)
    two.admin.execute(f"ALTER SCHEMA rowlock OWNER TO {two.admin.info.user}".encode())
    two.admin.execute(f"GRANT CREATE ON SCHEMA rowlock TO {two.member}".encode())
    two.admin.execute(f"GRANT USAGE ON SCHEMA rowlock TO {two.owner}".encode())
    run(two.members_url, LONGER)
    assert two.partitions_of(two.member)
