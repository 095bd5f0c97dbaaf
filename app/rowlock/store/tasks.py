"""Tasks as rows: storing new ones, reading one, its attempts and its children."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from rowlock.domain.errors import NotFound
from rowlock.domain.ids import Ids
from rowlock.domain.lazy import LazySequence
from rowlock.domain.requests import RequestSeries, TaskRequest, lane_of
from rowlock.store.arrays import Bigints, Texts, Uuids
from rowlock.store.links import Runner

Json = Any  # whatever JSON spells


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task as people see it. Times are aware UTC; `status` is the derived, public one."""

    id: UUID
    tenant_id: str
    queue: str
    name: str
    priority: int
    lane: str
    status: str
    attempt: int
    max_attempts: int
    created_at: datetime
    visible_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    worker_id: int | None
    timeout_seconds: float | None
    wait_seconds: float | None
    payload: dict[str, Json]
    payload_version: int
    result: Json
    reason: str | None
    error: str | None
    progress: Json
    tags: list[str] | None
    metadata: dict[str, Json] | None
    idempotency_key: str | None
    unique_key: str | None
    parent_id: UUID | None
    workflow_id: UUID | None
    schedule_id: UUID | None
    window_at: datetime | None
    cancel_requested_at: datetime | None
    deadline_at: datetime | None
    result_version: int | None
    expires_on: Any

    @property
    def finished(self) -> bool:
        return self.status in ("succeeded", "dead", "cancelled")


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """One finished attempt."""

    attempt: int
    outcome: str
    started_at: datetime
    finished_at: datetime
    wait_seconds: float | None
    run_seconds: float
    worker_id: int
    lease_token: int
    reason: str | None
    error: str | None
    traceback: str | None


@dataclass(frozen=True, slots=True)
class ExecutionPage:
    """A task's latest finished attempts, first to last, and how many came before them."""

    latest: list[ExecutionRecord]
    earlier: int


@dataclass(frozen=True, slots=True)
class ChildResult:
    """How a finished child ended."""

    id: UUID
    status: str
    payload: dict[str, Json]
    result: Json
    error: str | None


class Stored(NamedTuple):
    """Answer to a request: the task's id, and whether this request made it."""

    id: UUID
    created: bool


def all_stored(requests: Sequence[TaskRequest]) -> Sequence[Stored]:
    """The answer to requests that nothing but themselves can have answered."""
    if isinstance(requests, RequestSeries):
        return LazySequence(_stored, requests.ids)
    return [_stored(request.id) for request in requests]


def _stored(task_id: UUID) -> Stored:
    return Stored(task_id, True)


async def insert_task(runner: Runner, tenant_id: str, request: TaskRequest, *, wake: bool) -> None:
    """Stores one task without keys; a second one of the same id is refused by the primary key."""
    await runner.run("enqueue", {**single_parameters(tenant_id, request), "wake": wake})


async def insert_tasks(runner: Runner, tenant_id: str, requests: Sequence[TaskRequest]) -> datetime:
    """Stores many tasks without keys, all or none, and wakes workers. When, by the database's clock."""
    return await _insert_batch(runner, batch_statement(tenant_id, requests))


async def insert_tasks_of(runner: Runner, asked: Sequence[tuple[str, TaskRequest]]) -> datetime:
    """The same for tasks of several tenants."""
    return await _insert_batch(runner, mixed_batch_statement(asked))


async def _insert_batch(runner: Runner, asked: tuple[str, Mapping[str, Any]]) -> datetime:
    stored_at: datetime = (await runner.run(*asked))[0][0]
    return stored_at


async def insert_keyed(runner: Runner, tenant_id: str, requests: Sequence[TaskRequest]) -> list[Stored]:
    """Stores tasks of which some have keys, all or none; answers in order."""
    rows = await runner.run("enqueue_keyed", {"tasks": as_json(requests), "tenant_id": tenant_id})
    return [Stored(id=row[1], created=row[2]) for row in rows]


async def find_finished(runner: Runner, tenant_id: str, chosen: Mapping[UUID, str | None]) -> UUID | None:
    """One of the ids under which a task has finished that does not answer the request: under the same idempotency key,
    while that is kept, the tenant's own does."""
    rows = await runner.run("find_finished", finished_parameters(tenant_id, chosen))
    return rows[0][0] if rows else None


def finished_parameters(tenant_id: str, chosen: Mapping[UUID, str | None]) -> dict[str, Any]:
    """Parameters of `find_finished.sql`."""
    return {"tenant_id": tenant_id, "ids": Uuids(chosen), "keys": list(chosen.values())}


async def confirm_commits(runner: Runner) -> None:
    """Returns once what was committed before, by whomever, is as durable as a commit that was acknowledged."""
    await runner.run("confirm_commits")


def single_parameters(tenant_id: str, request: TaskRequest) -> dict[str, Any]:
    """Parameters of `enqueue.sql`."""
    return {
        "id": request.id,
        "tenant_id": tenant_id,
        "queue": request.queue,
        "name": request.name,
        "priority": int(request.priority),
        "lane": lane_of(tenant_id, request.flow_key),
        "run_at": request.run_at,
        "delay_seconds": request.delay.total_seconds(),
        "max_attempts": request.max_attempts,
        "timeout_seconds": request.timeout.total_seconds() if request.timeout else None,
        "payload": request.payload,
        "payload_version": request.payload_version,
        "tags": list(request.tags) or None,
        "metadata": request.metadata,
        "parent_id": request.parent_id,
        "workflow_id": request.workflow_id,
        "expires_in_seconds": request.expires_in.total_seconds() if request.expires_in else None,
    }


