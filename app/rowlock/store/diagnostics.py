"""What `rowlock doctor` reads of the server and of rowlock's tables. It judges nothing and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rowlock.store.links import Link, is_pooled

MAX_QUEUES = 200
MAX_HANDLERS = 20


@dataclass(frozen=True, slots=True)
class ServerReading:
    """The server, its settings, and the role that asks, as SQL spells it: `sees_sessions` tells whether it learns what
    those of others do. `clock_ahead` is how far the server's clock is before ours, give or take `clock_doubt`."""

    version: int
    version_text: str
    clock_ahead: timedelta
    clock_doubt: timedelta
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    synchronous_standby_names: str
    in_recovery: bool
    read_only: bool
    autovacuum: bool
    connections_max: int
    connections_used: int
    role: str
    sees_sessions: bool
    pooled: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody for whom dead rows are kept: a session, a prepared transaction, a replication slot, a standby."""

    kind: str
    name: str
    age_transactions: int | None
    age_seconds: float | None


@dataclass(frozen=True, slots=True)
class LiveTableReading:
    """The table of live tasks. Row counts are the server's estimates."""

    live_rows: int
    dead_rows: int
    bytes: int
    index_bytes: int
    vacuumed_at: datetime | None


@dataclass(frozen=True, slots=True)
class MissingHandler:
    """What tasks wait for that no worker could run that has met them: a handler, or that it knows their `version`."""

    queue: str
    name: str
    version: int | None
    tasks: int


async def read_server(link: Link) -> ServerReading:
    before = datetime.now(UTC)
    rows = await link.run("diagnose_server")
    after = datetime.now(UTC)
    version, version_text, backend_pid, now_at, *settings = rows[0]
    doubt = (after - before) / 2
    return ServerReading(
        version,
        version_text,
        now_at - (before + doubt),
        doubt,
        *[*settings, is_pooled(link.connection, backend_pid)],
    )


async def read_holders(link: Link) -> list[Holder]:
    """Oldest first."""
    return [Holder(*row) for row in await link.run("diagnose_holders")]


async def read_live_table(link: Link) -> LiveTableReading:
    return LiveTableReading(*(await link.run("diagnose_live_table"))[0])


async def read_filled_default_partitions(link: Link) -> list[str]:
    return [row[0] for row in await link.run("diagnose_default_partitions")]


async def read_invalid_indexes(link: Link) -> list[str]:
    return [row[0] for row in await link.run("diagnose_indexes")]


async def read_queues_with_tasks(link: Link) -> list[str]:
    """At most `MAX_QUEUES`."""
    return [row[0] for row in await link.run("diagnose_queues", {"limit": MAX_QUEUES})]


async def read_missing_handlers(link: Link) -> list[MissingHandler]:
    """Those of most tasks first, at most `MAX_HANDLERS`."""
    return [MissingHandler(*row) for row in await link.run("diagnose_deferred", {"limit": MAX_HANDLERS})]


async def read_revision(link: Link) -> str | None:
    """The migration that the database is at; None where none has run."""
    rows = await link.query(f"SELECT to_regclass('\"{link.schema}\".migrations') IS NOT NULL")
    if not rows[0][0]:
        return None
    rows = await link.query(f'SELECT version_num FROM "{link.schema}".migrations')
    return rows[0][0] if rows else None
