"""Routes that act on schedules: pause, resume, trigger."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from rowlock.api.authentication import Writer, acting
from rowlock.api.openapi import TAG_SCHEDULES, problems
from rowlock.api.replies import json_reply
from rowlock.api.schedules.models import ScheduleDetail
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


@router.post("/v1/schedules/{name}/trigger", status_code=201, response_model=Task, responses=problems(404, 422))
async def trigger_schedule(request: Request, principal: Writer, name: ScheduleName) -> Response:
    """Enqueues one task of a schedule outside its windows, paused or not."""
    database, tenant_id = services_of(request).database, principal.tenant_id
    task_id = await schedules.trigger_now(database, tenant_id, name, actor=acting(request, principal))
    with already(f"Task {task_id} was enqueued for the schedule {name}"):
        task = await inspect.get_task(database, tenant_id, task_id)
    return json_reply(task_json(task), status=201, headers={"Location": f"/v1/tasks/{task_id}"})
