"""The server that benchmarks run against: the embedded PostgreSQL, durable, with these settings above its own.

`ROWLOCK_BENCH_DATABASE_URL` names another one; its role must be a superuser, for its statistics are read and reset.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from rowlock.store.embedded import EmbeddedServer
from rowlock.testing.databases import FreshDatabases

SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "max_connections": "200",
}


@dataclass(frozen=True)
class BenchServer:
    """A running server: `postmaster_pid` is None where it runs elsewhere, and then its CPU is not measured."""

    admin_url: str
    postmaster_pid: int | None

    @contextmanager
    def database(self) -> Iterator[str]:
        """A migrated database of its own, gone after the block."""
        with FreshDatabases(self.admin_url, prefix="bench").clone() as url:
            yield url

    @contextmanager
    def empty_database(self) -> Iterator[str]:
        """One without tables, gone after the block."""
        with FreshDatabases(self.admin_url, prefix="bench").empty() as url:
            yield url


@contextmanager
def bench_server() -> Iterator[BenchServer]:
    """The server named by the environment, or one that lives as long as the block."""
    if given := os.environ.get("ROWLOCK_BENCH_DATABASE_URL"):
        yield BenchServer(given, None)
        return
    with tempfile.TemporaryDirectory(prefix="rowlock-bench-") as folder:
        server = EmbeddedServer(Path(folder), settings=SETTINGS)
        server.start()
        try:
            yield BenchServer(server.url("postgres"), server.postmaster_pid)
        finally:
            server.stop("immediate")


def scalar(url: str, sql: str) -> object:
    """The one value that a query gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(sql).fetchone()
        return row[0] if row else None


def rows(url: str, sql: str) -> list[tuple[str, str]]:
    """The pairs of texts that a query gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        return [(str(first), str(second)) for first, second in connection.execute(sql)]


def row(url: str, sql: str) -> tuple[float, ...]:
    """The numbers of the one row that a query gives."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(sql).fetchone()
        return tuple(map(float, found or ()))
