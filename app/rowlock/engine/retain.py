"""Keeping the house: partitions of the days ahead, and an end to what has been kept long enough.

Finished tasks go with their day's partition, attempts, steps, windows and the audit log with theirs; before a day
goes, what must stay is carried out of it. Expired idempotency keys and workers long gone are deleted in small
batches. Nothing here waits in front of others: every lock is asked for 100 ms at a time. What a long report holds, or
there is no time for, is postponed, with the reason, to the next round. Any number of processes may call it; one at a
time does the work.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import tenacity

from rowlock.domain.errors import Conflict, DatabaseUnavailable, RowlockError
from rowlock.engine.carry import carry_early, carry_steps
from rowlock.store import maintenance, rescue, schedule_orders
from rowlock.store.database import Database
from rowlock.store.links import Link
from rowlock.store.maintenance import ExpiredPartition
from rowlock.telemetry.logs import get_logger

PARTITIONS_PER_ROUND = 200
ROWS_PER_BATCH = 1_000
FORGET_SECONDS = 60.0  # for each kind; the next round goes on
WORKERS_KEPT_DAYS = 7
ORDERS_KEPT_DAYS = 7
RETRIES = tenacity.AsyncRetrying(
    retry=tenacity.retry_if_exception_type((DatabaseUnavailable, Conflict)),
    wait=tenacity.wait_random(0.05, 0.25),
    stop=tenacity.stop_after_attempt(4),
    reraise=True,
)

_log = get_logger("rowlock.maintenance")


@dataclass(slots=True)
class MaintenanceReport:
    """What one round did. `postponed` holds what had to wait, each with the reason."""

    made: int = 0
    dropped: list[str] = field(default_factory=list)
    steps_carried: int = 0
    tasks_carried: int = 0
    attempts_carried: int = 0
    keys_forgotten: int = 0
    windows_forgotten: int = 0
    orders_forgotten: int = 0
    caps_forgotten: int = 0
    workers_forgotten: int = 0
    days_ahead: int | None = None
    postponed: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0


async def maintain(database: Database) -> MaintenanceReport:
    """One round. Raises `DatabaseUnavailable` where there is no connection, `ConfigurationError` behind a pooler."""
    begun = time.monotonic()
    report = MaintenanceReport()
    async with maintenance.maintenance_link(database) as link:
        if link is None:
            report.postponed.append(("maintenance", "Another process is at it."))
            _log_postponed(report)
            return report
        step_days = database.settings.step_retention_days
        # Asked first: the day that is the last one now stays for this round, for whoever is just ending an attempt may
        # know of no later one.
        expired = await maintenance.expired_partitions(link, step_days=step_days, limit=PARTITIONS_PER_ROUND)
        await _make_partitions(link, database.settings.partitions_ahead_days, report)
        await _drop_expired(link, expired, step_days, report)
        report.keys_forgotten = await _forget(
            "idempotency keys", lambda limit: maintenance.forget_keys(link, limit=limit), report
        )
        report.windows_forgotten = await _forget(
            "schedule windows", lambda limit: maintenance.forget_windows(link, limit=limit), report
        )
        report.orders_forgotten = await _forget(
            "schedule orders",
            lambda limit: schedule_orders.forget_orders(link, days=ORDERS_KEPT_DAYS, limit=limit),
            report,
        )
        report.caps_forgotten = await maintenance.forget_caps(link)
        report.workers_forgotten = await rescue.forget_workers(link, days=WORKERS_KEPT_DAYS)
        report.days_ahead = await maintenance.days_ahead(link)
    report.seconds = time.monotonic() - begun
    _log_round(report)
    return report


async def _make_partitions(link: Link, ahead_days: int, report: MaintenanceReport) -> None:
    async def make() -> None:
        report.made = await maintenance.make_partitions(link, ahead_days=ahead_days)

    await _or_postpone(link, "partitions ahead", make, report)


async def _drop_expired(link: Link, expired: list[ExpiredPartition], step_days: int, report: MaintenanceReport) -> None:
    held_up: set[str] = set()  # parents of which a report holds a partition: their others would only wait too
    for partition in expired:

        async def drop(partition: ExpiredPartition = partition) -> None:
            await _drop(link, partition, step_days, report)

        if partition.parent in held_up:
            report.postponed.append((partition.name, "An older partition of the table has to go first."))
        elif await _or_postpone(link, partition.name, drop, report):
            report.dropped.append(partition.name)
        else:
            held_up.add(partition.parent)


async def _drop(link: Link, partition: ExpiredPartition, step_days: int, report: MaintenanceReport) -> None:
    """Looks again first: an earlier try may have got half-way."""
    present = await maintenance.expired_partitions(link, step_days=step_days, limit=PARTITIONS_PER_ROUND)
    for now in present:
        if now.name != partition.name:
            continue
        if now.attached and not now.detaching:
            await _carry(link, now, step_days, report)
        if now.attached and not now.parent_has_default:
            await maintenance.detach_partition(link, now)
        await maintenance.drop_table(link, now.name)


async def _carry(link: Link, partition: ExpiredPartition, step_days: int, report: MaintenanceReport) -> None:
    match partition.parent:
        case "steps":
            report.steps_carried += await carry_steps(link, partition, step_days)
        case "tasks":
            report.tasks_carried += await carry_early(link, partition)
        case "executions":
            report.attempts_carried += await carry_early(link, partition)


async def _or_postpone(link: Link, what: str, work: Callable[[], Awaitable[None]], report: MaintenanceReport) -> bool:
    """Whether it got done within a few tries; a lost connection is no reason to postpone but an error."""
    try:
        async for attempt in RETRIES.copy():
            with attempt:
                await work()
    except RowlockError as error:
        if link.broken:
            raise
        report.postponed.append((what, str(error)))
        return False
    return True


async def _forget(what: str, forget: Callable[[int], Awaitable[int]], report: MaintenanceReport) -> int:
    """Forgets batch after batch until one is short; how many it was. What there is no time for is postponed."""
    begun = time.monotonic()
    forgotten = 0
    while (batch := await forget(ROWS_PER_BATCH)) == ROWS_PER_BATCH:
        forgotten += batch
        if time.monotonic() - begun >= FORGET_SECONDS:
            report.postponed.append((what, "More have expired than one round has time to forget."))
            return forgotten
    return forgotten + batch


def _log_postponed(report: MaintenanceReport) -> None:
    for what, reason in report.postponed:
        _log.warning("Maintenance is postponed.", what=what, reason=reason)


def _log_round(report: MaintenanceReport) -> None:
    _log_postponed(report)
    _log.info(
        "Maintenance is done.",
        made=report.made,
        dropped=len(report.dropped),
        steps_carried=report.steps_carried,
        tasks_carried=report.tasks_carried,
        attempts_carried=report.attempts_carried,
        keys_forgotten=report.keys_forgotten,
        days_ahead=report.days_ahead,
        seconds=round(report.seconds, 3),
    )
