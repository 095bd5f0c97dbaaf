"""What surrounds a handler in an inline block, in the place of what a worker has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from copy import deepcopy
from typing import Any, TypeVar

import orjson

from rowlock.domain.errors import LeaseLost
from rowlock.domain.outcomes import Outcome
from rowlock.domain.steps import StepName
from rowlock.handlers.backend import Backend
from rowlock.handlers.context import CallNext, Context, current_context
from rowlock.handlers.handler import Handler
from rowlock.handlers.own_loop import in_own_loop
from rowlock.store.steps import FinishedStep, Json
from rowlock.store.tasks import ChildResult
from rowlock.testing.inline_tasks import InlineTask
from rowlock.worker.attempt import Attempt
from rowlock.worker.executors import AttemptOverdue, AttemptTimedOut, Executors
from rowlock.worker.threads import HandlerThreads

T = TypeVar("T")


class InlineReporter:
    """A Context's way to its task instead of to the database."""

    def __init__(self, task: InlineTask, block: Backend, step_threads: HandlerThreads, *, max_step_bytes: int) -> None:
        self.max_step_bytes = max_step_bytes
        self._task = task
        self._block = block
        self._step_threads = step_threads

    async def report_progress(self, _: Context, progress: str) -> None:
        self._task.progress = orjson.loads(progress)

    async def count_children(self, context: Context, name: str | None) -> dict[str, int]:
        return await self._block.count_children(context.tenant_id, context.task_id, name)

    def child_results(self, context: Context, name: str) -> AsyncIterator[ChildResult]:
        return self._block.child_results(context.tenant_id, context.task_id, name)

    async def run_in_thread(self, function: Callable[[], Any]) -> Any:
        return await self._step_threads.run(function, begin=lambda: None)

    async def load_steps(self, context: Context) -> dict[StepName, Json]:
        self._hold_lease(context)
        return {StepName.parse(step): deepcopy(result) for step, result in self._task.steps.items()}

    async def record_step(self, context: Context, done: FinishedStep) -> Json:
        self._hold_lease(context)
        self._task.steps[str(done.step)] = orjson.loads(done.result)
        return orjson.loads(done.result)

    def _hold_lease(self, context: Context) -> None:
        """An attempt that has ended, as by its timeout, has lost its lease; its thread may go on."""
        if context.lease_token != self._task.lease_token:
            raise LeaseLost(f"The lease on task {context.task_id} is lost: the attempt that took the step has ended.")


class InlineExecutors(Executors):
    """Threads in the place of child processes."""

    async def _in_child(self, attempt: Attempt, handler: Handler, keywords: dict[str, Any]) -> Any:
        return await self._in_thread(attempt, handler, keywords)


def keep_exception(task: InlineTask) -> Callable[[Context, CallNext], Awaitable[Any]]:
    """The outermost middleware: the test gets the exception itself, not only its text."""

    async def keep(_: Context, call_next: CallNext) -> Any:
        try:
            return await call_next()
        except Exception as error:
            task.exception = error
            raise

    return keep


def failure_of(task: InlineTask) -> BaseException | None:
    """What a test must see of the task's last attempt; None for what the handler said on purpose."""
    if task.outcomes[-1:] not in (["failed"], ["timed_out"]) or isinstance(task.exception, Outcome):
        return None
    if isinstance(task.exception, AttemptTimedOut | AttemptOverdue):
        return TimeoutError(task.error)
    return task.exception or RuntimeError(task.error)


def blocking(start: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine to its end from synchronous code: on the handler's loop where that runs in another thread, on a
    loop of its own elsewhere."""
    context = current_context()
    own_thread = asyncio._get_running_loop() is None
    if own_thread and context is not None and context._loop is not None and context._loop.is_running():
        return asyncio.run_coroutine_threadsafe(start(), context._loop).result()
    return in_own_loop(start)
