"""What is asked and what is answered: the words of a history.

    operation   asked                                               answered with ok
    enqueue     tenant, tasks: [id, queue, name, key, key_seconds,  tasks: [id, created], in the same order
                request, waits]
    claim       worker, lease_seconds, capped                       by, leases: [task, token, tenant, queue, lane, name,
                                                                    attempt, max_attempts, started_at]
    run         task, token, attempt                                result: whether the handler returned a value
    finish      way, since, attempts: [task, token, result]         accepted: [token]
    renew       since, lease_seconds, attempts: [task, token]       by, renewed: [token], lost: [token]
    progress    since, task, token                                  (nothing)
    step        since, task, token, name, occurrence                (nothing)
    cancel      tenant, task                                        outcome: cancelled or cancel_requested
    redrive     tenant, task                                        (nothing)
    read        tenant, task                                        tenant: of the task that was shown
    cap         since, tenant, queue, lane, max_running             by
    elect       holder                                              epoch
    fire        epoch, windows: [schedule, window_at, task]         windows: [schedule, window_at, task]
    expire      since                                               workers: those that were marked as gone

Ids are text. Instants are whole microseconds since 1970 by the database's clock, as `microseconds` gives them. `since`
and `by` are what that clock showed before the question and after the answer (null where it could not be asked), so that
what happened in between is known to lie between them. `request` is what an idempotency key stands for; `waits` says
that the run does not wait for the task to end. A `cap` of null is lifted. `run` fails with what the handler raised. The
answer of a `finish` whose acceptance cannot be told for one of its tokens is `unknown`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rowlock.domain.requests import TaskRequest
from rowlock.store.leases import ClaimedTask
from rowlock.store.links import Runner
from rowlock.store.tasks import Stored

KEY_SECONDS = 86_400.0  # how long a key is kept where the request does not say


def microseconds(instant: datetime | float) -> int:
    """An instant, or its seconds since 1970, in whole microseconds: PostgreSQL's own grain."""
    return round((instant.timestamp() if isinstance(instant, datetime) else instant) * 1_000_000)


async def database_instant(runner: Runner) -> int:
    """What the database's clock shows."""
    return microseconds((await runner.run("read_clock"))[0][0])


def asked_of(requests: Sequence[TaskRequest], *, waits: bool = False) -> list[dict[str, Any]]:
    """The tasks of an `enqueue`, as they are asked for."""
    return [
        {
            "id": str(request.id),
            "queue": request.queue,
            "name": request.name,
            "key": request.idempotency_key,
            "key_seconds": request.idempotency_ttl.total_seconds() if request.idempotency_ttl else KEY_SECONDS,
            "request": request.payload if request.idempotency_key else None,
            "waits": waits,
        }
        for request in requests
    ]


def answers_of(stored: Sequence[Stored]) -> list[dict[str, Any]]:
    """The tasks of an `enqueue`, as they are answered."""
    return [{"id": str(one.id), "created": one.created} for one in stored]


def lease_of(task: ClaimedTask) -> dict[str, Any]:
    """One lease of a `claim`."""
    return {
        "task": str(task.id),
        "token": task.lease_token,
        "tenant": task.tenant_id,
        "queue": task.queue,
        "lane": task.lane,
        "name": task.name,
        "attempt": task.attempt,
        "max_attempts": task.max_attempts,
        "started_at": microseconds(task.claimed_epoch),
    }
