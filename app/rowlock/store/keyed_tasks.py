"""Storing tasks that have keys, for callers who must not wait for long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import psycopg.errors

from rowlock.domain.errors import DatabaseUnavailable, IdempotencyInProgress
from rowlock.domain.requests import TaskRequest
from rowlock.store.links import Runner
from rowlock.store.tasks import Stored, as_json


async def insert_keyed_within(
    runner: Runner, tenant_id: str, requests: Sequence[TaskRequest], patience: timedelta
) -> list[Stored]:
    """As `insert_keyed`, but raises `IdempotencyInProgress` where another transaction holds a key for longer."""
    milliseconds = max(1, round(patience.total_seconds() * 1000))
    parameters = {"tasks": as_json(requests), "tenant_id": tenant_id, "lock_timeout": f"{milliseconds}ms"}
    try:
        rows = await runner.run("enqueue_keyed_within", parameters)
    except DatabaseUnavailable as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise IdempotencyInProgress(
                "Another request with the same key has not been answered yet. Ask again in a moment."
            ) from error
        raise
    return [Stored(id=row[1], created=row[2]) for row in rows]


async def has_idempotency_key(runner: Runner, tenant_id: str, key: str) -> bool:
    """Whether a request was taken under that key, and is known a little longer."""
    return bool((await runner.run("has_idempotency_key", {"tenant_id": tenant_id, "key": key}))[0][0])
