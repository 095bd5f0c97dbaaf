"""Routes that change tasks: cancel, redrive, reprioritise."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from rowlock.api.authentication import Writer, acting
from rowlock.api.body import json_body
from rowlock.api.openapi import TAG_TASKS, problems
from rowlock.api.replies import json_reply
from rowlock.api.services import services_of
from rowlock.api.tasks.models import CancelReply, CancelRequest, Task, TaskPatch
from rowlock.api.tasks.wire import task_json
from rowlock.api.wire import TaskId
from rowlock.engine import inspect, operate
from rowlock.engine.afterwards import already

router = APIRouter(tags=[TAG_TASKS])


@router.post("/v1/tasks/{task_id}/cancel", response_model=CancelReply, responses=problems(404, 409, body=True))
async def cancel_task(
    request: Request,
    principal: Writer,
    task_id: TaskId,
    body: Annotated[CancelRequest, json_body(CancelRequest, required=False)],
) -> Response:
    """Cancels a waiting task at once, and asks the worker of a running one to stop it. A finished one is 409."""
    database, tenant_id = services_of(request).database, principal.tenant_id
    status = await operate.cancel_task(
        database, tenant_id, task_id, actor=acting(request, principal), reason=body.reason
    )
    with already(f"Task {task_id} was cancelled, or its worker asked to stop it"):
        task = await inspect.get_task(database, tenant_id, task_id)
    return json_reply({"status": status, "task": task_json(task)})


@router.post("/v1/tasks/{task_id}/redrive", response_model=Task, responses=problems(404, 409, 422))
async def redrive_task(request: Request, principal: Writer, task_id: TaskId) -> Response:
    """Puts a dead or cancelled task back to work under its own id, with all attempts ahead of it."""
    database, tenant_id = services_of(request).database, principal.tenant_id
    await operate.redrive_task(database, tenant_id, task_id, actor=acting(request, principal))
    with already(f"Task {task_id} was put back to work"):
        task = await inspect.get_task(database, tenant_id, task_id)
    return json_reply(task_json(task))


@router.patch("/v1/tasks/{task_id}", response_model=Task, responses=problems(404, 409, body=True))
async def change_task(
    request: Request, principal: Writer, task_id: TaskId, body: Annotated[TaskPatch, json_body(TaskPatch)]
) -> Response:
    """Changes priority or run time of a task that waits for a worker; otherwise 409."""
    database, tenant_id = services_of(request).database, principal.tenant_id
    await operate.change_task(
        database,
        tenant_id,
        task_id,
        actor=acting(request, principal),
        priority=body.priority,
        run_at=body.run_at,
        delay=body.delay_seconds,
    )
    with already(f"Task {task_id} was changed"):
        task = await inspect.get_task(database, tenant_id, task_id)
    return json_reply(task_json(task))
