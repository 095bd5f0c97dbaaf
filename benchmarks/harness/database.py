"""What a benchmark asks of a database beside the work itself: filling, settling, counting, pinning the horizon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

from benchmarks.harness.server import scalar

FILL = """
INSERT INTO rowlock.tasks_live (id, name, tenant_id, lane, payload)
SELECT uuidv7(), %s, %s, %s, %s::jsonb FROM generate_series(1, %s)
"""
DEAD_ROWS = "SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables"
LIVE = "SELECT count(*) FROM rowlock.tasks_live"
EXECUTIONS = "SELECT count(*) FROM rowlock.executions"
UNLOGGED = """
SELECT string_agg(oid::regclass::text, ', ' ORDER BY oid) FROM pg_class
 WHERE relkind = 'r' AND relpersistence <> 'p' AND oid::regclass::text <> ALL (%s)
"""
CHUNK = 5_000  # of one instant, as a batch of a client is


def fill(url: str, tasks: int, *, name: str = "noop", tenant: str = "default", payload: str = "{}") -> None:
    """Stores tasks by SQL on the server: for a backlog whose making is not what is measured."""
    with psycopg.connect(url, autocommit=True) as connection:
        for start in range(0, tasks, CHUNK):
            connection.execute(FILL, (name, tenant, tenant, payload, min(CHUNK, tasks - start)))


def settle(url: str) -> None:
    """Brings a database that was filled into the same state before each run: statistics known, no checkpoint due."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")


def checkpoint(url: str) -> None:
    """The same for one that is empty, where statistics would only mislead the plans of what comes."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def unlogged(url: str, allowed: Sequence[str]) -> str | None:
    """The names of tables that a crash would empty, but for those that are allowed to; none where there are none."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(UNLOGGED, (list(allowed),)).fetchone()
        return found[0] if found else None


def dead_rows(url: str) -> float:
    """Dead rows of all tables, as the statistics know them."""
    return number(url, DEAD_ROWS)


def number(url: str, sql: str) -> float:
    """A query's one value, as a number."""
    return float(str(scalar(url, sql)))


@contextmanager
def pinned_xmin(url: str) -> Iterator[None]:
    """A forgotten transaction: as long as the block lasts, nothing that dies can be cleaned away."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM pg_class")
        yield
