"""Enqueueing: a task is stored, or the caller is told that it is not; never silently lost.

Requests with an idempotency or unique key go through the SQL function that every language uses; those without go
by the cheaper statements. A reply to COMMIT that was lost is answered by looking the ids up: there, they are stored
(and waited for until they are as durable as any); not there, they are sent again under the same ids. Only where the
database stays away is the caller told `OutcomeUnknown`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import tenacity

from rowlock.config import Settings
from rowlock.domain.errors import AlreadyExists, DatabaseUnavailable, InvalidArgument, NotFound, OutcomeUnknown
from rowlock.domain.requests import RequestSeries, TaskRequest, any_keyed, chosen_ids, ids_of
from rowlock.store import tasks
from rowlock.store.database import Database
from rowlock.store.races import racing
from rowlock.store.tasks import Stored

Enqueued = Stored
MAX_BATCH = 5_000  # rows of one statement; larger calls are cut, still in one transaction
NO_ANSWER = tenacity.retry_if_exception_type((DatabaseUnavailable, OutcomeUnknown))
PAUSES = tenacity.wait_random_exponential(multiplier=0.05, max=1)


def patience(settings: Settings) -> tenacity.stop.stop_base:
    """How long to ask what became of a request: as long as a connection may take."""
    return tenacity.stop_after_delay(settings.connect_seconds)


async def enqueue(database: Database, tenant_id: str, request: TaskRequest, *, wake: bool = True) -> Enqueued:
    """Stores one task durably. Raises `IdempotencyKeyReused`, `DuplicateTask`, `InvalidArgument`, `AlreadyExists`,
    `DatabaseUnavailable` (nothing is stored) or `OutcomeUnknown` (ask by the id in its text)."""
    await refuse_used_ids(database, tenant_id, [request])
    try:
        return (await _store(database, tenant_id, [request], wake=wake))[0]
    except OutcomeUnknown:
        return (await settle(database, tenant_id, [request]))[0]


async def enqueue_many(database: Database, tenant_id: str, requests: Sequence[TaskRequest]) -> Sequence[Enqueued]:
    """Stores all of the tasks or none, in one transaction; answers in order. Raises as `enqueue` does."""
    check_batch(requests)
    if not requests:
        return []
    await refuse_used_ids(database, tenant_id, requests)
    try:
        return await _store(database, tenant_id, requests)
    except OutcomeUnknown:
        return await settle(database, tenant_id, requests)


def check_batch(requests: Sequence[TaskRequest]) -> None:
    if len(requests) <= 1 or isinstance(requests, RequestSeries):
        return  # the ids of a series were made here
    if len(set(ids_of(requests))) < len(requests):
        raise InvalidArgument("Two tasks of the batch have the same id.", field="id")


async def refuse_used_ids(database: Database, tenant_id: str, requests: Sequence[TaskRequest]) -> None:
    """Raises `AlreadyExists` where a task has finished under an id that was chosen. The primary key knows of no such
    task, and who sends a request again may come after it has."""
    if chosen := chosen_ids(requests):
        refuse_used_id(await tasks.find_finished(database, tenant_id, chosen))


def refuse_used_id(used: UUID | None) -> None:
    """Of what `find_finished` has found."""
    if used is not None:
        raise AlreadyExists(f"Task {used} exists already, and has finished. Give another task an id of its own.")


def outcome_unknown(requests: Sequence[TaskRequest]) -> OutcomeUnknown:
    """Says which ids to ask for: their maker was told none."""
    ids = [str(task_id) for task_id in ids_of(requests)]
    what = f"task {ids[0]} is" if len(ids) == 1 else f"the batch of {len(ids)} tasks from {ids[0]} on is"
    return OutcomeUnknown(
        f"The connection broke and the database stays away, so nobody knows whether {what} stored. "
        "Look it up by its id, or send it again with the same id or idempotency key.",
        task_ids=ids,
    )


async def _store(
    database: Database, tenant_id: str, requests: Sequence[TaskRequest], *, wake: bool = True
) -> Sequence[Enqueued]:
    if any_keyed(requests):
        return await tasks.insert_keyed(database, tenant_id, requests)
    if len(requests) == 1:
        await tasks.insert_task(database, tenant_id, requests[0], wake=wake and requests[0].due_soon)
    else:
        await _store_batch(database, tenant_id, requests)
    return tasks.all_stored(requests)


async def _store_batch(database: Database, tenant_id: str, requests: Sequence[TaskRequest]) -> None:
    async for attempt in racing():
        with attempt:
            if len(requests) <= MAX_BATCH:
                await tasks.insert_tasks(database, tenant_id, requests)
                return
            async with database.link() as link, link.transaction():
                for start in range(0, len(requests), MAX_BATCH):
                    await tasks.insert_tasks(link, tenant_id, requests[start : start + MAX_BATCH])


async def settle(database: Database, tenant_id: str, requests: Sequence[TaskRequest]) -> Sequence[Enqueued]:
    """After a lost reply: finds the tasks, or stores them under the same ids."""
    try:
        stop = patience(database.settings)
        async for attempt in tenacity.AsyncRetrying(retry=NO_ANSWER, wait=PAUSES, stop=stop, reraise=True):
            with attempt:
                return await _find_or_store(database, tenant_id, requests)
    except (DatabaseUnavailable, OutcomeUnknown) as error:
        raise outcome_unknown(requests) from error
    raise AssertionError("retrying ends with an answer or an error")


async def _find_or_store(database: Database, tenant_id: str, requests: Sequence[TaskRequest]) -> Sequence[Enqueued]:
    if any_keyed(requests):
        stored = [await _is_stored(database, tenant_id, request) for request in requests]
        if any(stored):
            await tasks.confirm_commits(database)
        rest = [request for request, found in zip(requests, stored, strict=True) if not found]
        # An earlier task answered these, or nothing was stored: their keys make sending them again harmless.
        answers = iter(await tasks.insert_keyed(database, tenant_id, rest) if rest else ())
        return [
            Enqueued(request.id, True) if found else next(answers)
            for request, found in zip(requests, stored, strict=True)
        ]
    if not await _is_stored(database, tenant_id, requests[0]):  # a batch is stored as a whole or not at all
        with suppress(AlreadyExists):  # the first try was still under way, and won
            return await _store(database, tenant_id, requests)
    await tasks.confirm_commits(database)
    return tasks.all_stored(requests)


async def _is_stored(database: Database, tenant_id: str, request: TaskRequest) -> bool:
    try:
        await tasks.get_task(database, tenant_id, request.id)
    except NotFound:
        return False
    return True
