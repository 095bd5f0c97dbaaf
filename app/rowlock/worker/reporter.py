"""What a handler's Context asks of the database, and of its worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rowlock.domain.errors import DatabaseUnavailable, OutcomeUnknown, RowlockError, is_lock_timeout
from rowlock.domain.steps import StepName
from rowlock.engine import children, steps
from rowlock.engine.writing import LOCK_TIMEOUT
from rowlock.handlers.context import Context
from rowlock.store import leases, tasks
from rowlock.store.database import Database
from rowlock.store.steps import FinishedStep, Json
from rowlock.store.tasks import ChildResult
from rowlock.telemetry.condition import Condition
from rowlock.telemetry.logs import get_logger
from rowlock.worker.threads import HandlerThreads

log = get_logger("rowlock.worker")


class DatabaseReporter:
    """The `Reporter` of a worker."""

    def __init__(self, database: Database, step_threads: HandlerThreads, condition: Condition) -> None:
        self._database = database
        self._step_threads = step_threads
        self._condition = condition
        self._refused: set[object] = set()  # what is asked of steps, and the database refuses

    async def report_progress(self, context: Context, progress: str) -> None:
        """Keeps it, unless the database is in trouble or a transaction has locked the task, which is no failure of the
        work. Raises `LeaseLost`."""
        try:
            asked_to_stop = await leases.report_progress(
                self._database, context.task_id, context.lease_token, progress, lock_timeout=LOCK_TIMEOUT
            )
        except (DatabaseUnavailable, OutcomeUnknown) as error:
            log.debug("What a handler said of its progress was not kept.", error=error.message)
            return
        if asked_to_stop:
            context._stop()

    async def count_children(self, context: Context, name: str | None) -> dict[str, int]:
        return await tasks.count_children(self._database, context.tenant_id, context.task_id, name=name)

    def child_results(self, context: Context, name: str) -> AsyncIterator[ChildResult]:
        return children.child_results(self._database, context.tenant_id, context.task_id, name)

    @property
    def max_step_bytes(self) -> int:
        return self._database.settings.max_step_bytes

    async def run_in_thread(self, function: Callable[[], Any]) -> Any:
        return await self._step_threads.run(function, begin=lambda: None)

    async def load_steps(self, context: Context) -> dict[StepName, Json]:
        with self._noted() as failed:
            return await steps.load_steps(
                self._database, context.tenant_id, context.task_id, context.lease_token, failed=failed
            )

    async def record_step(self, context: Context, done: FinishedStep) -> Json:
        with self._noted() as failed:
            return await steps.record_step(
                self._database, context.tenant_id, context.task_id, context.lease_token, done, failed=failed
            )

    @contextmanager
    def _noted(self) -> Iterator[Callable[[RowlockError], None]]:
        """Steps are in trouble while one of them is refused, but not for a task that a transaction has locked."""
        this = object()

        def failed(error: RowlockError) -> None:
            if is_lock_timeout(error):
                over()
            else:
                self._refused.add(this)
                self._condition.troubled("step", error)

        def over() -> None:
            self._refused.discard(this)
            if not self._refused:
                self._condition.well("step")

        try:
            yield failed
        finally:
            over()
