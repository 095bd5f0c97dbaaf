"""Routes that act on schedules: pause, resume, trigger."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from rowlock.api.authentication import Writer, acting
from rowlock.api.body import json_body
from rowlock.api.openapi import TAG_SCHEDULES, problems
from rowlock.api.replies import json_reply
from rowlock.api.schedules.models import ScheduleDetail, TriggerRequest
from rowlock.api.schedules.wire import detail_json
from rowlock.api.services import services_of
from rowlock.api.tasks.models import Task
from rowlock.api.tasks.wire import task_json
from rowlock.api.wire import QueueName as ScheduleName
from rowlock.engine import inspect, schedules
from rowlock.engine.afterwards import already

router = APIRouter(tags=[TAG_SCHEDULES])


@router.post("/v1/schedules/{name}/pause", response_model=ScheduleDetail, responses=problems(404, 422))
async def pause_schedule(request: Request, principal: Writer, name: ScheduleName) -> Response:
    """Stops a schedule from firing."""
    paused = await schedules.pause_schedule(
        services_of(request).database, principal.tenant_id, name, actor=acting(request, principal)
    )
    return json_reply(detail_json(paused))


@router.post("/v1/schedules/{name}/resume", response_model=ScheduleDetail, responses=problems(404, 409, 422))
async def resume_schedule(request: Request, principal: Writer, name: ScheduleName) -> Response:
    """Lets a paused schedule fire again from now on; what it missed is recorded as skipped."""
    resumed = await schedules.resume_schedule(
        services_of(request).database, principal.tenant_id, name, actor=acting(request, principal)
    )
    return json_reply(detail_json(resumed))


@router.post(
    "/v1/schedules/{name}/trigger",
    status_code=201,
    response_model=Task,
    responses={
        200: {"model": Task, "description": "The schedule was triggered under that id before: this is the task."},
        **problems(404, 409, body=True),
    },
)
async def trigger_schedule(
    request: Request,
    principal: Writer,
    name: ScheduleName,
    body: Annotated[TriggerRequest, json_body(TriggerRequest, required=False)],
) -> Response:
    """Enqueues one task of a schedule outside its windows, paused or not: 201, or 200 with the task that was made under
    the same `id` before."""
    database, tenant_id = services_of(request).database, principal.tenant_id
    stored = await schedules.trigger_now(database, tenant_id, name, actor=acting(request, principal), task_id=body.id)
    with already(f"Task {stored.id} was enqueued for the schedule {name}"):
        task = await inspect.get_task(database, tenant_id, stored.id)
    headers = {"Location": f"/v1/tasks/{stored.id}"}
    return json_reply(task_json(task), status=201 if stored.created else 200, headers=headers)
