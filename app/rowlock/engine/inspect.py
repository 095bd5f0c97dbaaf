"""Looking at what there is: tasks, attempts, reasons, dead letters, queues, workers. Changes nothing.

Everything but workers belongs to a tenant, and another tenant's is `NotFound`, the same as absent. Lists are written by
SQLAlchemy, which is slow to load, so it is loaded with the first of them: schedulers and most commands never need it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from rowlock.domain.errors import NotFound
from rowlock.domain.states import Status
from rowlock.store import audit, operations, steps, tasks, worker_health, workers
from rowlock.store.audit import AuditEntry
from rowlock.store.database import Database
from rowlock.store.operations import Explanation, LimitRecord
from rowlock.store.reading import Reading
from rowlock.store.steps import StepPage, StepPosition, StepRecord
from rowlock.store.tasks import ExecutionPage, ExecutionRecord, TaskRecord
from rowlock.store.worker_health import WorkerRecord
from rowlock.store.workers import HandlerRecord

if TYPE_CHECKING:
    from rowlock.store.listing import ListedTask, TaskFilter

MAX_EXECUTIONS = 1_000
MAX_EXECUTION_BYTES = 4_194_304  # of errors and tracebacks in one answer
MAX_STEP_PAGE = 200
MAX_STEP_PAGE_BYTES = 4_194_304  # of results; a page ends with the step that reaches it


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead task with its latest attempts, first to last, and how many came before them; the last one's traceback is
    the one that counts."""

    task: TaskRecord
    attempts: list[ExecutionRecord]
    earlier: int

    @property
    def traceback(self) -> str | None:
        return next((a.traceback for a in reversed(self.attempts) if a.traceback), None)


async def get_task(database: Database, tenant_id: str, task_id: UUID) -> TaskRecord:
    """The task, live or finished."""
    return await tasks.get_task(Reading(database), tenant_id, task_id)


async def list_tasks(
    database: Database,
    tenant_id: str,
    wanted: TaskFilter,
    *,
    past: UUID | None = None,
    oldest_first: bool = False,
    limit: int = 50,
) -> list[ListedTask]:
    """Tasks behind the id `past`, newest or oldest first."""
    from rowlock.store import listing

    return await listing.list_tasks(database, tenant_id, wanted, past=past, oldest_first=oldest_first, limit=limit)


async def get_executions(database: Database, tenant_id: str, task_id: UUID) -> list[ExecutionRecord]:
    """Finished attempts of a task, first to last, the latest `MAX_EXECUTIONS` of them."""
    task = await tasks.get_task(Reading(database), tenant_id, task_id)
    return (await _executions_of(database, task)).latest


async def latest_executions(
    database: Database, tenant_id: str, task_id: UUID, *, limit: int, max_bytes: int = MAX_EXECUTION_BYTES
) -> ExecutionPage:
    """At most `limit` of them; fewer where `max_bytes` of errors and tracebacks are reached, but always the last."""
    task = await tasks.get_task(Reading(database), tenant_id, task_id)
    return _bounded(await _executions_of(database, task, limit), max_bytes)


async def list_steps(
    database: Database,
    tenant_id: str,
    task_id: UUID,
    *,
    before: StepPosition | None = None,
    limit: int = 50,
    max_bytes: int = MAX_STEP_PAGE_BYTES,
) -> StepPage:
    """Finished steps of a task, newest first, those before a position. A page with large results has fewer."""
    task = await tasks.get_task(Reading(database), tenant_id, task_id)
    return await steps.list_steps(
        Reading(database), tenant_id, task_id, since=task.created_at, before=before, limit=limit, max_bytes=max_bytes
    )


async def all_steps(database: Database, tenant_id: str, task_id: UUID) -> list[StepRecord]:
    """All finished steps of a task, first to last: at most `MAX_STEPS`."""
    page = await list_steps(database, tenant_id, task_id, limit=MAX_STEP_PAGE)
    found = page.steps
    while page.more:
        page = await list_steps(database, tenant_id, task_id, before=found[-1].position, limit=MAX_STEP_PAGE)
        found += page.steps
    return found[::-1]


async def explain_task(database: Database, tenant_id: str, task_id: UUID) -> list[Explanation]:
    """Why the task is where it is, most telling reason first."""
    return await operations.explain_task(Reading(database), tenant_id, task_id)


async def count_children(database: Database, tenant_id: str, task_id: UUID) -> dict[str, int]:
    """How many of the task's children are in each status."""
    await tasks.get_task(Reading(database), tenant_id, task_id)
    return await tasks.count_children(Reading(database), tenant_id, task_id)


async def list_dead_letters(
    database: Database,
    tenant_id: str,
    *,
    queue: str | None = None,
    name: str | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[ListedTask]:
    """Dead tasks with ids below `before`, newest first."""
    from rowlock.store import listing

    wanted = listing.TaskFilter(statuses=frozenset({Status.DEAD}), queue=queue, name=name)
    return await listing.list_tasks(database, tenant_id, wanted, past=before, limit=limit)


async def get_dead_letter(database: Database, tenant_id: str, task_id: UUID) -> DeadLetter:
    """A dead task and how its latest attempts ended; a task in another status is `NotFound`."""
    task = await tasks.get_task(Reading(database), tenant_id, task_id)
    if task.status != Status.DEAD:
        raise NotFound(f"Task {task_id} is {task.status}, so it is no dead letter.")
    page = _bounded(await _executions_of(database, task), MAX_EXECUTION_BYTES)
    return DeadLetter(task, page.latest, page.earlier)


async def get_limits(database: Database, tenant_id: str, queue: str) -> list[LimitRecord]:
    """Concurrency caps of the tenant's lanes in a queue."""
    return await operations.get_limits(Reading(database), tenant_id, queue)


async def list_workers(
    database: Database,
    *,
    healths: Collection[str] = (),
    before: int | None = None,
    limit: int = 100,
    ailing_first: bool = False,
) -> list[WorkerRecord]:
    """Worker processes with numbers below `before`, newest first; those of some `healths` where given. With
    `ailing_first` those that are not well come first, and those that are gone or have stopped last."""
    return await worker_health.list_workers(
        Reading(database), healths=healths, before=before, limit=limit, ailing_first=ailing_first
    )


async def list_handlers(database: Database, names: Collection[str] | None = None) -> list[HandlerRecord]:
    """Handlers that workers have registered, by name; those of `names` where given."""
    found = await workers.get_handlers(Reading(database))
    return [handler for handler in found if names is None or handler.name in names]


async def get_audit(
    database: Database, tenant_id: str, subject_kind: str, subject_id: str, *, limit: int = 100
) -> list[AuditEntry]:
    """What was done to one thing, latest first."""
    return await audit.get_audit(Reading(database), tenant_id, subject_kind, subject_id, limit=limit)


def _bounded(page: ExecutionPage, max_bytes: int) -> ExecutionPage:
    kept = len(page.latest)
    for latest in reversed(page.latest):
        if max_bytes <= 0:
            break
        kept -= 1
        max_bytes -= len(f"{latest.error or ''}{latest.traceback or ''}".encode())
    return ExecutionPage(page.latest[kept:], page.earlier + kept)


async def _executions_of(database: Database, task: TaskRecord, limit: int = MAX_EXECUTIONS) -> ExecutionPage:
    return await tasks.get_executions(Reading(database), task.tenant_id, task.id, since=task.created_at, limit=limit)
