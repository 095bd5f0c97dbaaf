"""An installation for a test: a database, claims by hand, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from rowlock.config import Settings, load_settings
from rowlock.domain.lanes import Lane, LanePlan
from rowlock.domain.requests import task_request
from rowlock.engine.enqueue import enqueue
from rowlock.store import leases
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask, FailedAttempt, LeaseTerms
from rowlock.store.links import Link
from rowlock.store.tasks import TaskRecord, get_executions, get_task
from rowlock.store.workers import register_worker

TENANT = "default"


def settings_for(url: str, **flags: Any) -> Settings:
    """Settings of a test's processes: quick beats, short leases."""
    quick: dict[str, Any] = {
        "lease_seconds": 5,
        "heartbeat_seconds": 0.2,
        "poll_seconds": 0.2,
        "drain_seconds": 5,
        "pool_max": 4,
    }
    return load_settings(database_url=url, **{**quick, **flags})


class Installation:
    """One database, acted on as a worker would, step by step."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def enqueue(self, name: str = "noop", tenant: str = TENANT, **options: Any) -> UUID:
        return (await enqueue(self.database, tenant, task_request(name, **options))).id

    async def claim(
        self,
        room: int = 10,
        *,
        queue: str = "default",
        lane: str = TENANT,
        priority: int = 2,
        worker: int = 1,
        lease_seconds: float = 30,
    ) -> list[ClaimedTask]:
        plan = LanePlan(Lane(queue, priority, lane), None, room)
        link = await self.database.own_link("claims")
        try:
            return await claimed(link, plan, room=room, worker_id=worker, lease_seconds=lease_seconds)
        finally:
            await link.close()

    async def put_off(self, reason: str, *, seconds: float = 15) -> None:
        """Claims the one task that waits and leaves it to others, as a worker does that cannot run it."""
        [task] = await self.claim()
        left = FailedAttempt(task.id, task.lease_token, "released", reason, delay_seconds=seconds)
        await leases.defer(self.database, [left])

    async def register_worker(self, *, expires_seconds: float = 60, knows: bool = True) -> tuple[int, bool]:
        """A worker that does nothing: its number, and whether all that live knew of claims in place when it came."""
        number, in_place = await register_worker(
            self.database, name="w", hostname="h", pid=1, version="1", queues=["default"], concurrency=1,
            expires_seconds=expires_seconds,
        )  # fmt: skip
        if not knows:
            await self.query(f"UPDATE rowlock.workers SET claims_in_place = false WHERE id = {number}")
        return number, in_place

    async def task(self, task_id: UUID, tenant: str = TENANT) -> TaskRecord:
        return await get_task(self.database, tenant, task_id)

    async def outcomes(self, task_id: UUID) -> list[str]:
        task = await self.task(task_id)
        attempts = await get_executions(self.database, TENANT, task_id, since=task.created_at)
        return [attempt.outcome for attempt in attempts.latest]

    async def query(self, sql: str, parameters: dict[str, Any] | None = None) -> list[Any]:
        async with self.database.link() as link:
            return await link.query(sql, parameters)

    async def move_clock(self, by: timedelta) -> None:
        """From now on every statement of this database sees the time `by` later."""
        await self.query(
            "CREATE OR REPLACE FUNCTION rowlock.clock() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS "
            f"'SELECT now() + interval ''{by.total_seconds()} seconds'''"
        )


@asynccontextmanager
async def installation(url: str, **flags: Any) -> AsyncIterator[Installation]:
    async with Database(settings_for(url, **flags)) as database:
        yield Installation(database)


async def claimed(link: Link, plan: LanePlan, *, room: int, worker_id: int, lease_seconds: float) -> list[ClaimedTask]:
    """Tasks of one lane, capped or not."""
    terms = LeaseTerms(worker_id, lease_seconds)
    return await leases.claim(link, [plan], room=room, terms=terms) or await leases.claim_capped(
        link, plan, room=room, terms=terms
    )
