"""The steps of a task's life, one at a time and without a worker: what each costs by itself.

They go through rowlock's own engine and the connections that a worker has, one for claims and one for the rest, so
that a change of a statement, or of how often it is sent, is seen here.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rowlock.config import load_settings
from rowlock.domain.lanes import Lane, LanePlan
from rowlock.domain.priorities import Priority
from rowlock.domain.requests import task_request
from rowlock.engine.claim import Claimer
from rowlock.engine.enqueue import enqueue, enqueue_many
from rowlock.store import leases
from rowlock.store.database import Database
from rowlock.store.leases import ClaimedTask, FailedAttempt, LeaseTerms, claiming_link
from rowlock.store.links import Link

TENANT, QUEUE, WORKER, LEASE_SECONDS = "default", "default", 1, 600


@dataclass(frozen=True)
class Steps:
    """One producer's and one worker's way to a database."""

    database: Database
    link: Link
    claimer: Claimer
    lanes_per_scan: int

    async def enqueue(self, tasks: int) -> None:
        """One call a task."""
        for _ in range(tasks):
            await enqueue(self.database, TENANT, task_request("noop"))

    async def enqueue_many(self, tasks: int) -> None:
        """One call for all."""
        await enqueue_many(self.database, TENANT, [task_request("noop") for _ in range(tasks)])

    async def claim(self, room: int) -> list[ClaimedTask]:
        """What a worker with so much room takes."""
        return await self.claimer.claim(self.link, WORKER, room)

    async def find_lanes(self, times: int) -> None:
        """A worker's look for lanes, so many times."""
        starts = [(QUEUE, int(priority), "") for priority in Priority]
        for _ in range(times):
            await leases.find_lanes(self.link, starts, lanes_per_scan=self.lanes_per_scan, ahead_seconds=1)

    async def claim_new(self, room: int) -> list[ClaimedTask]:
        """What a worker that has heard of a lane takes."""
        plan = LanePlan(Lane(QUEUE, int(Priority.NORMAL), TENANT), None, room)
        return await leases.claim_new(self.link, plan, room=room, terms=LeaseTerms(WORKER, LEASE_SECONDS))

    async def complete(self, taken: Sequence[ClaimedTask]) -> int:
        """Ends attempts that returned nothing; how many were accepted."""
        ids, tokens = [task.id for task in taken], [task.lease_token for task in taken]
        return len(await leases.complete(self.database, ids, tokens))

    async def complete_with_results(self, taken: Sequence[ClaimedTask]) -> int:
        """Ends attempts that returned something; how many were accepted."""
        ids, tokens = [task.id for task in taken], [task.lease_token for task in taken]
        results, versions = ['{"done": true}'] * len(taken), [1] * len(taken)
        return len(await leases.complete_with_results(self.database, ids, tokens, results, versions))

    async def retry(self, taken: Sequence[ClaimedTask]) -> int:
        """Puts failed attempts back; how many were accepted."""
        failed = [FailedAttempt(task.id, task.lease_token, "failed", "failed", "Error: no") for task in taken]
        return len(await leases.retry(self.database, failed, worker_id=WORKER))


@asynccontextmanager
async def open_steps(
    url: str, *, refresh_seconds: float = 0.25, monotonic: Callable[[], float] = time.monotonic
) -> AsyncIterator[Steps]:
    """The steps on a migrated database. A clock that stands still makes what the claims do the same every time."""
    settings = load_settings(database_url=url, pool_min=1, pool_max=1)
    claimer = Claimer(
        [QUEUE],
        lease_seconds=LEASE_SECONDS,
        lanes_per_scan=settings.lanes_per_scan,
        refresh_seconds=refresh_seconds,
        monotonic=monotonic,
    )
    async with Database(settings, url=url) as database:
        link = await claiming_link(database)
        try:
            yield Steps(database, link, claimer, settings.lanes_per_scan)
        finally:
            await link.close()
