"""Which migrations there are, and which of them a database is at. Servers ask that when they start; alembic, which runs
the migrations, takes longer to load than they have for it."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

from rowlock.domain.errors import SchemaOutdated
from rowlock.store.errors import translated
from rowlock.store.links import connection_options

TABLE = "migrations"


def migrations_folder() -> Path:
    """Where the scripts are: inside the installed package, or in the repository that `app/rowlock` lies in."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parents[1] / "migrations"


def known_revisions() -> list[str]:
    """The revisions that this version of rowlock knows, oldest first: scripts are called after theirs, `0012_….py`."""
    scripts = (migrations_folder() / "versions").glob("[0-9]*_*.py")
    return sorted(script.name.partition("_")[0] for script in scripts)


def head_revision() -> str:
    """The newest of them."""
    if not (known := known_revisions()):
        raise SchemaOutdated(f"No migrations were found in {migrations_folder()}.")
    return known[-1]


def is_ahead(found: str | None, head: str) -> bool:
    """Whether a database has been migrated by a newer version than the one whose head that is."""
    return found is not None and found > head  # all have four digits


def current_revision(url: str, schema: str = "rowlock") -> str | None:
    """The revision that the database is at; None before the first migration."""
    table = sql.Identifier(schema, TABLE)
    with translated(), psycopg.connect(url, autocommit=True, **connection_options(url)) as connection:
        [known] = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table.as_string(connection),))
        if known == (False,):
            return None
        row = connection.execute(sql.SQL("SELECT version_num FROM {}").format(table)).fetchone()
        return row and str(row[0])
