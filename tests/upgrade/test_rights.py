"""What a deployer must be allowed to do, and what may be missing."""

from __future__ import annotations

import re

import psycopg
import pytest
from tests.harness.roles import role, url_of

from rowlock.domain.errors import DatabaseUnavailable
from rowlock.domain.trouble import Trouble
from rowlock.store.migrate import downgrade, migrate, migration_sql
from rowlock.store.revisions import current_revision, head_revision


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
