"""Partitions made and dropped, and expired rows forgotten.

Everything here runs on one connection of its own with a short `lock_timeout`: what cannot have its lock at once raises
`DatabaseUnavailable` instead of making others queue behind it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from psycopg import errors as pg
from psycopg import sql

from rowlock.domain.errors import Conflict
from rowlock.store import leaders
from rowlock.store.database import Database
from rowlock.store.errors import translated
from rowlock.store.links import Link, Runner

LOCK_TIMEOUT_MS = 100  # the longest that maintenance stands in front of anybody
SILENCE_SECONDS = 60  # after which PostgreSQL ends the session of a frozen host, and others may maintain
LEDGER_DAYS = 400  # windows and the audit log: a year, and a month to look back at it
MAINTENANCE_LOCK = "maintenance"
StepKey = tuple[UUID, str, int]  # task, name, occurrence
FIRST_STEP: StepKey = (UUID(int=0), "", 0)  # before every other


@dataclass(frozen=True, slots=True)
class ExpiredPartition:
    """A table whose day has come. One that is not attached is left over from a drop that was cut short."""

    parent: str
    name: str
    attached: bool
    detaching: bool
    parent_has_default: bool

    @property
    def day(self) -> date:
        """The day that a daily partition is for."""
        return datetime.strptime(self.name[-8:], "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone


@asynccontextmanager
async def maintenance_link(database: Database) -> AsyncIterator[Link | None]:
    """A connection for maintenance, alone at it; None while another is. `ConfigurationError` behind a pooler."""
    link = await database.own_link("maintenance")
    try:
        rows = await link.query(
            "SELECT pg_backend_pid(), set_config('lock_timeout', %(lock_timeout)s, false),"
            " set_config('idle_session_timeout', %(silence)s, false)",
            {"lock_timeout": f"{LOCK_TIMEOUT_MS}ms", "silence": f"{SILENCE_SECONDS}s"},
        )
        leaders.require_direct(link, int(rows[0][0]))
        if not await leaders.try_lock(link, MAINTENANCE_LOCK):
            yield None
            return
        try:
            yield link
        finally:
            if not link.broken:
                await leaders.release_lock(link, MAINTENANCE_LOCK)
    finally:
        await link.close()


async def make_partitions(link: Link, *, ahead_days: int) -> int:
    """Makes the partitions of the days and months ahead, all or none; how many."""
    rows = await link.run("make_partitions", {"ahead_days": ahead_days})
    return int(rows[0][0])


async def days_ahead(runner: Runner) -> int | None:
    """Days of partitions that lie ready, of the table with fewest."""
    rows = await runner.run("partitions_ahead")
    return None if rows[0][0] is None else int(rows[0][0])


async def expired_partitions(link: Link, *, step_days: int, limit: int) -> list[ExpiredPartition]:
    """At most `limit` partitions whose retention is over, those first whose detachment was interrupted."""
    parameters = {"step_days": step_days, "ledger_days": LEDGER_DAYS, "limit": limit}
    rows = await link.run("expired_partitions", parameters)
    return [ExpiredPartition(*row) for row in rows]


async def detach_partition(link: Link, partition: ExpiredPartition) -> None:
    """Detaches without blocking readers or writers of the parent; finishes a detachment that was interrupted.

    Raises `DatabaseUnavailable` while somebody reads the partition, and `Conflict` while another partition of the
    parent waits to be detached.
    """
    await _alter(
        link,
        sql.SQL("ALTER TABLE {parent} DETACH PARTITION {partition} {how}").format(
            parent=sql.Identifier(link.schema, partition.parent),
            partition=sql.Identifier(link.schema, partition.name),
            how=sql.SQL("FINALIZE" if partition.detaching else "CONCURRENTLY"),
        ),
    )


async def drop_table(link: Link, name: str) -> None:
    """Drops a table. For one still attached this takes its parent for a moment, which a default partition demands."""
    await _alter(link, sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(link.schema, name)))


async def carry_steps(
    link: Link, day: date, past: StepKey, *, step_days: int, limit: int
) -> tuple[StepKey | None, int]:
    """Looks at `limit` steps of a day after the key `past`, and carries to today those that are still needed.

    The last key looked at, None where there was none; and how many were carried.
    """
    task_id, name, occurrence = past
    rows = await link.run(
        "carry_steps",
        {
            "day": day,
            "past_task": task_id,
            "past_name": name,
            "past_occurrence": occurrence,
            "step_days": step_days,
            "limit": limit,
        },
    )
    return ((rows[0][0], rows[0][1], rows[0][2]), int(rows[0][3])) if rows else (None, 0)


async def await_writers(link: Link, partition: ExpiredPartition) -> None:
    """Raises `DatabaseUnavailable` while somebody has written into the partition and not committed yet."""
    lock = sql.SQL("LOCK TABLE {} IN SHARE MODE").format(sql.Identifier(link.schema, partition.name))
    async with link.transaction():
        await _alter(link, lock)


async def carry_early(link: Link, partition: ExpiredPartition, *, page: int, pages: int) -> tuple[int, bool]:
    """Looks at `pages` pages of a day of tasks or attempts from `page` on, and carries those whose time is not over.

    How many it was, and whether there are pages after these. Raises `DatabaseUnavailable` while somebody holds such a
    task.
    """
    statement = "carry_tasks" if partition.parent == "tasks" else "carry_attempts"
    rows = await link.run(statement, {"day": partition.day, "page": page, "pages": pages})
    return int(rows[0][0]), bool(rows[0][1])


async def forget_keys(link: Link, *, limit: int) -> int:
    """Forgets at most `limit` expired idempotency keys; how many."""
    return int((await link.run("forget_keys", {"limit": limit}))[0][0])


async def forget_windows(link: Link, *, limit: int) -> int:
    """Forgets at most `limit` old windows of the default partition; how many."""
    return int((await link.run("forget_windows", {"ledger_days": LEDGER_DAYS, "limit": limit}))[0][0])


async def forget_caps(link: Link) -> int:
    """Forgets the caps of schedules' own lanes that no schedule and no task needs any more; how many."""
    return len(await link.run("forget_caps"))


async def _alter(link: Link, statement: sql.Composed) -> None:
    with translated(), _in_the_way():
        await link.connection.execute(statement, prepare=False)


@contextmanager
def _in_the_way() -> Iterator[None]:
    try:
        yield
    except (pg.ObjectNotInPrerequisiteState, pg.ObjectInUse) as error:
        raise Conflict(f"The partition cannot go yet: {error.diag.message_primary}.") from error
