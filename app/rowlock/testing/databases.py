"""Fresh databases for tests: a template made once on a server, and a clone of it for each test.

However many test runners share a server and a prefix, the template is made once: they agree by an
advisory lock, and a template counts only when it is complete. A clone takes tens of milliseconds
and is dropped after its test, with whatever is still connected to it. The role needs CREATEDB.
"""

from __future__ import annotations

import itertools
import os
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg import Connection, sql

from rowlock.domain.errors import ConfigurationError
from rowlock.store.databases import (
    Strategy,
    connected,
    create_database,
    creation,
    drop_database,
    removal,
    with_database,
)
from rowlock.store.statements import render
from rowlock.testing.kept_connection import KeptConnection

LONGEST_PREFIX = 40
PREFIX = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST_PREFIX - 1}}}")


DAYS_AHEAD = 8  # of the partitions that tests' databases have
LATER_PARTITIONS = """
SELECT child.oid::regclass::text
  FROM pg_inherits
  JOIN pg_class AS parent ON parent.oid = inhparent AND parent.relnamespace = '@schema@'::regnamespace
  JOIN pg_class AS child ON child.oid = inhrelid AND child.relname ~ '_[0-9]{8}$'
 WHERE to_date(right(child.relname, 8), 'YYYYMMDD') > rowlock.today() + %s
"""
CATALOGS = """
SELECT oid::regclass::text FROM pg_class
 WHERE relkind = 'r' AND relnamespace = 'pg_catalog'::regnamespace AND NOT relisshared
"""
NEARER_HORIZON = "UPDATE rowlock.partition_horizon SET last_day = least(last_day, rowlock.today() + %s)"


def fully_migrated(url: str, schema: str = "rowlock") -> None:
    """Gives a database rowlock's newest schema."""
    _migrate(url, schema)
    _pack(url)


def migrated(url: str, schema: str = "rowlock") -> None:
    """The same with partitions of a few days ahead: a clone takes half the time so, and the first statement that reads
    all of a table a fifth. What is to be kept for longer is filed under the last of them, as wherever they end."""
    _migrate(url, schema)
    with connected(url) as connection, connection.transaction():
        rows = connection.execute(render(LATER_PARTITIONS, schema).encode(), (DAYS_AHEAD,))
        later = [sql.SQL(name) for (name,) in rows]
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(later)))
        connection.execute(render(NEARER_HORIZON, schema).encode(), (DAYS_AHEAD,))
    _pack(url)


def _migrate(url: str, schema: str) -> None:
    from rowlock.store.migrate import migrate

    migrate(url, schema)


def _pack(url: str) -> None:
    """Rewrites the catalogs without the rows that migrations left dead there: to clone a database and to begin using it
    takes PostgreSQL a fifth less. One more session leaves a file behind, by which a clone's first one starts quickly.
    """
    with connected(url) as connection:
        names = [sql.SQL(name) for (name,) in connection.execute(CATALOGS)]
        connection.execute(sql.SQL("VACUUM (FULL) {}").format(sql.SQL(", ").join(names)))
    with connected(url):
        pass


class FreshDatabases:
    """Databases on one server whose names begin with `prefix`; nothing else there is touched.

    `prepare(url)` fills the template. `strategy` is how PostgreSQL clones: `wal_log` spares a
    shared server the checkpoints that the faster `file_copy` forces.
    """

    def __init__(
        self,
        admin_url: str,
        *,
        prefix: str,
        prepare: Callable[[str], None] = migrated,
        strategy: Strategy = "wal_log",
    ) -> None:
        if not PREFIX.fullmatch(prefix):
            raise ConfigurationError(f"{prefix!r} cannot begin the names of databases.")
        self.admin_url = admin_url
        self.prefix = prefix
        self.template_name = f"{prefix}_template"
        self._prepare = prepare
        self._strategy: Strategy = strategy
        self._numbers = itertools.count(1)
        self._template_is_known = False
        self._kept = KeptConnection(admin_url)

    def template(self) -> str:
        """The template's name, once it is complete; the first to ask makes it."""
        if self._template_is_known:
            return self.template_name
        with connected(self.admin_url) as connection, self._making_the_template(connection):
            if not self._names(connection, self.template_name):
                unfinished = f"{self.prefix}_unfinished"
                drop_database(self.admin_url, unfinished)
                self._prepare(create_database(self.admin_url, unfinished))
                self._seal(connection, unfinished)
        self._template_is_known = True
        return self.template_name

    @contextmanager
    def clone(self) -> Iterator[str]:
        """The URL of a copy of the template, for as long as the block lasts."""
        with self._database(self.template()) as url:
            yield url

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without anything in it, for as long as the block lasts."""
        with self._database(None) as url:
            yield url

    def drop_all(self) -> None:
        """Drops every database of the prefix, the template too."""
        with connected(self.admin_url) as connection:
            names = self._names(connection, f"{self.prefix}_%")
        for name in names:
            drop_database(self.admin_url, name)

    @contextmanager
    def _database(self, template: str | None) -> Iterator[str]:
        name = f"{self.prefix}_{os.getpid()}_{next(self._numbers)}"
        try:
            self._kept.execute(creation(name, template=template, strategy=self._strategy))
            yield with_database(self.admin_url, name)
        finally:
            self._kept.execute(removal(name))

    @contextmanager
    def _making_the_template(self, connection: Connection) -> Iterator[None]:
        key = zlib.crc32(self.template_name.encode())
        connection.execute("SELECT pg_catalog.pg_advisory_lock(%s)", (key,))
        yield
        connection.execute("SELECT pg_catalog.pg_advisory_unlock(%s)", (key,))

    def _seal(self, connection: Connection, unfinished: str) -> None:
        """Nobody may connect to a database that is being cloned."""
        before, after = sql.Identifier(unfinished), sql.Identifier(self.template_name)
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(before))
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(before, after))

    def _names(self, connection: Connection, pattern: str) -> list[str]:
        rows = connection.execute(
            "SELECT datname::text FROM pg_catalog.pg_database WHERE datname LIKE %s",
            (pattern.replace("_", r"\_"),),
        )
        return [name for (name,) in rows]
