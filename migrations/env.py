"""How alembic runs rowlock's migrations: one transaction for each, two deployers at once are fine.

The whole run holds an advisory lock, so a second deployer waits and then finds nothing to do. `lock_timeout` keeps a
migration from queueing in front of everybody else for long: it fails instead, and is run again. It counts for each
lock, and while a migration waits for one it keeps those that it has.
"""

import time

from alembic import context
from sqlalchemy import Connection

from rowlock.config import load_settings
from rowlock.domain.errors import ConfigurationError
from rowlock.store.migrate import MIGRATION_LOCK, engine_for, url_from_settings
from rowlock.store.revisions import TABLE

LOCK_TIMEOUT = "10s"
# IF NOT EXISTS would ask for the right to make schemas in the database even where there is nothing to make.
CREATE_SCHEMA = """
DO $$
BEGIN
    IF to_regnamespace('"{0}"') IS NULL THEN
        CREATE SCHEMA "{0}";
    END IF;
END $$
"""


def configure(**target: object) -> None:
    schema = context.config.attributes.get("schema") or load_settings().schema_
    context.config.attributes["schema"] = schema
    context.configure(
        version_table=TABLE,
        version_table_schema=schema,
        transaction_per_migration=True,
        **target,  # type: ignore[arg-type]
    )


def run_offline() -> None:
    configure(url="postgresql+psycopg://", literal_binds=True, dialect_opts={"paramstyle": "named"})
    schema = context.config.attributes["schema"]
    print(f"{CREATE_SCHEMA.format(schema).strip()};\n", file=context.config.output_buffer)
    context.run_migrations()


def refuse_pooler(connection: Connection) -> None:
    """The lock below is the session's, and a pooler in transaction mode gives each transaction another session."""
    announced = connection.connection.dbapi_connection.info.backend_pid
    asked = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    connection.rollback()  # alembic commits only what it has begun itself
    if asked != announced:
        raise ConfigurationError(
            "Migrations need a session of their own, and a pooler such as PgBouncer stands before this database. "
            "Give ROWLOCK_DATABASE_URL PostgreSQL's own address for `rowlock migrate`."
        )


def wait_for_others(connection: Connection, schema: str) -> None:
    """Asks again and again: whoever waits within a statement has a snapshot, for whose end an index that the other
    deployer makes CONCURRENTLY would wait, and both would wait for ever."""
    lock = f"SELECT pg_try_advisory_lock(hashtextextended('{MIGRATION_LOCK}:{schema}', 0))"
    while not connection.exec_driver_sql(lock).scalar_one():
        connection.rollback()
        time.sleep(0.1)


def run_online() -> None:
    url = context.config.attributes.get("url") or url_from_settings(load_settings())
    with engine_for(url, context.config.attributes.get("note")).connect() as connection:
        refuse_pooler(connection)
        configure(connection=connection)
        schema = context.config.attributes["schema"]
        wait_for_others(connection, schema)
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        connection.exec_driver_sql(CREATE_SCHEMA.format(schema))
        connection.commit()
        try:
            context.run_migrations()
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock(hashtextextended('{MIGRATION_LOCK}:{schema}', 0))")
            connection.commit()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
