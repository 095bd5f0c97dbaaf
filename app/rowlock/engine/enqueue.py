"""Enqueueing: a task is stored, or the caller is told that it is not; never silently lost.

Requests with an idempotency or unique key go through the SQL function that every language uses; those without go
by the cheaper statements. A reply to COMMIT that was lost is answered by looking the id up: there, it is stored; not
there, it is sent again under the same id.
"""

from __future__ import annotations

from collections.abc import Sequence

import tenacity

from rowlock.domain.errors import AlreadyExists, DatabaseUnavailable, InvalidArgument, NotFound, OutcomeUnknown
from rowlock.domain.requests import TaskRequest
from rowlock.store import tasks
from rowlock.store.database import Database
from rowlock.store.tasks import Stored as Enqueued

MAX_BATCH = 5_000  # rows of one statement; larger calls are cut, still in one transaction
LOOK_UPS = tenacity.AsyncRetrying(
    retry=tenacity.retry_if_exception_type((DatabaseUnavailable, OutcomeUnknown)),
    wait=tenacity.wait_random_exponential(multiplier=0.05, max=1),
    stop=tenacity.stop_after_delay(5),
    reraise=True,
)


async def enqueue(database: Database, tenant_id: str, request: TaskRequest, *, wake: bool = True) -> Enqueued:
    """Stores one task durably. Raises `IdempotencyKeyReused`, `DuplicateTask`, `InvalidArgument`, `AlreadyExists`,
    `DatabaseUnavailable` (nothing is stored) or `OutcomeUnknown` (ask by the request's id)."""
    if request.keyed:
        return (await tasks.insert_keyed(database, tenant_id, [request]))[0]
    try:
        await tasks.insert_task(database, tenant_id, request, wake=wake and request.due_now)
    except OutcomeUnknown:
        await _settle(database, tenant_id, request)
    return Enqueued(request.id, True)


async def enqueue_many(database: Database, tenant_id: str, requests: Sequence[TaskRequest]) -> list[Enqueued]:
    """Stores all of the tasks or none, in one transaction; answers in order."""
    if not requests:
        return []
    if len({request.id for request in requests}) < len(requests):
        raise InvalidArgument("Two tasks of the batch have the same id.", field="id")
    if any(request.keyed for request in requests):
        return await tasks.insert_keyed(database, tenant_id, requests)
    async with database.link() as link, link.transaction():
        for start in range(0, len(requests), MAX_BATCH):
            await tasks.insert_tasks(link, tenant_id, requests[start : start + MAX_BATCH])
        for queue in {request.queue for request in requests if request.due_now}:
            await link.run("wake", {"queue": queue})
    return [Enqueued(request.id, True) for request in requests]


async def _settle(database: Database, tenant_id: str, request: TaskRequest) -> None:
    """After a lost reply: finds the task, or stores it under the same id."""
    async for attempt in LOOK_UPS.copy():
        with attempt:
            try:
                await tasks.get_task(database, tenant_id, request.id)
            except NotFound:
                try:
                    await tasks.insert_task(database, tenant_id, request, wake=request.due_now)
                except AlreadyExists:
                    return
