"""The tools that look and change nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from rowlock.domain.states import Status as PublicStatus
from rowlock.engine import inspect
from rowlock.engine.queue_board import QueueBoard
from rowlock.mcp.shapes import Queue, Reason, Status, Task, TaskPage
from rowlock.store.database import Database
from rowlock.store.listing import TaskFilter

Limit = Annotated[int, Field(ge=1, le=100, description="Most tasks to return.")]
Before = Annotated[UUID | None, Field(description="`next_before` of the page before.")]
TaskId = Annotated[UUID, Field(description="Id of the task.")]
QueueName = Annotated[str | None, Field(description="Only this queue.")]
MAX_ATTEMPTS = 20
MAX_ATTEMPT_BYTES = 65_536  # of errors and tracebacks: a model reads them all
MAX_STEP_BYTES = 65_536  # of results
TaskName = Annotated[str | None, Field(description="Only this handler.")]


class Looking:
    """Reads for one tenant; other tenants' tasks do not exist for it."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._board = QueueBoard(database)

    def tools(self) -> list[Callable[..., Awaitable[Any]]]:
        return [self.list_queues, self.list_tasks, self.get_task, self.explain_task, self.list_dead_letters]

    async def list_queues(self) -> list[Queue]:
        """All queues with their depth by state, lag, dead letters, workers, and whether they are paused."""
        return [Queue.of(record) for record in await self._board.queues(self._tenant_id)]

    async def list_tasks(
        self,
        *,
        status: Annotated[Status | None, Field(description="Only tasks of this status.")] = None,
        queue: QueueName = None,
        name: TaskName = None,
        tag: Annotated[str | None, Field(description="Only tasks with this tag.")] = None,
        limit: Limit = 20,
        before: Before = None,
    ) -> TaskPage:
        """Tasks by status, queue, handler and tag, newest first, without their payloads."""
        statuses = frozenset({PublicStatus(status)} if status else ())
        wanted = TaskFilter(statuses=statuses, queue=queue, name=name, tag=tag)
        listed = await inspect.list_tasks(self._database, self._tenant_id, wanted, past=before, limit=limit)
        return TaskPage.of(listed, limit)

    async def get_task(self, task_id: TaskId) -> Task:
        """One task: payload, result, progress, durable steps, and its latest attempts with errors and tracebacks."""
        record = await inspect.get_task(self._database, self._tenant_id, task_id)
        attempts = await inspect.latest_executions(
            self._database, self._tenant_id, task_id, limit=MAX_ATTEMPTS, max_bytes=MAX_ATTEMPT_BYTES
        )
        children = await inspect.count_children(self._database, self._tenant_id, task_id)
        page = await inspect.list_steps(self._database, self._tenant_id, task_id, max_bytes=MAX_STEP_BYTES)
        return Task.known(record, attempts, children, page.steps)

    async def explain_task(self, task_id: TaskId) -> list[Reason]:
        """Why a task waits, runs or ended: reason codes with a sentence and advice, the most telling first."""
        said = await inspect.explain_task(self._database, self._tenant_id, task_id)
        return [Reason(code=one.code, explanation=one.explanation, advice=one.advice) for one in said]

    async def list_dead_letters(
        self, *, queue: QueueName = None, name: TaskName = None, limit: Limit = 20, before: Before = None
    ) -> TaskPage:
        """Tasks that are out of attempts or failed for good, newest first. `get_task` has their tracebacks."""
        listed = await inspect.list_dead_letters(
            self._database, self._tenant_id, queue=queue, name=name, before=before, limit=limit
        )
        return TaskPage.of(listed, limit)
