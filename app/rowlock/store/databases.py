"""Databases as wholes: made, cloned and dropped on a server.

A `server_url` may point to any database there that its role can connect to. Each function opens a
connection of its own and closes it. A server that cannot be reached is `DatabaseUnavailable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode

import psycopg
from psycopg import sql

from rowlock.store.errors import translated

CONNECT_SECONDS = 10

Strategy = Literal["wal_log", "file_copy"]


def with_database(url: str, name: str) -> str:
    """The same server's URL for another database."""
    scheme, _, rest = url.partition("://")
    place, _, query = rest.partition("?")
    authority, _, _ = place.partition("/")
    kept = [(key, value) for key, value in parse_qsl(query, keep_blank_values=True) if key != "dbname"]
    question = f"?{urlencode(kept, quote_via=quote, safe='/')}" if kept else ""
    return f"{scheme}://{authority}/{quote(name, safe='')}{question}"


def database_of(url: str) -> str:
    """The name of the database that a URL points to; empty where it leaves that to libpq."""
    place = url.partition("://")[2].partition("?")[0]
    return unquote(place.partition("/")[2])


def database_exists(server_url: str, name: str) -> bool:
    with connected(server_url) as connection:
        row = connection.execute("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", (name,)).fetchone()
        return row is not None


def create_database(server_url: str, name: str, *, template: str | None = None, strategy: Strategy = "wal_log") -> str:
    """Makes a database, of `template` where one is named (which must be idle); returns its URL."""
    with connected(server_url) as connection:
        connection.execute(creation(name, template=template, strategy=strategy))
    return with_database(server_url, name)


def drop_database(server_url: str, name: str) -> None:
    """Drops a database, if it is there, whoever is still connected to it."""
    with connected(server_url) as connection:
        connection.execute(removal(name))


def creation(name: str, *, template: str | None = None, strategy: Strategy = "wal_log") -> sql.Composed:
    """The statement that makes a database."""
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {} STRATEGY {}").format(sql.Identifier(template), sql.Identifier(strategy))
    return statement


def removal(name: str) -> sql.Composed:
    """The statement that drops a database, if it is there, whoever is still connected to it."""
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))


@contextmanager
def connected(server_url: str) -> Iterator[psycopg.Connection]:
    """A connection in autocommit mode, as statements about databases need it."""
    with (
        translated(),
        psycopg.connect(server_url, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection,
    ):
        yield connection
