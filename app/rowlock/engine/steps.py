"""Durable steps of a running attempt: those of earlier attempts read, and new ones kept.

What a step did is done, and would be done again if it were not kept. So while the database is away this asks again for
as long as it takes, as a worker does with its outcomes; a lost reply needs no other care, for to ask again is harmless.
So it does while a transaction has locked the task: to wait for it in the line would take a connection from others.
The lease is the end of it: once it is taken over, the answer is `LeaseLost`.
"""

from __future__ import annotations

from uuid import UUID

import tenacity

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown, is_lock_timeout
from rowlock.domain.steps import StepName
from rowlock.engine.writing import LOCK_TIMEOUT
from rowlock.store import steps
from rowlock.store.database import Database
from rowlock.store.steps import FinishedStep, Json
from rowlock.telemetry.logs import get_logger

log = get_logger("rowlock.steps")

PERSISTENT = tenacity.AsyncRetrying(
    retry=tenacity.retry_if_exception_type((DatabaseUnavailable, OutcomeUnknown)),
    wait=tenacity.wait_random_exponential(multiplier=0.05, max=2),
)


async def load_steps(database: Database, tenant_id: str, task_id: UUID, lease_token: int) -> dict[StepName, Json]:
    """What the task's finished steps returned. Raises `LeaseLost`."""
    return await PERSISTENT.copy()(steps.load_steps, database, tenant_id, task_id, lease_token)


async def record_step(database: Database, tenant_id: str, task_id: UUID, lease_token: int, done: FinishedStep) -> Json:
    """Keeps a finished step once; what is kept. Raises `LeaseLost`."""

    def say(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if is_lock_timeout(error) and state.attempt_number == 1:
            log.warning("A step waits: a transaction has locked its task.", task_id=str(task_id), step=str(done.step))

    return await PERSISTENT.copy(before_sleep=say)(
        steps.record_step, database, tenant_id, task_id, lease_token, done, lock_timeout=LOCK_TIMEOUT
    )
