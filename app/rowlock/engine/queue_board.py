"""The queues at a glance: depth, lag, dead letters, workers, settings.

Counting reads every live task and every dead letter, so a count is kept for ten times as long as it took (few are
always counted anew): whoever asks, and however often, counting costs the database a tenth of its time at most. Who
asks while others count is answered by the next count, all of them by one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from rowlock.domain.errors import NotFound
from rowlock.store import counts
from rowlock.store.counts import ALL_TENANTS, DeadCount, LiveCount, QueueRow
from rowlock.store.database import Database
from rowlock.store.reading import Reading
from rowlock.telemetry.snapshots import QueueSnapshot

CountT = TypeVar("CountT", LiveCount, DeadCount)

STATES = ("ready", "scheduled", "retrying", "running", "orphaned", "blocked")
CHEAP_SECONDS = 0.05
CHEAP_TASKS = 20_000  # so few are always counted anew: who has just enqueued one expects to see it
KEPT_FACTOR = 10


@dataclass(frozen=True, slots=True)
class QueueRecord:
    """One queue as a tenant sees it. `lag_seconds` is how long its oldest ready or orphaned task has waited."""

    name: str
    depth: dict[str, int]
    lag_seconds: float | None
    dead_letters: int
    workers: int
    handlers: int
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    description: str | None
    retention_succeeded_days: int
    retention_cancelled_days: int
    retention_dead_days: int


@dataclass(frozen=True, slots=True)
class _Count:
    live: list[LiveCount] = field(default_factory=list)
    dead: list[DeadCount] = field(default_factory=list)

    @property
    def tasks(self) -> int:
        return sum(_depth(self.live).values()) + sum(one.dead for one in self.dead)


class QueueBoard:
    """Counts for all who ask. Safe to share between tasks of one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = Reading(database)
        self._counting = asyncio.Lock()
        self._count = _Count()
        self._begun = float("-inf")
        self._kept_until = 0.0

    async def queues(self, tenant_id: str) -> list[QueueRecord]:
        """Queues that the tenant has tasks in or has set something for, or that workers or handlers name."""
        count = await self._counted()
        rows = _by_name(await counts.get_queue_rows(self._database, tenant_id))
        served = await counts.get_queue_servers(self._database)
        live = _by_queue(count.live, tenant_id)
        dead = _by_queue(count.dead, tenant_id)
        names = sorted(rows.keys() | served.keys() | live.keys() | dead.keys())
        return [
            _record(
                name, rows.get(name, []), live.get(name, []), dead.get(name, []),
                served.get(name, counts.QueueServers(name, 0, 0)),
            )
            for name in names
        ]  # fmt: skip

    async def queue(self, tenant_id: str, name: str) -> QueueRecord:
        """One of them; `NotFound` where neither tasks nor settings nor workers nor handlers know it."""
        for record in await self.queues(tenant_id):
            if record.name == name:
                return record
        raise NotFound(f"There is no queue {name!r}: it has no tasks, no settings, no worker and no handler.")

    async def snapshots(self) -> list[QueueSnapshot]:
        """For metrics: every tenant's queues, one row a tenant and queue."""
        count = await self._counted()
        paused = set(await counts.get_paused_queues(self._database))
        served = await counts.get_queue_servers(self._database)
        dead = {(c.tenant_id, c.queue): c.dead for c in count.dead}
        live: dict[tuple[str, str], list[LiveCount]] = {}
        for one in count.live:
            live.setdefault((one.tenant_id, one.queue), []).append(one)
        idle = {(ALL_TENANTS, queue) for queue in served} - {(ALL_TENANTS, queue) for _, queue in live}
        return [
            _snapshot(
                queue,
                live.get((tenant_id, queue), []),
                dead_letters=dead.get((tenant_id, queue), 0),
                workers=served[queue].workers if queue in served else 0,
                paused=not paused.isdisjoint({(tenant_id, queue), (ALL_TENANTS, queue)}),
            )
            for tenant_id, queue in sorted(live.keys() | dead.keys() | idle)
        ]

    async def _counted(self) -> _Count:
        asked = time.monotonic()
        async with self._counting:
            if self._begun < asked and time.monotonic() >= self._kept_until:
                begun = time.monotonic()
                self._count = _Count(await counts.count_live(self._database), await counts.count_dead(self._database))
                took = time.monotonic() - begun
                dear = took > CHEAP_SECONDS and self._count.tasks > CHEAP_TASKS
                self._begun, self._kept_until = begun, begun + took * (1 + KEPT_FACTOR) if dear else 0.0
            return self._count


def _snapshot(queue: str, live: list[LiveCount], *, dead_letters: int, workers: int, paused: bool) -> QueueSnapshot:
    depth = {**_depth(live), "paused": 0}
    if paused:
        depth.update(ready=0, orphaned=0, paused=depth["ready"] + depth["orphaned"])
    return QueueSnapshot(
        queue=queue,
        depth=depth,
        oldest_ready_seconds=_oldest(live) or 0.0,
        dead_letters=dead_letters,
        workers=workers,
        lag_seconds=_lag(live),
        paused=paused,
        without_handler=0 if paused else sum(one.without_handler for one in live),
    )


def _record(
    name: str,
    rows: list[QueueRow],
    live: list[LiveCount],
    dead: list[DeadCount],
    served: counts.QueueServers,
) -> QueueRecord:
    own = next((row for row in rows if row.tenant_id != ALL_TENANTS), None)
    pause = next((row for row in rows if row.paused_at is not None), None)
    return QueueRecord(
        name=name,
        depth=_depth(live),
        lag_seconds=_oldest(live),
        dead_letters=sum(one.dead for one in dead),
        workers=served.workers,
        handlers=served.handlers,
        paused=pause is not None,
        paused_at=pause.paused_at if pause else None,
        paused_by=pause.paused_by if pause else None,
        description=next((row.description for row in reversed(rows) if row.description), None),
        retention_succeeded_days=(own and own.retention_succeeded_days) or 7,
        retention_cancelled_days=(own and own.retention_cancelled_days) or 7,
        retention_dead_days=(own and own.retention_dead_days) or 30,
    )


def _by_name(rows: Iterable[QueueRow]) -> dict[str, list[QueueRow]]:
    found: dict[str, list[QueueRow]] = {}
    for row in rows:
        found.setdefault(row.name, []).append(row)
    return found


def _by_queue(all_counts: Iterable[CountT], tenant_id: str) -> dict[str, list[CountT]]:
    found: dict[str, list[CountT]] = {}
    for one in all_counts:
        if one.tenant_id == tenant_id:
            found.setdefault(one.queue, []).append(one)
    return found


def _depth(live: Iterable[LiveCount]) -> dict[str, int]:
    depth = dict.fromkeys(STATES, 0)
    for one in live:
        for state in STATES:
            depth[state] += getattr(one, state)
    return depth


def _oldest(live: Iterable[LiveCount]) -> float | None:
    return max((c.oldest_ready_seconds for c in live if c.oldest_ready_seconds is not None), default=None)


def _lag(live: Iterable[LiveCount]) -> float | None:
    """Of the most urgent priority that has ready or orphaned tasks."""
    ready = [c for c in live if c.oldest_ready_seconds is not None]
    return min(ready, key=lambda c: c.priority).oldest_ready_seconds if ready else None
