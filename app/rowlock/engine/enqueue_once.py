"""Enqueueing on behalf of a client that waits for the answer.

Of several requests under one key the first to come makes the task. The others wait for its transaction, whose length
is somebody else's to choose (an application may enqueue inside a long one), so the wait is bounded and its end is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rowlock.domain.errors import OutcomeUnknown
from rowlock.domain.requests import TaskRequest, any_keyed
from rowlock.engine.enqueue import check_batch, enqueue, enqueue_many, refuse_used_ids, settle
from rowlock.store.database import Database
from rowlock.store.keyed_tasks import insert_keyed_within
from rowlock.store.tasks import Stored

PATIENCE = timedelta(seconds=2)


async def enqueue_once(
    database: Database, tenant_id: str, requests: Sequence[TaskRequest], *, patience: timedelta = PATIENCE
) -> Sequence[Stored]:
    """Stores all of the tasks or none; answers in order. Raises what `enqueue` raises, and `IdempotencyInProgress`
    where a key is still held after `patience`."""
    if not any_keyed(requests):
        if len(requests) == 1:
            return [await enqueue(database, tenant_id, requests[0])]
        return await enqueue_many(database, tenant_id, requests)
    check_batch(requests)
    await refuse_used_ids(database, tenant_id, requests)
    try:
        return await insert_keyed_within(database, tenant_id, requests, patience)
    except OutcomeUnknown:
        return await settle(database, tenant_id, requests)