def batch_statement(tenant_id: str, requests: Sequence[TaskRequest]) -> tuple[str, dict[str, Any]]:
    """The statement that stores one tenant's tasks, and its parameters."""
    if isinstance(requests, RequestSeries):
        return _series(single_parameters(tenant_id, requests.first), requests.ids, requests.payloads)
    return mixed_batch_statement([(tenant_id, request) for request in requests])


def mixed_batch_statement(asked: Sequence[tuple[str, TaskRequest]]) -> tuple[str, dict[str, Any]]:
    """The same for tasks of several tenants."""
    numbers: dict[tuple[object, ...], int] = {}
    rows: list[dict[str, Any]] = []
    options = []
    for tenant_id, request in asked:
        key = (tenant_id, request.options)
        number = numbers.get(key)
        if number is None:
            number = numbers[key] = len(numbers) + 1
            rows.append(single_parameters(tenant_id, request))
        options.append(number)
    ids, payloads = Uuids([request.id for _, request in asked]), [request.payload for _, request in asked]
    if len(rows) == 1:
        return _series(rows[0], ids, payloads)
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    columns["tags"] = [None if tags is None else orjson.dumps(tags).decode() for tags in columns["tags"]]
    return "enqueue_batch", {**columns, "ids": ids, "payloads": Texts(payloads), "options": Bigints(options)}


def _series(row: dict[str, Any], ids: Ids | Uuids, payloads: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """For tasks that have all their options in common. What a statement does not name is not sent."""
    return "enqueue_series", {**row, "ids": ids, "payloads": Texts(payloads)}


def as_json(requests: Sequence[TaskRequest]) -> str:
    """The requests as `rowlock.enqueue_many` reads them."""
    return orjson.dumps([_as_json(request) for request in requests]).decode()


def _as_json(request: TaskRequest) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": request.id,
        "name": request.name,
        "payload": orjson.Fragment(request.payload),
        "queue": request.queue,
        "priority": str(int(request.priority)),
        "max_attempts": request.max_attempts,
        "payload_version": request.payload_version,
    }
    optional: Mapping[str, Any] = {
        "delay_seconds": request.delay.total_seconds() or None,
        "run_at": request.run_at,
        "expires_in_seconds": request.expires_in.total_seconds() if request.expires_in else None,
        "timeout_seconds": request.timeout.total_seconds() if request.timeout else None,
        "tags": list(request.tags) or None,
        "metadata": orjson.Fragment(request.metadata) if request.metadata else None,
        "flow_key": request.flow_key,
        "idempotency_key": request.idempotency_key,
        "idempotency_seconds": request.idempotency_ttl.total_seconds() if request.idempotency_ttl else None,
        "unique_key": request.unique_key,
        "on_duplicate": request.on_duplicate if request.unique_key else None,
        "parent_id": request.parent_id,
        "workflow_id": request.workflow_id,
        "filled_in": _field_names(request.filled_in) if request.idempotency_key else None,
    }
    said.update((name, value) for name, value in optional.items() if value is not None)
    return said


def _field_names(options: frozenset[str]) -> list[str]:
    """Always in the same order: the names are hashed with what is said, to tell nothing said from nothing wanted."""
    return sorted(f"{option}_seconds" if option in ("timeout", "expires_in") else option for option in options)


async def get_task(runner: Runner, tenant_id: str, task_id: UUID) -> TaskRecord:
    """The task, live or finished. Raises `NotFound`, also for another tenant's."""
    parameters = {"id": task_id, "tenant_id": tenant_id}
    # In between the two reads a task may finish, and then the second finds it; or be redriven, hence the third.
    for name in ("get_live_task", "get_task", "get_live_task"):
        rows = await runner.run(name, parameters)
        if rows:
            return TaskRecord(*rows[0])
    raise NotFound(f"There is no task {task_id}.")


async def get_executions(
    runner: Runner, tenant_id: str, task_id: UUID, *, since: datetime, limit: int = 1_000
) -> ExecutionPage:
    """The latest finished attempts of a task made at `since`."""
    parameters = {"task_id": task_id, "tenant_id": tenant_id, "since": since, "limit": limit}
    rows = await runner.run("get_executions", parameters)
    latest = [ExecutionRecord(*row[:-1]) for row in reversed(rows)]
    return ExecutionPage(latest, earlier=rows[0][-1] - len(rows) if rows else 0)


async def count_children(runner: Runner, tenant_id: str, parent_id: UUID, *, name: str | None = None) -> dict[str, int]:
    """How many children of a task are in each status."""
    rows = await runner.run("get_children", {"parent_id": parent_id, "tenant_id": tenant_id, "name": name})
    return {row[0]: row[1] for row in rows}


async def get_child_results(
    runner: Runner, tenant_id: str, parent_id: UUID, name: str, *, past: UUID, limit: int = 1_000
) -> list[ChildResult]:
    """Finished children of one name with ids beyond `past`, in order of their ids."""
    parameters = {"parent_id": parent_id, "tenant_id": tenant_id, "name": name, "past": past, "limit": limit}
    return [ChildResult(*row) for row in await runner.run("get_child_results", parameters)]
