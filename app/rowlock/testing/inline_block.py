"""Runs tasks inline: for the block every enqueue runs its handler at once, without a database or a worker.

What surrounds a handler in production surrounds it here: arguments checked and carried through JSON, middleware, the
Context, timeouts, the decision about how the attempt ended. A handler that declares `executor="process"` runs in a
thread, so that it need not be importable. What is due later runs at once as well; a retry or a snooze waits for
`run_again`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from uuid import UUID

import orjson

from rowlock.client import Rowlock
from rowlock.domain.errors import AlreadyExists, Conflict, NotFound, TaskNotCancellable, TaskNotRedrivable
from rowlock.domain.requests import TaskRequest
from rowlock.handlers.context import CURRENT
from rowlock.handlers.handler import Handler
from rowlock.handlers.task import Task
from rowlock.store.tasks import ChildResult, Stored, TaskRecord
from rowlock.testing.inline_keys import earlier_task
from rowlock.testing.inline_runs import InlineExecutors, InlineReporter, blocking, failure_of, keep_exception
from rowlock.testing.inline_tasks import InlineTask, fits
from rowlock.worker.attempt import Attempt, Stop, Surroundings

MAX_TASKS = 10_000
MAX_DEPTH = 100


def inline(app: Rowlock, *, raises: bool = True) -> Inline:
    """`with inline(app) as tasks:` or `async with`, which also enters the application's lifespan.

    What a handler raises, other than `Retry`, `Fail`, `Snooze` and `Cancel`, is raised by the enqueue that the test
    made, so that no failure passes unseen; with `raises=False` it is only taken down, as a worker would.
    """
    return Inline(app, raises=raises)


class Inline:
    """The tasks of the block, in the order in which they were enqueued, and the backend that runs them."""

    def __init__(self, app: Rowlock, *, raises: bool) -> None:
        app.check()
        self.tasks: list[InlineTask] = []
        self._app = app
        self._raises = raises
        self._by_id: dict[UUID, InlineTask] = {}
        self._running: dict[UUID, Attempt] = {}
        self._raised: set[tuple[UUID, int]] = set()
        self._lease_tokens = itertools.count(1)
        self._executors = InlineExecutors(threads=MAX_TASKS, step_threads=MAX_TASKS, child_processes=1)
        self._exits = ExitStack()
        self._async_exits = AsyncExitStack()

    def __enter__(self) -> Inline:
        self._exits.callback(self._executors.close)
        self._exits.enter_context(self._app.answered_by(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    async def __aenter__(self) -> Inline:
        async with AsyncExitStack() as entering:
            entering.enter_context(self)
            await entering.enter_async_context(self._app.lifespan(self._app))
            self._async_exits = entering.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._async_exits.aclose()

    def enqueued(self, name: str | Task[..., Any] | None = None, /, **arguments: Any) -> list[InlineTask]:
        """Tasks of one handler, with these arguments among others."""
        wanted = name.name if isinstance(name, Task) else name
        return [task for task in self.tasks if fits(task, wanted, arguments)]

    async def run_again(self, task: InlineTask) -> InlineTask:
        """Runs the next attempt of a task that was retried or snoozed, however long it asked to wait."""
        if task.status not in ("retrying", "scheduled"):
            raise Conflict(f"Task {task.id} is {task.status}: only a retried or snoozed task runs again.")
        await self._run([task])
        return task

    def run_again_sync(self, task: InlineTask) -> InlineTask:
        """`run_again` for tests without an event loop."""
        return blocking(lambda: self.run_again(task))

    # -- what an application asks of its backend

    async def submit(self, tenant_id: str, requests: Sequence[TaskRequest], on: object) -> Sequence[Stored]:
        before = len(self.tasks)
        try:
            answers = [self._take(tenant_id, request, on) for request in requests]
        except Exception:
            for refused in self.tasks[before:]:  # all or none
                del self._by_id[refused.id]
            del self.tasks[before:]
            raise
        await self._run([task for task, created in answers if created])
        return [Stored(task.id, created) for task, created in answers]

    def submit_sync(self, tenant_id: str, requests: Sequence[TaskRequest], on: object) -> Sequence[Stored]:
        return blocking(lambda: self.submit(tenant_id, requests, on))

    async def get(self, tenant_id: str, task_id: UUID) -> TaskRecord:
        return self.get_sync(tenant_id, task_id)

    def get_sync(self, tenant_id: str, task_id: UUID) -> TaskRecord:
        return self._find(tenant_id, task_id).record

    async def count_children(self, tenant_id: str, task_id: UUID, name: str | None) -> dict[str, int]:
        return self.count_children_sync(tenant_id, task_id, name)

    def count_children_sync(self, tenant_id: str, task_id: UUID, name: str | None) -> dict[str, int]:
        return dict(Counter(child.status for child in self._children(tenant_id, task_id, name)))

    async def child_results(self, tenant_id: str, task_id: UUID, name: str) -> AsyncIterator[ChildResult]:
        for result in self.child_results_sync(tenant_id, task_id, name):
            yield result

    def child_results_sync(self, tenant_id: str, task_id: UUID, name: str) -> Iterator[ChildResult]:
        for child in sorted(self._children(tenant_id, task_id, name), key=lambda child: child.id):
            if child.finished:
                yield ChildResult(child.id, child.status, child.payload, child.result, child.error)

    async def cancel(self, tenant_id: str, task_id: UUID, reason: str | None) -> str:
        task = self._find(tenant_id, task_id)
        if task.finished:
            raise TaskNotCancellable(f"Task {task_id} is {task.status} already.")
        if task.id in self._running:
            self._running[task.id].request_stop(Stop.CANCEL_REQUESTED)
            return "cancel_requested"
        task.status, task.reason, task.error = "cancelled", "cancelled", reason
        task.finished_at = datetime.now(UTC)
        return "cancelled"

    def cancel_sync(self, tenant_id: str, task_id: UUID, reason: str | None) -> str:
        return blocking(lambda: self.cancel(tenant_id, task_id, reason))

    async def redrive(self, tenant_id: str, task_id: UUID) -> None:
        task = self._find(tenant_id, task_id)
        if task.status not in ("dead", "cancelled"):
            raise TaskNotRedrivable(f"Task {task_id} is {task.status}, neither dead nor cancelled.")
        task.attempt = 0
        await self._run([task])

    def redrive_sync(self, tenant_id: str, task_id: UUID) -> None:
        blocking(lambda: self.redrive(tenant_id, task_id))

    # -- running

    def _take(self, tenant_id: str, request: TaskRequest, on: object) -> tuple[InlineTask, bool]:
        if request.id in self._by_id:
            raise AlreadyExists(f"That exists already: task {request.id}.")
        earlier = earlier_task(self.tasks, tenant_id, request) if request.keyed else None
        if earlier is not None:
            return earlier, False
        if len(self.tasks) >= MAX_TASKS or self._depth(request) >= MAX_DEPTH:
            raise RecursionError(
                f"An inline block runs at most {MAX_TASKS} tasks, {MAX_DEPTH} deep: does {request.name} enqueue itself "
                "without end?"
            )
        task = InlineTask(request=request, tenant_id=tenant_id, on=on, payload=orjson.loads(request.payload))
        self.tasks.append(task)
        self._by_id[task.id] = task
        return task, True

    async def _run(self, tasks: Sequence[InlineTask]) -> None:
        for task in tasks:
            handler = self._app.handlers.get(task.name)
            if handler is None:
                continue
            if not handler.payloads.knows(task.request.payload_version):
                task.status, task.reason = "scheduled", "unknown_version"
                continue
            await self._attempt(task, handler)
        if self._raises and CURRENT.get() is None:
            self._raise_failures({task.root_id for task in tasks})

    async def _attempt(self, task: InlineTask, handler: Handler) -> None:
        claimed = task.claimed(next(self._lease_tokens))
        around = Surroundings(
            InlineReporter(task, self, self._executors.step_threads, max_step_bytes=self._app.settings.max_step_bytes),
            asyncio.get_running_loop(),
            "inline",
            max_result_bytes=self._app.settings.max_result_bytes,
            grace_seconds=self._app.settings.cancel_grace_seconds,
        )
        attempt = Attempt(claimed, around)
        middlewares = (keep_exception(task), *self._app.middlewares)

        async def perform() -> None:
            task.end(await attempt.perform(handler, middlewares, self._executors))

        self._running[task.id] = attempt
        attempt.job = asyncio.create_task(perform())  # a task of its own: it can be cancelled, and its stack is short
        try:
            await attempt.job
        finally:
            attempt.job = None
            self._running.pop(task.id, None)

    def _raise_failures(self, roots: set[UUID]) -> None:
        """Raises each failure once, at the outermost call: inside a handler production would not raise it either."""
        errors = []
        for task in self.tasks:
            attempt = (task.id, len(task.outcomes))
            error = failure_of(task) if task.root_id in roots and attempt not in self._raised else None
            if error is not None:
                self._raised.add(attempt)
                errors.append(error)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup(f"{len(errors)} inline tasks failed", errors)

    def _find(self, tenant_id: str, task_id: UUID) -> InlineTask:
        task = self._by_id.get(task_id)
        if task is None or task.tenant_id != tenant_id:
            raise NotFound(f"There is no task {task_id}.")
        return task

    def _children(self, tenant_id: str, parent_id: UUID, name: str | None) -> list[InlineTask]:
        return [t for t in self.enqueued(name) if (t.tenant_id, t.request.parent_id) == (tenant_id, parent_id)]

    def _depth(self, request: TaskRequest) -> int:
        depth, parent = 0, request.parent_id
        while parent in self._by_id and depth < MAX_DEPTH:
            depth, parent = depth + 1, self._by_id[parent].request.parent_id
        return depth
