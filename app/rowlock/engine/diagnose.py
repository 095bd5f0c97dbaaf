"""The doctor: reads what the promises depend on, and judges it. It changes nothing.

A database that cannot be reached is a finding, like everything else that is wrong; where the schema is not this
version's, what depends on it is left out.
"""

from __future__ import annotations

import asyncio

from rowlock.domain.errors import DatabaseUnavailable, RowlockError, SchemaOutdated
from rowlock.domain.trouble import Trouble
from rowlock.engine import findings as judged
from rowlock.engine.findings import Finding
from rowlock.store import counts, diagnostics, leaders, maintenance, worker_health
from rowlock.store.database import Database
from rowlock.store.diagnostics import ServerReading
from rowlock.store.links import Link
from rowlock.store.revisions import head_revision

__all__ = ["Finding", "diagnose"]

MAX_WORKERS = 1_000
RIGHTS = "Rights in the SQL reference lists what a role needs for what."
REACHING = "Start the server (`rowlock up` has one of its own), or correct ROWLOCK_DATABASE_URL."


async def diagnose(database: Database) -> list[Finding]:
    """All findings, the server's first."""
    try:
        link = await database.own_link("doctor")
    except RowlockError as error:
        return [Finding("connection", "problem", error.message, REACHING)]
    try:
        server = await diagnostics.read_server(link)
        found = [
            judged.judge_version(server),
            judged.judge_writable(server),
            judged.judge_fsync(server),
            judged.judge_full_page_writes(server),
            judged.judge_synchronous_commit(server),
            judged.judge_autovacuum(server),
            judged.judge_connections(server),
            judged.judge_clock(server),
            judged.judge_pooler(server),
            *await _snapshots(link, server),
            *await _schema(link, database),
        ]
    except RowlockError as error:
        return [Finding("connection", "problem", error.message, REACHING)]
    finally:
        await link.close()
    return found


async def _snapshots(link: Link, server: ServerReading) -> list[Finding]:
    holders = await diagnostics.read_holders(link)
    return [judged.judge_holders(holders, server), judged.judge_prepared(holders)]


async def _schema(link: Link, database: Database) -> list[Finding]:
    head = await asyncio.to_thread(head_revision)
    found: list[Finding] = []
    try:
        revision = await diagnostics.read_revision(link)
        found.append(judged.judge_migrations(revision, head))
        if found[0].verdict != "problem":
            found += await _tables(link, database)
            found += await _fleet(link)
    except SchemaOutdated as error:
        return [Finding("migrations", "problem", error.message, "Run `rowlock migrate`.")]
    except DatabaseUnavailable as error:
        if error.trouble is not Trouble.ACCESS_REFUSED:
            raise
        found.append(Finding("rights", "problem", error.message, RIGHTS))
    return found


async def _tables(link: Link, database: Database) -> list[Finding]:
    return [
        judged.judge_partitions(await maintenance.days_ahead(link), database.settings.partitions_ahead_days),
        judged.judge_default_partitions(await diagnostics.read_filled_default_partitions(link)),
        judged.judge_live_table(await diagnostics.read_live_table(link)),
        judged.judge_indexes(await diagnostics.read_invalid_indexes(link)),
    ]


async def _fleet(link: Link) -> list[Finding]:
    leader = await leaders.get_leader(link)
    served = await counts.get_queue_servers(link)
    return [
        judged.judge_paused_queues(await counts.get_paused_queues(link)),
        judged.judge_workers(
            await worker_health.list_workers(link, healths=worker_health.PRESENT, limit=MAX_WORKERS),
            await diagnostics.read_queues_with_tasks(link),
            [queue.queue for queue in served.values() if queue.workers],
        ),
        judged.judge_handlers(await diagnostics.read_missing_handlers(link)),
        judged.judge_scheduler(leader.silent_seconds if leader else None),
    ]
