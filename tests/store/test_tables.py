"""SQLAlchemy's description of the tables against what the migrations make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from rowlock.store.migrate import engine_for
from rowlock.store.tables import SCHEMA, metadata

PARTITIONS = "SELECT relname FROM pg_class WHERE relispartition AND relnamespace = 'rowlock'::regnamespace"


def differences(url: str) -> Iterator[str]:
    """What differs of tables, columns, types and nullability; all else is the migrations' own."""
    with engine_for(url).connect() as connection:
        passed_over = {row[0] for row in connection.exec_driver_sql(PARTITIONS)} | {"migrations"}

        def wanted(name: str | None, kind: str, _: object) -> bool:
            if kind == "schema":
                return name == SCHEMA
            return kind not in {"index", "unique_constraint"} and not (kind == "table" and name in passed_over)

        options: dict[str, Any] = {"include_schemas": True, "include_name": wanted, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        for found in compare_metadata(context, metadata):
            for difference in found if isinstance(found, list) else [found]:
                if "comment" not in difference[0]:
                    yield str(difference)


def test_the_tables_are_described_as_they_are(database_url: str) -> None:
    assert list(differences(database_url)) == []


def test_the_primary_keys_are_described_as_they_are(database_url: str) -> None:
    with engine_for(database_url).connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT conrelid::regclass::text, array_agg(attname::text ORDER BY attname) FROM pg_constraint"
            " JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)"
            " WHERE contype = 'p' AND connamespace = 'rowlock'::regnamespace GROUP BY conrelid"
        )
        found = {name: set(columns) for name, columns in rows}
    for table in metadata.tables.values():
        described = {column.name for column in table.primary_key}
        assert described == found.get(table.fullname, set()), table.fullname
