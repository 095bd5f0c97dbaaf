"""Routes that make tasks and look at them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from rowlock.api.authentication import Reader, Writer, writer_of
from rowlock.api.body import body_reader, json_body
from rowlock.api.idempotency import idempotency_key, refuse_idempotency_key
from rowlock.api.openapi import IDEMPOTENCY_HEADER, TAG_TASKS, problems
from rowlock.api.pagination import PageQuery, make_cursor, read_cursor
from rowlock.api.replies import json_reply, page, tagged_reply
from rowlock.api.services import services_of
from rowlock.api.tasks import creation
from rowlock.api.tasks.models import (
    BatchReply,
    Children,
    ExecutionList,
    Explained,
    StepPage,
    Task,
    TaskBatch,
    TaskCreate,
    TaskPage,
)
from rowlock.api.tasks.query import ExecutionQuery, TaskQuery, step_before, step_key
from rowlock.api.tasks.wire import execution_json, listed_json, step_json, task_json
from rowlock.api.wire import TaskId
from rowlock.engine import inspect

router = APIRouter(tags=[TAG_TASKS])
_task_in = body_reader(TaskCreate)


@router.post(
    "/v1/tasks",
    status_code=201,
    response_model=Task,
    responses={
        200: {"model": Task, "description": "An earlier task answers the request: it has the same key."},
        **problems(409, body=True),
    },
    openapi_extra={"parameters": [IDEMPOTENCY_HEADER]},
)
async def create_task(request: Request, principal: Writer, body: Annotated[TaskCreate, Depends(_task_in)]) -> Response:
    """Stores a task and answers with it: 201, or 200 with the earlier task that an idempotency or unique key names."""
    services = services_of(request)
    asked = await creation.read_request(services, principal.tenant_id, body, idempotency_key(request))
    task, created = await creation.store(services, principal.tenant_id, asked)
    headers = {"Location": f"/v1/tasks/{task.id}"}
    return json_reply(task_json(task), status=201 if created else 200, headers=headers)


async def create_task_directly(request: Request) -> Response:
    """The same, for `DirectRoute`."""
    return await create_task(request, await writer_of(request), await _task_in(request))


@router.post("/v1/tasks/batch", status_code=201, response_model=BatchReply, responses=problems(409, body=True))
async def create_tasks(
    request: Request, principal: Writer, body: Annotated[TaskBatch, json_body(TaskBatch)]
) -> Response:
    """Stores many tasks, all or none. Where one of them is refused, the problem names its place in the batch."""
    refuse_idempotency_key(request, "give each task of the batch an idempotency_key.")
    services = services_of(request)
    asked = await creation.read_batch(services, principal.tenant_id, body)
    stored = await creation.store_batch(services, principal.tenant_id, asked)
    return json_reply({"items": [{"id": one.id, "created": one.created} for one in stored]}, status=201)


@router.get("/v1/tasks", response_model=TaskPage, responses=problems(422))
async def list_tasks(request: Request, principal: Reader, query: Annotated[TaskQuery, Query()]) -> Response:
    """Tasks that match all filters, newest first, or oldest first where `order` says so."""
    past = read_cursor("tasks", query.filters(), query.cursor, UUID)
    found = await inspect.list_tasks(
        services_of(request).database,
        principal.tenant_id,
        query.wanted(),
        past=past,
        oldest_first=query.order == "oldest",
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    more = make_cursor("tasks", query.filters(), str(shown[-1].task.id)) if len(found) > query.limit else None
    return page([listed_json(one) for one in shown], more)


@router.get(
    "/v1/tasks/{task_id}",
    response_model=Task,
    responses={304: {"description": "`If-None-Match` names the task as it is."}, **problems(404, 422)},
)
async def get_task(request: Request, principal: Reader, task_id: TaskId) -> Response:
    """One task, live or finished, with a weak ETag."""
    task = await inspect.get_task(services_of(request).database, principal.tenant_id, task_id)
    return tagged_reply(request, task_json(task))


@router.get("/v1/tasks/{task_id}/executions", response_model=ExecutionList, responses=problems(404, 422))
async def get_executions(
    request: Request, principal: Reader, task_id: TaskId, query: Annotated[ExecutionQuery, Query()]
) -> Response:
    """The latest finished attempts of a task, first to last; fewer where 4 MiB of errors and tracebacks are reached.

    The running one is in the task itself.
    """
    page = await inspect.latest_executions(
        services_of(request).database, principal.tenant_id, task_id, limit=query.limit
    )
    return json_reply({"items": [execution_json(one) for one in page.latest], "earlier": page.earlier})


@router.get("/v1/tasks/{task_id}/steps", response_model=StepPage, responses=problems(404, 422))
async def list_steps(
    request: Request, principal: Reader, task_id: TaskId, query: Annotated[PageQuery, Query()]
) -> Response:
    """The finished durable steps of a task with what they returned, newest first. Large results end a page early."""
    listing = f"steps of {task_id}"
    found = await inspect.list_steps(
        services_of(request).database,
        principal.tenant_id,
        task_id,
        before=read_cursor(listing, query.filters(), query.cursor, step_before),
        limit=query.limit,
    )
    more = make_cursor(listing, query.filters(), step_key(found.steps[-1].position)) if found.more else None
    return page([step_json(one) for one in found.steps], more)


@router.get("/v1/tasks/{task_id}/explain", response_model=Explained, responses=problems(404, 422))
async def explain_task(request: Request, principal: Reader, task_id: TaskId) -> Response:
    """Why a task runs, waits or ended, most telling reason first."""
    reasons = await inspect.explain_task(services_of(request).database, principal.tenant_id, task_id)
    return json_reply({"items": reasons})


@router.get("/v1/tasks/{task_id}/children", response_model=Children, responses=problems(404, 422))
async def get_children(request: Request, principal: Reader, task_id: TaskId) -> Response:
    """How the tasks that name this one as their parent stand."""
    counts = await inspect.count_children(services_of(request).database, principal.tenant_id, task_id)
    return json_reply({"total": sum(counts.values()), "by_status": counts})
