"""Durable steps of a running attempt: those of earlier attempts read, and new ones kept.

What a step did is done, and would be done again if it were not kept. So while the database is away this asks again for
as long as it takes, as a worker does with its outcomes; a lost reply needs no other care, for to ask again is harmless.
So it does while a transaction has locked the task: to wait for it in the line would take a connection from others.
The lease is the end of it: once it is taken over, the answer is `LeaseLost`.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import tenacity

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown, RowlockError, is_lock_timeout
from rowlock.domain.steps import StepName
from rowlock.engine.writing import LOCK_TIMEOUT
from rowlock.store import steps
from rowlock.store.database import Database
from rowlock.store.steps import FinishedStep, Json
from rowlock.telemetry.logs import get_logger

Failed = Callable[[RowlockError], None]

log = get_logger("rowlock.steps")

PERSISTENT = tenacity.AsyncRetrying(
    retry=tenacity.retry_if_exception_type((DatabaseUnavailable, OutcomeUnknown)),
    wait=tenacity.wait_random_exponential(multiplier=0.05, max=2),
)


async def load_steps(
    database: Database, tenant_id: str, task_id: UUID, lease_token: int, *, failed: Failed = lambda _: None
) -> dict[StepName, Json]:
    """What the task's finished steps returned. Each try that `failed` is told. Raises `LeaseLost`."""
    trying = _persistent(failed, "A task waits for its steps: the database does not answer.", task_id=str(task_id))
    return await trying(steps.load_steps, database, tenant_id, task_id, lease_token)


async def record_step(
    database: Database,
    tenant_id: str,
    task_id: UUID,
    lease_token: int,
    done: FinishedStep,
    *,
    failed: Failed = lambda _: None,
) -> Json:
    """Keeps a finished step once; what is kept. Each try that `failed` is told. Raises `LeaseLost`."""
    trying = _persistent(
        failed, "A step waits: the database does not take it.", task_id=str(task_id), step=str(done.step)
    )
    return await trying(steps.record_step, database, tenant_id, task_id, lease_token, done, lock_timeout=LOCK_TIMEOUT)


def _persistent(failed: Failed, said: str, **about: str) -> tenacity.AsyncRetrying:
    def tell(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        assert isinstance(error, RowlockError)
        if state.attempt_number == 1:
            locked = is_lock_timeout(error)
            log.warning(
                "A step waits: a transaction has locked its task." if locked else said, error=error.message, **about
            )
        failed(error)

    return PERSISTENT.copy(before_sleep=tell)
