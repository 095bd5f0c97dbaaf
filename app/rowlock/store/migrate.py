"""Migrations: the one way in which the database's shape changes.

`migrate` is what `rowlock migrate` and `alembic upgrade head` both end in. The scripts lie in the repository's
`migrations` folder, and in the wheel beside the package. `run`, `run_file` and `names` are the vocabulary of the
scripts.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable

import alembic.command
import psycopg
import sqlalchemy as sa
from alembic import context, op
from alembic.config import Config
from alembic.util import CommandError

from rowlock.store.addresses import url_from_settings
from rowlock.store.errors import translated
from rowlock.store.links import connection_options
from rowlock.store.revisions import current_revision, head_revision, is_ahead, migrations_folder
from rowlock.store.statements import render

MIGRATION_LOCK = "rowlock.migrations"
_ONE_AT_A_TIME = threading.Lock()  # alembic keeps its context in module globals
RAISED = "exec_stmt_raise"  # where the server says that PL/pgSQL's RAISE comes from
_BIND_LIKE = re.compile(r"(?<!:):(?=\w)")


def engine_for(url: str, note: Callable[[str], None] | None = None) -> sa.Engine:
    """A throw-away SQLAlchemy engine on psycopg 3. libpq reads the URL, for SQLAlchemy cannot read several hosts.
    `note` takes what scripts raise as a notice; the server's own, such as that something exists already, are nobody's
    business."""

    def heard(said: psycopg.errors.Diagnostic) -> None:
        if note is not None and said.source_function == RAISED:
            note(said.message_primary or "")

    def connect() -> psycopg.Connection[tuple[object, ...]]:
        connection = psycopg.connect(url, **connection_options(url))
        connection.add_notice_handler(heard)
        return connection

    return sa.create_engine("postgresql+psycopg://", creator=connect, poolclass=sa.pool.NullPool)


def alembic_config(
    url: str | None,
    schema: str,
    output: io.StringIO | None = None,
    *,
    note: Callable[[str], None] | None = None,
) -> Config:
    config = Config(output_buffer=output) if output else Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(url=url, schema=schema, note=note)
    return config


def migrate(
    url: str, schema: str = "rowlock", revision: str = "head", *, note: Callable[[str], None] | None = None
) -> None:
    """Brings the schema to `revision`; waits for another deployer, then finds nothing to do. Neither is there anything
    to do where a newer version has migrated: what it added, this one does not notice. `note` takes what migrations have
    to say, such as what somebody with more rights is to do."""
    with translated(), _ONE_AT_A_TIME:
        try:
            alembic.command.upgrade(alembic_config(url, schema, note=note), revision)
        except CommandError:  # alembic does not find the script of what the database is at
            if not is_ahead(current_revision(url, schema), head_revision()):
                raise


def downgrade(url: str, schema: str = "rowlock", revision: str = "base") -> None:
    """Takes migrations back; tables of the undone ones are dropped with their rows."""
    with translated(), _ONE_AT_A_TIME:
        alembic.command.downgrade(alembic_config(url, schema), revision)


def migration_sql(schema: str = "rowlock", revision: str = "head") -> str:
    """The SQL that `migrate` would run on an empty database."""
    output = io.StringIO()
    with _ONE_AT_A_TIME:
        alembic.command.upgrade(alembic_config(None, schema, output), revision, sql=True)
    return output.getvalue()


def run(sql: str) -> None:
    """Executes SQL of a migration script, rendered for the schema that is being migrated."""
    rendered = render(sql, context.config.attributes["schema"])
    op.execute(sa.text(_BIND_LIKE.sub(r"\\:", rendered)))


def names(sql: str) -> list[str]:
    """What a query of a migration script finds in its first column; for the scripts that look at what there is."""
    rendered = render(sql, context.config.attributes["schema"])
    return list(op.get_bind().execute(sa.text(_BIND_LIKE.sub(r"\\:", rendered))).scalars())


def run_file(name: str) -> None:
    """Executes a file of `migrations/sql`."""
    run((migrations_folder() / "sql" / name).read_text("utf-8"))


__all__ = [
    "MIGRATION_LOCK",
    "downgrade",
    "engine_for",
    "migrate",
    "migration_sql",
    "names",
    "run",
    "run_file",
    "url_from_settings",
]
