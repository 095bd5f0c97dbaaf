"""Enqueueing from programs without an event loop: the promises of `engine.enqueue`, over a synchronous pool."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import tenacity

from rowlock.domain.errors import AlreadyExists, DatabaseUnavailable, OutcomeUnknown
from rowlock.domain.requests import TaskRequest, any_keyed, chosen_ids
from rowlock.engine.enqueue import (
    NO_ANSWER,
    PAUSES,
    Enqueued,
    check_batch,
    outcome_unknown,
    patience,
    refuse_used_id,
)
from rowlock.store.sync_database import SyncDatabase
from rowlock.store.tasks import all_stored


def enqueue_many_sync(database: SyncDatabase, tenant_id: str, requests: Sequence[TaskRequest]) -> Sequence[Enqueued]:
    """Stores all of the tasks or none, in one transaction; answers in order. Raises what `enqueue` raises."""
    check_batch(requests)
    if not requests:
        return []
    if chosen := chosen_ids(requests):
        refuse_used_id(database.find_finished(tenant_id, chosen))
    try:
        return database.insert(tenant_id, requests)
    except OutcomeUnknown:
        return _settle(database, tenant_id, requests)


def _settle(database: SyncDatabase, tenant_id: str, requests: Sequence[TaskRequest]) -> Sequence[Enqueued]:
    """After a lost reply: finds the tasks, or stores them under the same ids."""
    try:
        stop = patience(database.settings)
        for attempt in tenacity.Retrying(retry=NO_ANSWER, wait=PAUSES, stop=stop, reraise=True):
            with attempt:
                return _find_or_store(database, tenant_id, requests)
    except (DatabaseUnavailable, OutcomeUnknown) as error:
        raise outcome_unknown(requests) from error
    raise AssertionError("retrying ends with an answer or an error")


def _find_or_store(database: SyncDatabase, tenant_id: str, requests: Sequence[TaskRequest]) -> Sequence[Enqueued]:
    if any_keyed(requests):
        stored = [database.is_stored(tenant_id, request.id) for request in requests]
        if any(stored):
            database.confirm_commits()
        rest = [request for request, found in zip(requests, stored, strict=True) if not found]
        answers = iter(database.insert(tenant_id, rest) if rest else ())
        return [
            Enqueued(request.id, True) if found else next(answers)
            for request, found in zip(requests, stored, strict=True)
        ]
    if not database.is_stored(tenant_id, requests[0].id):
        with suppress(AlreadyExists):
            return database.insert(tenant_id, requests)
    database.confirm_commits()
    return all_stored(requests)
